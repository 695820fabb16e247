#include "twincert/affine.hpp"

#include "twincert/attack/affine_samples.hpp"
#include "twincert/core/error.hpp"
#include "twincert/solver/slope_search.hpp"

namespace twincert {
namespace {

using core::Index;

constexpr Index slope_limit = 12;     // that are tried
constexpr Index slope_samples = 512;  // points that say where to start

}  // namespace

void validate_affine(const sets::InputSet& set, const CertifyOptions& options) {
  if (options.method == Method::branch) {
    throw core::SettingsError(
        "method: expected auto, interval, crown or sdp with an affine measure, found branch: parts of the set have no gamma_x in common");
  }
  if (options.measure.of == core::AffineInput::difference && set.shared_input()) {
    throw core::SettingsError("measure: affine of the difference of both inputs expects a set in which they differ");
  }
  if (options.rows && options.rows->input_reduction == relax::InputReduction::always) {
    throw core::SettingsError(
        "rows: affine measures need the inputs themselves, expected input_reduction automatic or never, found always");
  }
}

double largest_affine_input(const core::Measure& measure, const sets::InputSet& set) {
  if (measure.of == core::AffineInput::difference) return set.difference().squaredNorm();
  return set.bounding_box().magnitude().squaredNorm();
}

void minimise_slope(const network::Twin& twin, const sets::InputSet& set, const CertifyOptions& options,
                    const std::function<std::optional<double>(const relax::Objective&, Index, Index)>& solve) {
  const core::Measure& measure = options.measure;
  const auto seed = static_cast<std::uint64_t>(options.settings.seed);
  solver::SlopeSearch search(measure.weight_x, measure.weight, largest_affine_input(measure, set),
                             attack::affine_samples(twin, set, measure, slope_samples, seed));
  for (Index i = 0; i < slope_limit; ++i) {
    const std::optional<double> slope = search.next(options.settings.tolerance);
    if (!slope) return;
    const std::optional<double> bound = solve({relax::affine_kind(measure.of), core::Vector(), *slope}, i, slope_limit);
    if (!bound) return;
    search.add(*slope, *bound);
  }
}

}  // namespace twincert
