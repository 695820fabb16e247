#include "twincert/bounds/rounding.hpp"

#include <cmath>
#include <limits>

#include "twincert/bounds/envelope.hpp"
#include "twincert/core/interval.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// gamma(operations), raised so that relative * load bounds gamma(operations) times the exact load: `load` is a computed sum of products
// of nonnegative numbers with `operations` roundings, and the products and sums in add_rigorously() round a few times more.
double relative_error(Index operations) { return core::round_up_sum(core::gamma(operations), operations + 8); }

// constant + shift + relative * load + absolute, rounded up. With R the result, E the error term as computed and c, s the two others,
// R >= c + s + E - 3 u (|c| + |s|) - 2 u E; the term with 4 u pays for the first loss, relative_error() for the second.
// Infinite and NaN loads reach the constant on purpose.
void add_rigorously(Eigen::Ref<Vector> constant, const Eigen::Ref<const Vector>& shift, const Eigen::Ref<const Vector>& load,
                    double relative, double absolute) {
  for (Index r = 0; r < constant.size(); ++r) {
    const double rounding = (4.0 * core::unit_roundoff) * (std::abs(constant[r]) + std::abs(shift[r]));
    constant[r] = (constant[r] + shift[r]) + ((relative * load[r] + absolute) + rounding);
  }
}

}  // namespace

double proven_upper(double x) { return x > -infinity ? x : infinity; }

// Coefficients that underflow meet values of that size. The sums over the neurons round as well: |t| <= (1 + gamma) e bounds their terms.
void add_neuron_terms(Eigen::Ref<Vector> constant, const Eigen::Ref<const Vector>& shift, const Eigen::Ref<const Vector>& load,
                      Index neurons, double value_sum) {
  const double absolute =
      core::round_up_sum(static_cast<double>(2 * neurons * neuron_rounding) * core::underflow_unit * (1.0 + value_sum), 3);
  add_rigorously(constant, shift, load, relative_error(neurons + neuron_rounding), absolute);
}

void add_affine_terms(Eigen::Ref<Vector> constant, const Eigen::Ref<const Vector>& shift, const Eigen::Ref<const Vector>& load, Index terms,
                      double magnitude_sum) {
  const double absolute = core::round_up_sum(static_cast<double>(2 * terms + 4) * core::underflow_unit * (1.0 + magnitude_sum), 3);
  add_rigorously(constant, shift, load, relative_error(terms + 2), absolute);
}

}  // namespace twincert::bounds
