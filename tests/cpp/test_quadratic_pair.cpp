// Parabolas above pairs: the offset holds in higher precision, and is no larger than it has to be.
#include <algorithm>
#include <cmath>
#include <random>

#include "check.hpp"
#include "twincert/bounds/envelope.hpp"
#include "twincert/bounds/quadratic_pair.hpp"
#include "twincert/core/interval.hpp"

using namespace twincert;

namespace {

constexpr network::Activation relu{network::ActivationKind::relu};

struct Case {
  bounds::PolygonPair pair;
  bounds::PairParabola parabola;
  double middle_f, middle_g;

  // What the plane and the parabola leave of p act(a_f) + q act(a_g).
  long double excess(long double a_f, long double a_g) const {
    const auto [p, q, by_f, by_g, kappa] = parabola;
    const long double l = p * (a_f - middle_f) + q * (a_g - middle_g);
    return p * std::max(a_f, 0.0L) + q * std::max(a_g, 0.0L) - by_f * a_f - by_g * a_g - kappa * l * l;
  }
};

class Cases {
 public:
  Case next(double least_kappa) {
    const double center = uniform(-1.0, 1.0), width = std::pow(10.0, uniform(-3.0, 0.5));
    const core::Interval f{center - width, center + width}, difference{-0.3 * width, uniform(0.0, 0.5) * width};
    const core::Interval g{f.lower - difference.upper, f.upper - difference.lower};
    const double p = uniform(-2.0, 2.0), q = uniform(0.0, 1.0) < 0.5 ? -p * (1.0 + uniform(-0.1, 0.1)) : uniform(-2.0, 2.0);
    const double kappa = least_kappa * std::pow(10.0, uniform(0.0, 3.0)) / width;
    return {bounds::PolygonPair(relu, relu, f, g, difference),
            {p, q, p * uniform(-0.2, 1.2), q * uniform(-0.2, 1.2), kappa},
            center + uniform(-0.3, 0.3) * width,
            center + uniform(-0.3, 0.3) * width};
  }

  double uniform(double lower, double upper) { return std::uniform_real_distribution<double>(lower, upper)(random_); }

 private:
  std::mt19937_64 random_{11};
};

// The largest excess at the cells' vertices and on the segments between them, which has the boundaries of all cells.
long double largest(const Case& c, const bounds::PolygonTable& polygon, int steps) {
  long double result = -INFINITY;
  for (std::size_t i = 0; i < polygon.vertices; ++i) {
    for (std::size_t j = i; j < polygon.vertices; ++j) {
      for (int step = 0; step <= steps; ++step) {
        const long double share = static_cast<long double>(step) / steps;
        result = std::max(result, c.excess(polygon.a_f[i] + share * (polygon.a_f[j] - polygon.a_f[i]),
                                           polygon.a_g[i] + share * (polygon.a_g[j] - polygon.a_g[i])));
      }
    }
  }
  return result;
}

}  // namespace

TEST(quadratic_pair_offsets_hold_and_are_tight) {
  Cases cases;
  for (int n = 0; n < 400; ++n) {
    const Case c = cases.next(n % 4 == 0 ? 0.0 : 0.01);
    const bounds::PolygonTable polygon = c.pair.table();
    const bounds::PairOffset offset = bounds::pair_offset(polygon, c.parabola, c.middle_f, c.middle_g);
    const long double bound = offset.value + static_cast<long double>(core::gamma(bounds::neuron_rounding)) * offset.load;
    const long double attained = largest(c, polygon, 400);
    CHECK(attained <= bound);
    CHECK(bound <= attained + 1e-4L * (std::abs(attained) + offset.load));
  }
}

// Far from zero the offset is a difference of large numbers: without the load half of the bounds would be too small.
TEST(quadratic_pair_offsets_pay_for_rounding) {
  Cases cases;
  int rounded_down = 0;
  for (int n = 0; n < 200; ++n) {
    const double far = 1e9 * (1.0 + cases.uniform(0.0, 1.0)), p = 1.0 + cases.uniform(0.0, 1.0);
    const core::Interval f{far, far + 1.0}, difference{-0.25, 0.25};
    const Case c{bounds::PolygonPair(relu, relu, f, {far - 0.25, far + 1.25}, difference), {p, -p, 0.3 * p, -0.7 * p, 0.0}, far, far};
    const bounds::PolygonTable polygon = c.pair.table();
    const bounds::PairOffset offset = bounds::pair_offset(polygon, c.parabola, c.middle_f, c.middle_g);
    const long double attained = largest(c, polygon, 1);
    CHECK(attained <= offset.value + static_cast<long double>(core::gamma(bounds::neuron_rounding)) * offset.load);
    rounded_down += attained > offset.value ? 1 : 0;
  }
  CHECK(rounded_down > 20);
}

TEST(quadratic_pair_offsets_of_what_is_no_number_are_infinite) {
  Cases cases;
  Case c = cases.next(0.1);
  c.parabola.by_f = std::nan("");
  CHECK(bounds::pair_offset(c.pair.table(), c.parabola, c.middle_f, c.middle_g).value == INFINITY);
}

// The derivatives that the search follows are those of the offset, unless another piece of the boundary has almost its value.
TEST(quadratic_pair_peaks_are_where_the_offset_is_attained) {
  Cases cases;
  int compared = 0;
  for (int n = 0; n < 200; ++n) {
    const Case c = cases.next(1.0);
    const bounds::PolygonTable polygon = c.pair.table();
    const bounds::PairBoundary boundary(polygon, c.middle_f, c.middle_f - c.middle_g);
    const auto [p, q, by_f, by_g, kappa] = c.parabola;
    // p F + q G = s F + t E, and by_f a_f + by_g a_g = (by_f + by_g) a_f - by_g (a_f - a_g)
    const double s = p + q, t = -q, by_x = by_f + by_g, by_y = -by_g;
    double x, y, by_s, by_t, square, reach;
    bounds::pair_peaks(boundary, 1, &s, &t, &by_x, &by_y, &kappa, {&x, &y, &by_s, &by_t, &square, &reach});
    const bounds::PairOffset offset = bounds::pair_offset(polygon, c.parabola, c.middle_f, c.middle_g);
    const long double missed = offset.value - c.excess(x, static_cast<long double>(x) - y);
    CHECK(missed >= -1e-9L * offset.load);
    CHECK(square >= 0.0 && square <= 1.0001 * reach * reach);
    compared += missed < 0.01L * reach ? 1 : 0;
  }
  CHECK(compared > 120);
}
