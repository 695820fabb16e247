#include <algorithm>
#include <cmath>
#include <string>
#include <variant>

#include "twincert/bounds/forward.hpp"
#include "twincert/core/error.hpp"
#include "twincert/network/bracket.hpp"

namespace twincert::bounds {
namespace {

using network::StagePair;

constexpr double infinity = std::numeric_limits<double>::infinity();

Interval without_nan(Interval x) { return {std::isnan(x.lower) ? -infinity : x.lower, std::isnan(x.upper) ? infinity : x.upper}; }

IntervalVector without_nan(IntervalVector x) {
  for (Index i = 0; i < x.size(); ++i) x.set(i, without_nan(x[i]));
  return x;
}

IntervalVector subtract(const IntervalVector& a, const IntervalVector& b) {
  IntervalVector result{Vector(a.size()), Vector(a.size())};
  for (Index i = 0; i < a.size(); ++i) result.set(i, without_nan(a[i] - b[i]));
  return result;
}

// Encloses (W - V) v over the box: fl(W - V) is off by a factor within 1 +- u (a subtraction does not underflow).
IntervalVector weight_difference_image(const Matrix& weight, const Matrix& other, const IntervalVector& box) {
  const Matrix difference = weight - other;
  IntervalVector image = core::affine_image(difference, Vector::Zero(weight.rows()), box);
  const Vector load = difference.cwiseAbs() * box.magnitude();
  for (Index i = 0; i < image.size(); ++i) {
    const double error = 2.0 * core::unit_roundoff * core::round_up_sum(load[i], weight.cols()) + core::underflow_unit;
    image.set(i, load[i] == 0.0 ? image[i] : image[i] + Interval{-error, error});
  }
  return image;
}

Interval bias_difference(const StagePair& pair, Index i) {
  return Interval{pair.reference.bias[i], pair.reference.bias[i]} - Interval{pair.compressed.bias[i], pair.compressed.bias[i]};
}

// a_f - a_g = W d + (W - V) y + (b - c) = V d + (W - V) x + (b - c), with d = x - y.
IntervalVector difference_step(const StagePair& pair, const StageInput& input) {
  const Vector zero = Vector::Zero(pair.reference.bias.size());
  const Matrix& weight = pair.reference.weight;
  const Matrix& other = pair.compressed.weight;
  const IntervalVector at_compressed = weight_difference_image(weight, other, input.compressed);
  IntervalVector result{Vector(zero.size()), Vector(zero.size())};
  if ((input.difference.magnitude().array() == 0.0).all()) {  // x = y, both forms are the same
    for (Index i = 0; i < zero.size(); ++i) result.set(i, without_nan(at_compressed[i] + bias_difference(pair, i)));
    return result;
  }
  const IntervalVector at_reference = weight_difference_image(weight, other, input.reference);
  const IntervalVector d_by_weight = core::affine_image(weight, zero, input.difference);
  const IntervalVector d_by_other = core::affine_image(other, zero, input.difference);
  for (Index i = 0; i < zero.size(); ++i) {
    const Interval first = without_nan(d_by_weight[i] + at_compressed[i]);
    const Interval second = without_nan(d_by_other[i] + at_reference[i]);
    result.set(i, without_nan(core::intersect(first, second) + bias_difference(pair, i)));
  }
  return result;
}

// Encloses coefficient rows (P, Q) times (x, y) plus a bias interval, from both directions of the maximum.
IntervalVector range(const InputSet& set, const Matrix& p, const Matrix& q, const IntervalVector& bias) {
  const Vector upper = set.maximum(p, q);
  const Vector lower = -set.maximum(-p, -q);
  IntervalVector result{Vector(upper.size()), Vector(upper.size())};
  for (Index i = 0; i < upper.size(); ++i) result.set(i, without_nan(without_nan(Interval{lower[i], upper[i]}) + bias[i]));
  return result;
}

}  // namespace

void check_sizes(const Twin& twin, const InputSet& set) {
  if (set.size() != twin.input_size()) {
    throw core::ShapeError("input set: expected " + std::to_string(twin.input_size()) + " coordinates (the networks' inputs), found " +
                           std::to_string(set.size()));
  }
}

StageInput first_input(const InputSet& set) {
  return {set.bounding_box(), set.compressed_bounding_box(), {-set.difference(), set.difference()}};
}

StageInput next_input(const StagePair& pair, const StageBounds& bounds) {
  const auto image = [](const network::Activation& activation, const IntervalVector& x) {
    IntervalVector result{Vector(x.size()), Vector(x.size())};
    for (Index i = 0; i < x.size(); ++i) result.set(i, without_nan(activation.image(x[i])));
    return result;
  };
  StageInput input{image(pair.reference.activation, bounds.reference), image(pair.compressed.activation, bounds.compressed), {}};
  if (pair.paired) {
    input.difference = subtract(input.reference, input.compressed);
    for (Index i = 0; i < bounds.difference.size(); ++i) {
      const Interval step = network::difference_image(pair.reference.activation, pair.compressed.activation, bounds.reference[i],
                                                      bounds.compressed[i], bounds.difference[i]);
      input.difference.set(i, core::intersect(without_nan(step), input.difference[i]));
    }
  }
  return input;
}

StageBounds forward_stage(const StagePair& pair, const StageInput& input) {
  StageBounds bounds{without_nan(core::affine_image(pair.reference.weight, pair.reference.bias, input.reference)),
                     without_nan(core::affine_image(pair.compressed.weight, pair.compressed.bias, input.compressed)),
                     {}};
  if (pair.paired) {
    bounds.difference = subtract(bounds.reference, bounds.compressed);
    if (input.difference.size() > 0) bounds.difference = core::intersect(difference_step(pair, input), bounds.difference);
  }
  return bounds;
}

StageBounds first_stage(const Twin& twin, const InputSet& set) {
  const StagePair& pair = twin.stages().front();
  const StageBounds forward = forward_stage(pair, first_input(set));
  // Over a box, intervals are the exact maxima already: W x - V y = (W - V) x + V d with x and d independent.
  if (std::holds_alternative<sets::Box>(set.region())) return forward;
  const Matrix& weight = pair.reference.weight;
  const Matrix& other = pair.compressed.weight;
  StageBounds exact{range(set, weight, Matrix::Zero(weight.rows(), weight.cols()), {pair.reference.bias, pair.reference.bias}),
                    range(set, Matrix::Zero(other.rows(), other.cols()), other, {pair.compressed.bias, pair.compressed.bias}),
                    {}};
  if (pair.paired) {
    IntervalVector bias{Vector(weight.rows()), Vector(weight.rows())};
    for (Index i = 0; i < bias.size(); ++i) bias.set(i, bias_difference(pair, i));
    exact.difference = range(set, weight, -other, bias);
  }
  return intersect(exact, forward);
}

StageBounds intersect(const StageBounds& a, const StageBounds& b) {
  return {core::intersect(without_nan(a.reference), without_nan(b.reference)),
          core::intersect(without_nan(a.compressed), without_nan(b.compressed)),
          core::intersect(without_nan(a.difference), without_nan(b.difference))};
}

bool narrow(IntervalVector& x, Index i, Interval by) {
  const Interval both{std::max(x.lower[i], by.lower), std::min(x.upper[i], by.upper)};
  if (both.lower > both.upper) return false;
  x.set(i, both);
  return true;
}

bool narrow(StageBounds& x, const StageBounds& by) {
  const auto all = [](IntervalVector& own, const IntervalVector& other) {
    bool consistent = true;
    for (Index i = 0; i < own.size(); ++i) consistent = narrow(own, i, other[i]) && consistent;
    return consistent;
  };
  const bool reference = all(x.reference, by.reference), compressed = all(x.compressed, by.compressed);
  return all(x.difference, by.difference) && reference && compressed;
}

bool tighten_by_identity(StageBounds& bounds) {
  bool consistent = true;
  for (Index i = 0; i < bounds.difference.size(); ++i) {
    const Interval f = bounds.reference[i], g = bounds.compressed[i], delta = bounds.difference[i];
    const bool by_both = narrow(bounds.difference, i, f - g);
    const bool by_compressed = narrow(bounds.reference, i, g + delta);
    const bool by_reference = narrow(bounds.compressed, i, f - delta);
    consistent = consistent && by_both && by_compressed && by_reference;
  }
  return consistent;
}

TwinBounds intersect(const TwinBounds& a, const TwinBounds& b) {
  if (a.stages.size() != b.stages.size()) {
    throw core::ShapeError("bounds of " + std::to_string(a.stages.size()) + " and " + std::to_string(b.stages.size()) +
                           " stages do not belong to one twin");
  }
  TwinBounds result;
  for (std::size_t k = 0; k < a.stages.size(); ++k) {
    const StageBounds& left = a.stages[k];
    const StageBounds& right = b.stages[k];
    if (left.reference.size() != right.reference.size() || left.compressed.size() != right.compressed.size() ||
        left.difference.size() != right.difference.size()) {
      throw core::ShapeError("bounds of stage " + std::to_string(k) + " have different sizes: they do not belong to one twin");
    }
    result.stages.push_back(intersect(left, right));
  }
  result.evaluation_error = a.evaluation_error.cwiseMin(b.evaluation_error);
  return result;
}

TwinBounds interval_bounds(const Twin& twin, const InputSet& set) {
  check_sizes(twin, set);
  TwinBounds bounds;
  bounds.stages.push_back(first_stage(twin, set));
  for (std::size_t k = 1; k < twin.stages().size(); ++k) {
    bounds.stages.push_back(forward_stage(twin.stages()[k], next_input(twin.stages()[k - 1], bounds.stages.back())));
  }
  bounds.evaluation_error = evaluation_error(twin, set, bounds.stages);
  return bounds;
}

}  // namespace twincert::bounds
