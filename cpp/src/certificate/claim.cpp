#include "twincert/certificate/claim.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace twincert::certificate {
namespace {

using core::IntervalVector;
using core::MeasureKind;

constexpr double infinity = std::numeric_limits<double>::infinity();

double upper_sum(double a, double b) { return core::next_up(a + b); }

// +1 / -1 when the weights are that multiple of unit vector i.
int direction(const Vector& weights, Index i) {
  for (Index j = 0; j < weights.size(); ++j) {
    if (j != i && weights[j] != 0.0) return 0;
  }
  return weights[i] == 1.0 ? 1 : weights[i] == -1.0 ? -1 : 0;
}

IntervalVector widened(const IntervalVector& box) {
  IntervalVector wide = box;
  for (Index i = 0; i < box.size(); ++i) {
    const double slack = 1e-9 * box[i].width() + 1e-14 * box[i].magnitude();
    wide.set(i, {core::next_down(box.lower[i] - slack), core::next_up(box.upper[i] + slack)});
  }
  return wide;
}

bool contains(const IntervalVector& outer, const IntervalVector& inner) {
  if (outer.lower.size() != inner.lower.size() || outer.upper.size() != inner.upper.size()) return false;
  return (outer.lower.array() <= inner.lower.array()).all() && (outer.upper.array() >= inner.upper.array()).all();
}

}  // namespace

Claim derive_claim(const core::Measure& measure, const bounds::TwinBounds& bounds, const std::vector<ProvenObjective>& objectives) {
  const IntervalVector& difference = bounds.output_difference();
  const Index m = difference.size();
  Claim claim{measure, infinity, Vector::Constant(m, infinity), Vector::Constant(m, -infinity)};
  double two = infinity, one = infinity;
  Vector upper = difference.upper, lower = difference.lower;
  for (const ProvenObjective& proven : objectives) {
    if (proven.objective.kind == relax::ObjectiveKind::squared_two_norm)
      two = std::min(two, core::next_up(std::sqrt(std::max(0.0, proven.bound))));
    if (proven.objective.kind == relax::ObjectiveKind::one_norm) one = std::min(one, proven.bound);
    if (proven.objective.kind != relax::ObjectiveKind::linear || proven.objective.weights.size() != m) continue;
    for (Index i = 0; i < m; ++i) {
      const int sign = direction(proven.objective.weights, i);
      if (sign > 0) upper[i] = std::min(upper[i], proven.bound);
      if (sign < 0) lower[i] = std::max(lower[i], -proven.bound);
    }
  }
  // Rounding of a float64 evaluation of the measure itself.
  const double evaluation = 1.0 + core::gamma(m + 8);
  double squares = 0.0, sum = 0.0, largest = 0.0, error_squares = 0.0, error_sum = 0.0;
  for (Index i = 0; i < m; ++i) {
    if (measure.kind == MeasureKind::output && i != measure.output) continue;
    const double error = bounds.evaluation_error[i];
    claim.upper_per_output[i] = upper_sum(upper[i], error);
    claim.lower_per_output[i] = -upper_sum(-lower[i], error);
    const double reach = std::max(std::abs(claim.upper_per_output[i]), std::abs(claim.lower_per_output[i]));
    largest = std::max(largest, reach);
    squares = core::next_up(squares + core::next_up(reach * reach));
    sum = upper_sum(sum, reach);
    error_squares = core::next_up(error_squares + core::next_up(error * error));
    error_sum = upper_sum(error_sum, error);
  }
  if (measure.kind == MeasureKind::two) {
    claim.upper = std::min(core::next_up(std::sqrt(squares)), upper_sum(two, core::next_up(std::sqrt(error_squares)))) * evaluation;
  } else if (measure.kind == MeasureKind::one) {
    claim.upper = std::min(sum, upper_sum(one, error_sum)) * evaluation;
  } else {
    claim.upper = largest;
  }
  if (std::isnan(claim.upper)) claim.upper = infinity;
  return claim;
}

std::vector<bounds::StageBounds> widened(const std::vector<bounds::StageBounds>& stages) {
  std::vector<bounds::StageBounds> wide;
  for (const bounds::StageBounds& stage : stages)
    wide.push_back({widened(stage.reference), widened(stage.compressed), widened(stage.difference)});
  return wide;
}

bool contains(const std::vector<bounds::StageBounds>& outer, const std::vector<bounds::StageBounds>& inner) {
  if (outer.size() != inner.size()) return false;
  for (std::size_t k = 0; k < outer.size(); ++k) {
    if (!contains(outer[k].reference, inner[k].reference) || !contains(outer[k].compressed, inner[k].compressed) ||
        !contains(outer[k].difference, inner[k].difference)) {
      return false;
    }
  }
  return true;
}

}  // namespace twincert::certificate
