#include "twincert/certificate/claim.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "twincert/bounds/measure_rows.hpp"

namespace twincert::certificate {
namespace {

using core::IntervalVector;
using core::MeasureKind;

constexpr double infinity = std::numeric_limits<double>::infinity();

// Where the optimiser's path parts from this machine's in the last bits, its bounds may differ by much more than rounding.
constexpr double optimizer_slack = 1e-6;

double upper_sum(double a, double b) { return core::next_up(a + b); }

IntervalVector widened(const IntervalVector& box, double share = 1e-9) {
  IntervalVector wide = box;
  for (Index i = 0; i < box.size(); ++i) {
    const double slack = share * box[i].width() + 1e-14 * box[i].magnitude();
    wide.set(i, {core::next_down(box.lower[i] - slack), core::next_up(box.upper[i] + slack)});
  }
  return wide;
}

// From |f - g|^2 <= gamma_x q + gamma in exact arithmetic to the evaluated F - G, |(F - G) - (f - g)|^2 <= error_squares: for every t > 0
//   (s + e)^2 <= (1 + t) s^2 + (1 + 1/t) e^2,
// with the t that makes the weighted sum smallest.
AffineBound evaluated_affine(const core::Measure& measure, AffineBound exact, double error_squares) {
  const double sum = measure.weight_x * exact.gamma_x + measure.weight * exact.gamma;
  if (!(sum > 0.0)) return {exact.gamma_x, core::next_up(error_squares * bounds::affine_evaluation())};  // then s is zero
  if (error_squares > 0.0) {
    const double t = std::sqrt(measure.weight * error_squares / sum);
    const double stretch = core::add_up(1.0, t);
    const double charge = core::mul_up(core::add_up(1.0, core::next_up(1.0 / t)), error_squares);
    exact = {core::mul_up(stretch, exact.gamma_x), core::add_up(core::mul_up(stretch, exact.gamma), charge)};
  }
  // Squares may also underflow.
  const double lost = core::mul_up(core::add_up(1.0, exact.gamma_x), 0x1p-1000);
  return {core::mul_up(exact.gamma_x, bounds::affine_evaluation()),
          core::add_up(core::mul_up(exact.gamma, bounds::affine_evaluation()), lost)};
}

bool contains(const IntervalVector& outer, const IntervalVector& inner) {
  if (outer.lower.size() != inner.lower.size() || outer.upper.size() != inner.upper.size()) return false;
  return (outer.lower.array() <= inner.lower.array()).all() && (outer.upper.array() >= inner.upper.array()).all();
}

}  // namespace

Vector propagated_rows(const core::Measure& measure, const network::Twin& twin, const sets::InputSet& set, const std::string& propagation,
                       const bounds::TwinBounds& bounds) {
  return propagation == "interval" ? bounds::row_maxima(measure, bounds) : bounds::row_maxima(measure, twin, set, bounds);
}

Vector lowered(const core::Measure& measure, Index outputs, Vector row_maxima, const std::vector<ProvenObjective>& objectives) {
  for (const ProvenObjective& proven : objectives) {
    if (proven.objective.kind == relax::ObjectiveKind::linear) {
      const auto row = bounds::difference_row(measure, outputs, proven.objective.weights);
      if (row) row_maxima[*row] = std::min(row_maxima[*row], proven.bound);
    } else if (proven.objective.kind == relax::ObjectiveKind::squared_two_norm) {
      const double norm = core::next_up(std::sqrt(std::max(0.0, proven.bound)));
      for (const Index row : bounds::difference_rows(measure, outputs)) {
        const Vector weights = bounds::difference_weights(measure, outputs, row);
        const double size = weights.cwiseAbs().sum() == 1.0 ? 1.0 : core::mul_up(weights.norm(), 1.0 + 1e-12);
        row_maxima[row] = std::min(row_maxima[row], core::mul_up(size, norm));
      }
    }
  }
  return row_maxima;
}

Claim derive_claim(const core::Measure& measure, const bounds::TwinBounds& bounds, const Vector& row_maxima,
                   const std::vector<ProvenObjective>& objectives, double upper) {
  const Vector& error = bounds.evaluation_error;
  const Index m = error.size();
  const Vector maxima = lowered(measure, m, row_maxima, objectives);
  Claim claim{measure, std::min(bounds::measure_upper(measure, m, maxima, error), upper), Vector::Constant(m, infinity),
              Vector::Constant(m, -infinity)};
  if (measure.kind == MeasureKind::margin || measure.kind == MeasureKind::top1) return claim;
  double error_squares = 0.0, error_sum = 0.0;
  for (Index i = 0; i < m; ++i) {
    error_squares = core::next_up(error_squares + core::next_up(error[i] * error[i]));
    error_sum = upper_sum(error_sum, error[i]);
    if (measure.kind == MeasureKind::output && i != measure.output) continue;
    const Index row = measure.kind == MeasureKind::output ? 0 : 2 * i;
    claim.upper_per_output[i] = upper_sum(maxima[row], error[i]);
    claim.lower_per_output[i] = -upper_sum(maxima[row + 1], error[i]);
  }
  for (const ProvenObjective& proven : objectives) {
    double norm = infinity;
    if (measure.kind == MeasureKind::two && proven.objective.kind == relax::ObjectiveKind::squared_two_norm) {
      norm = upper_sum(core::next_up(std::sqrt(std::max(0.0, proven.bound))), core::next_up(std::sqrt(error_squares)));
    }
    if (measure.kind == MeasureKind::one && proven.objective.kind == relax::ObjectiveKind::one_norm)
      norm = upper_sum(proven.bound, error_sum);
    claim.upper = std::min(claim.upper, norm * bounds::norm_evaluation(m));
  }
  if (measure.kind == MeasureKind::affine) {
    for (const AffineBound& affine : affine_bounds(measure, bounds, maxima, objectives)) {
      const double sum = weighted_sum(measure, affine);
      if (claim.affine && !(sum < claim.upper)) continue;
      claim.affine = affine;
      claim.upper = sum;
    }
  }
  if (std::isnan(claim.upper)) claim.upper = infinity;
  return claim;
}

std::vector<AffineBound> affine_bounds(const core::Measure& measure, const bounds::TwinBounds& bounds, const Vector& row_maxima,
                                       const std::vector<ProvenObjective>& objectives) {
  const Vector& error = bounds.evaluation_error;
  const double constant = bounds::squared_norm_upper(measure, error.size(), lowered(measure, error.size(), row_maxima, objectives), error);
  std::vector<AffineBound> found{{0.0, core::next_up(constant * bounds::affine_evaluation())}};
  if (constant == 0.0) found.front().gamma = 0.0;
  double error_squares = 0.0;
  for (const double e : error) error_squares = core::next_up(error_squares + core::next_up(e * e));
  for (const ProvenObjective& proven : objectives) {
    if (proven.objective.kind != relax::affine_kind(measure.of)) continue;
    found.push_back(evaluated_affine(measure, {proven.objective.slope, std::max(0.0, proven.bound)}, error_squares));
  }
  for (AffineBound& affine : found) {
    if (std::isnan(affine.gamma_x) || std::isnan(affine.gamma)) affine = {0.0, infinity};
  }
  return found;
}

double weighted_sum(const core::Measure& measure, const AffineBound& affine) {
  return upper_sum(core::mul_up(measure.weight_x, affine.gamma_x), core::mul_up(measure.weight, affine.gamma));
}

Claim relaxed(Claim claim) {
  // Zero is no rounded number: it says that nothing is left of the measure.
  auto up = [](double value) { return std::isfinite(value) && value != 0.0 ? core::next_up(value + 1e-12 * std::abs(value)) : value; };
  claim.upper = up(claim.upper);
  if (claim.affine) {
    claim.affine = {up(claim.affine->gamma_x), up(claim.affine->gamma)};
    claim.upper = weighted_sum(claim.measure, *claim.affine);
  }
  claim.upper_per_output = claim.upper_per_output.unaryExpr(up);
  claim.lower_per_output = -(-claim.lower_per_output).unaryExpr(up);
  return claim;
}

Vector relaxed_rows(Vector row_maxima) {
  double scale = 0.0;
  for (const double x : row_maxima) scale = std::isfinite(x) ? std::max(scale, std::abs(x)) : scale;
  if (scale == 0.0) return row_maxima;
  for (double& x : row_maxima) x = core::next_up(x + (optimizer_slack * std::abs(x) + 1e-3 * optimizer_slack * scale));
  return row_maxima;
}

bounds::TwinBounds relaxed_bounds(const bounds::TwinBounds& optimized, const bounds::TwinBounds& crown) {
  bounds::TwinBounds relaxed;
  for (const bounds::StageBounds& stage : optimized.stages) {
    relaxed.stages.push_back({widened(stage.reference, optimizer_slack), widened(stage.compressed, optimizer_slack),
                              widened(stage.difference, optimizer_slack)});
  }
  relaxed.evaluation_error = (1.0 + optimizer_slack) * optimized.evaluation_error;
  return bounds::intersect(relaxed, crown);
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
