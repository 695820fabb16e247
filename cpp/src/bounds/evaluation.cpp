// Forward analysis of the rounding errors of a float64 evaluation. With x~ the computed and x the exact input of a stage, |x~ - x| <= e,
//   |fl(W x~ + b) - (W x + b)| <= gamma(n + 2) (|W| (|x| + e) + |b|) + |W| e
// for every order of summation, with or without fused multiply-add. The activation adds its own evaluation error, and scales e by at
// most its largest slope on the interval, widened by e, that both values lie in; nor can it exceed the width of that interval's image.
// A staircase of the computed argument is among the values that its bounds are about (layer.hpp), so x may be taken to be x~: it ends
// the propagation of errors.
#include <algorithm>
#include <cmath>

#include "twincert/bounds/forward.hpp"

namespace twincert::bounds {
namespace {

using network::Activation;
using network::Stage;

constexpr double infinity = std::numeric_limits<double>::infinity();

double or_infinite(double x) { return std::isnan(x) ? infinity : x; }

// A few ulps above a bound made of `terms` nonnegative operations; covers underflow of each.
double raised(double x, Index terms) { return or_infinite(core::round_up_sum(x, terms)); }

Vector affine_error(const Stage& stage, const Vector& magnitude, const Vector& error) {
  const Index inputs = stage.weight.cols();
  const Matrix weight = stage.weight.cwiseAbs();
  const double relative = core::gamma(inputs + 2);
  const Vector sizes = weight * (magnitude + error) + stage.bias.cwiseAbs();
  const Vector carried = weight * error;
  const double underflow = static_cast<double>(inputs + 2) * core::underflow_unit;
  Vector result(sizes.size());
  for (Index i = 0; i < result.size(); ++i) {
    result[i] = raised(relative * raised(sizes[i], inputs + 3) + raised(carried[i], inputs + 1) + underflow, 4);
  }
  return result;
}

double activation_error(const Activation& activation, Interval x, double error) {
  if (!std::isfinite(error)) return infinity;
  const Interval widened = x + Interval{-error, error};
  if (activation.staircase()) {
    // Within the tolerance the bounds hold for the computed value itself. Beyond it, the two arguments are at most `jumps` ties apart.
    if (error <= activation.staircase_tolerance()) return 0.0;
    const double jumps = std::floor(error / activation.step) + 3.0;
    return or_infinite(std::min(core::mul_up(jumps, activation.step), activation.image(widened).width()));
  }
  const double carried = or_infinite(activation.slope_range(widened).magnitude() * error);
  const double width = or_infinite(activation.image(widened).width());
  return raised(std::min(raised(carried, 1), width) + or_infinite(activation.evaluation_error(widened)), 2);
}

// Errors of one network's outputs. `inputs` bounds the network's input, `values(k)` the values before stage k's activation.
template <typename StageOf, typename ValuesOf>
Vector network_error(std::size_t count, const IntervalVector& inputs, StageOf stage_of, ValuesOf values_of) {
  Vector magnitude = inputs.magnitude();
  Vector error = Vector::Zero(magnitude.size());
  for (std::size_t k = 0;; ++k) {
    const Stage& stage = stage_of(k);
    const IntervalVector& values = values_of(k);
    error = affine_error(stage, magnitude, error);
    if (k + 1 == count) return error;
    magnitude.resize(error.size());
    for (Index i = 0; i < error.size(); ++i) {
      error[i] = activation_error(stage.activation, values[i], error[i]);
      magnitude[i] = or_infinite(stage.activation.image(values[i]).magnitude());
    }
  }
}

}  // namespace

Vector evaluation_error(const Twin& twin, const InputSet& set, const std::vector<StageBounds>& stages) {
  const auto& pairs = twin.stages();
  const Vector reference = network_error(
      pairs.size(), set.bounding_box(), [&](std::size_t k) -> const Stage& { return pairs[k].reference; },
      [&](std::size_t k) -> const IntervalVector& { return stages[k].reference; });
  const Vector compressed = network_error(
      pairs.size(), set.compressed_bounding_box(), [&](std::size_t k) -> const Stage& { return pairs[k].compressed; },
      [&](std::size_t k) -> const IntervalVector& { return stages[k].compressed; });
  const IntervalVector& difference = stages.back().difference;
  Vector result(reference.size());
  for (Index i = 0; i < result.size(); ++i) {
    // The subtraction rounds by u times its result, which is within the two errors of the exact difference.
    const double total = raised(reference[i] + compressed[i], 2);
    const double largest = raised(difference[i].magnitude() + total, 2);
    result[i] = raised(total + 2.0 * core::unit_roundoff * largest, 3);
  }
  return result;
}

}  // namespace twincert::bounds
