// Analysis of the rounding errors of a float64 evaluation. With x~ the computed and x the exact input of a stage, e = x~ - x,
//   fl(W x~ + b) - (W x + b) = W e + d,  |d| <= gamma(n + 2) (|W| (|x| + |e|) + |b|)
// for every order of summation, with or without fused multiply-add. The activation adds its own evaluation error, and scales e by its
// slope on the interval, widened by |e|, that both values lie in; nor can it exceed the width of that interval's image. Taken layer by
// layer, |W| |e| forgets signs and grows without end in deep networks. So W e is followed back: where the slope is one number, e is that
// number times the error before the activation, which is W e + d of the stage before; elsewhere the known |e| is charged and the trace
// ends. Coefficients are what floating point makes of them, with what that costs charged to the known |e| they multiply.
// A staircase of the computed argument is among the values that its bounds are about (layer.hpp), so x may be taken to be x~: it ends
// the propagation of errors.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "twincert/bounds/forward.hpp"
#include "twincert/core/blas.hpp"

namespace twincert::bounds {
namespace {

using network::Activation;
using network::Stage;

constexpr double infinity = std::numeric_limits<double>::infinity();

double or_infinite(double x) { return std::isnan(x) ? infinity : x; }

// A few ulps above a bound made of `terms` nonnegative operations; covers underflow of each.
double raised(double x, Index terms) { return or_infinite(core::round_up_sum(x, terms)); }

// So many stages an error is followed back; contracting ones have forgotten it by then.
constexpr Index trace_depth = 12;

// One stage's errors, all entrywise bounds of absolute values; entries of `slope` are NaN where there is not one slope.
struct StageErrors {
  Vector local;   // d
  Vector before;  // the activation
  Vector slope;
  Vector own;    // of the activation's evaluation
  Vector after;  // the activation
};

// The rounding d of W x~ + b.
Vector local_error(const Stage& stage, const Vector& magnitude, const Vector& error) {
  const Index inputs = stage.weight.cols();
  const Vector sizes = stage.weight.cwiseAbs() * (magnitude + error) + stage.bias.cwiseAbs();
  const double underflow = static_cast<double>(inputs + 2) * core::underflow_unit;
  Vector result(sizes.size());
  for (Index i = 0; i < result.size(); ++i) result[i] = raised(core::gamma(inputs + 2) * raised(sizes[i], inputs + 3) + underflow, 3);
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

// W e + d, followed back through the stages before.
template <typename StageOf>
Vector traced_error(const std::vector<StageErrors>& stages, const Vector& local, StageOf stage_of) {
  Index terms = 64;
  const auto keep_smaller = [&terms](Vector& best, const Vector& other) {
    for (Index i = 0; i < best.size(); ++i) {
      const double candidate = raised(other[i], terms);
      if (candidate < best[i]) best[i] = candidate;
    }
  };
  Vector best = Vector::Constant(local.size(), infinity);
  if (stages.empty()) return local;
  const auto k = static_cast<Index>(stages.size());
  Matrix coefficients = stage_of(stages.size()).weight;  // of the errors after the activation of stage j
  Vector charged = local;
  for (Index j = k - 1; j >= std::max<Index>(0, k - trace_depth); --j) {
    const StageErrors& errors = stages[static_cast<std::size_t>(j)];
    terms += 8 * errors.local.size() + 8;
    keep_smaller(best, charged + coefficients.cwiseAbs() * errors.after);
    for (Index i = 0; i < errors.slope.size(); ++i) {
      const bool traced = std::isfinite(errors.slope[i]);
      const Vector size = coefficients.col(i).cwiseAbs();
      charged += size * (traced ? errors.own[i] : errors.after[i]);
      if (traced && errors.slope[i] != 0.0) {
        if (errors.slope[i] != 1.0) {
          charged += core::unit_roundoff * std::abs(errors.slope[i]) * errors.before[i] * size;
          coefficients.col(i) *= errors.slope[i];
        }
      } else {
        coefficients.col(i).setZero();
      }
    }
    charged += coefficients.cwiseAbs() * errors.local;
    if (j == 0) {
      keep_smaller(best, charged);
      break;
    }
    const Matrix& weight = stage_of(static_cast<std::size_t>(j)).weight;
    const Vector carried = weight.cwiseAbs() * stages[static_cast<std::size_t>(j) - 1].after;
    charged += core::gamma(weight.rows() + 2) * (coefficients.cwiseAbs() * carried);
    charged.array() += static_cast<double>(weight.size()) * core::underflow_unit;
    Matrix next(coefficients.rows(), weight.cols());
    core::gemm(core::Transpose::no, core::Transpose::no, 1.0, coefficients, weight, 0.0, next);
    coefficients = std::move(next);
  }
  return best;
}

// Errors of one network's outputs. `inputs` bounds the network's input, `values(k)` the values before stage k's activation.
template <typename StageOf, typename ValuesOf>
Vector network_error(std::size_t count, const IntervalVector& inputs, StageOf stage_of, ValuesOf values_of) {
  std::vector<StageErrors> stages;
  Vector magnitude = inputs.magnitude();
  Vector error = Vector::Zero(magnitude.size());
  for (std::size_t k = 0;; ++k) {
    const Stage& stage = stage_of(k);
    const IntervalVector& values = values_of(k);
    StageErrors errors;
    errors.local = local_error(stage, magnitude, error);
    errors.before = traced_error(stages, errors.local, stage_of);
    if (k + 1 == count) return errors.before;
    const Index size = errors.before.size();
    errors.slope = Vector::Constant(size, std::numeric_limits<double>::quiet_NaN());
    errors.own.resize(size);
    errors.after.resize(size);
    magnitude.resize(size);
    for (Index i = 0; i < size; ++i) {
      const Interval widened = values[i] + Interval{-errors.before[i], errors.before[i]};
      const Interval slopes = stage.activation.slope_range(widened);
      errors.own[i] = or_infinite(stage.activation.evaluation_error(widened));
      errors.after[i] = activation_error(stage.activation, values[i], errors.before[i]);
      if (!stage.activation.staircase() && slopes.lower == slopes.upper && std::isfinite(errors.own[i])) errors.slope[i] = slopes.lower;
      magnitude[i] = or_infinite(stage.activation.image(values[i]).magnitude());
    }
    error = errors.after;
    stages.push_back(std::move(errors));
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
