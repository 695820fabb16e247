#include "twincert/relax/layer_rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "twincert/network/bracket.hpp"

namespace twincert::relax {
namespace {

// Relative to the value's magnitude.
constexpr double negligible = 1e-13;
// Values below this are constant too: scaling them to size one would overflow.
constexpr double vanishing = 0x1p-500;

SharedRow centred_row(Side side, Index neuron, Interval value) {
  const double center = 0.5 * value.lower + 0.5 * value.upper;
  const double radius = std::max(core::next_up(value.upper - center), core::next_up(center - value.lower));
  const int exponent = scale_exponent(radius);
  return {side, neuron, center, exponent, scaled(value, center, exponent)};
}

SharedRow scaled_row(Side side, Index neuron, Interval value) {
  const int exponent = scale_exponent(value.magnitude());
  return {side, neuron, 0.0, exponent, scaled(value, 0.0, exponent)};
}

Index append(std::vector<SharedRow>& rows, SharedRow row) {
  rows.push_back(row);
  return static_cast<Index>(rows.size()) - 1;
}

void paired_rows(LayerRows& layer, const RowOptions& options) {
  const LayerValues& values = layer.values;
  const Index n = values.compressed.size();
  layer.defining.resize(static_cast<std::size_t>(n));
  auto moves = [](const IntervalVector& v, Index i) { return !is_constant(v[i]); };
  for (Index i = 0; i < n; ++i) {
    DefiningRows& defining = layer.defining[static_cast<std::size_t>(i)];
    if (moves(values.compressed, i)) defining.compressed = append(layer.rows, centred_row(Side::compressed, i, values.compressed[i]));
  }
  for (Index i = 0; i < n; ++i) {
    DefiningRows& defining = layer.defining[static_cast<std::size_t>(i)];
    if (!moves(values.reference, i)) continue;
    if (defining.compressed < 0) {
      defining.reference = append(layer.rows, centred_row(Side::reference, i, values.reference[i]));
    } else if (options.reference_rows && !negligible_difference(values.difference[i], values.reference[i], values.compressed[i])) {
      append(layer.rows, centred_row(Side::reference, i, values.reference[i]));
    }
  }
  for (Index i = 0; i < n; ++i) {
    DefiningRows& defining = layer.defining[static_cast<std::size_t>(i)];
    const bool both = moves(values.reference, i) && moves(values.compressed, i);
    if (!both || negligible_difference(values.difference[i], values.reference[i], values.compressed[i])) continue;
    defining.difference = append(layer.rows, scaled_row(Side::difference, i, values.difference[i]));
    if (options.centred_difference) append(layer.rows, centred_row(Side::difference, i, values.difference[i]));
  }
}

void unpaired_rows(LayerRows& layer) {
  const LayerValues& values = layer.values;
  layer.defining.resize(static_cast<std::size_t>(std::max(values.reference.size(), values.compressed.size())));
  for (Index i = 0; i < values.compressed.size(); ++i) {
    if (is_constant(values.compressed[i])) continue;
    layer.defining[static_cast<std::size_t>(i)].compressed = append(layer.rows, centred_row(Side::compressed, i, values.compressed[i]));
  }
  for (Index i = 0; i < values.reference.size(); ++i) {
    if (is_constant(values.reference[i])) continue;
    layer.defining[static_cast<std::size_t>(i)].reference = append(layer.rows, centred_row(Side::reference, i, values.reference[i]));
  }
}

}  // namespace

bool is_constant(Interval value) { return !(value.width() > negligible * value.magnitude()) || value.magnitude() < vanishing; }

bool negligible_difference(Interval difference, Interval reference, Interval compressed) {
  return is_constant(difference) || !(difference.magnitude() > negligible * std::max(reference.magnitude(), compressed.magnitude()));
}

int scale_exponent(double magnitude) {
  int exponent = 0;
  const double fraction = std::frexp(std::max(magnitude, vanishing), &exponent);
  return fraction == 0.5 ? 1 - exponent : -exponent;
}

Interval scaled(Interval value, double center, int exponent) {
  return {std::ldexp(core::next_down(value.lower - center), exponent), std::ldexp(core::next_up(value.upper - center), exponent)};
}

LayerValues input_values(const sets::InputSet& set) {
  return {set.bounding_box(), set.compressed_bounding_box(), IntervalVector{-set.difference(), set.difference()}, true};
}

LayerValues stage_values(const network::StagePair& stage, const bounds::StageBounds& bounds) {
  LayerValues values;
  values.paired = stage.paired;
  auto image = [](const network::Activation& activation, const IntervalVector& before) {
    IntervalVector after{Vector(before.size()), Vector(before.size())};
    for (Index i = 0; i < before.size(); ++i) after.set(i, activation.image(before[i]));
    return after;
  };
  values.reference = image(stage.reference.activation, bounds.reference);
  values.compressed = image(stage.compressed.activation, bounds.compressed);
  if (stage.paired) {
    const Index n = bounds.difference.size();
    values.difference = IntervalVector{Vector(n), Vector(n)};
    for (Index i = 0; i < n; ++i) {
      values.difference.set(i, network::difference_image(stage.reference.activation, stage.compressed.activation, bounds.reference[i],
                                                         bounds.compressed[i], bounds.difference[i]));
    }
  }
  return values;
}

LayerRows layer_rows(LayerValues values, const RowOptions& options) {
  LayerRows layer{std::move(values), {}, {}};
  if (layer.values.paired) {
    paired_rows(layer, options);
  } else {
    unpaired_rows(layer);
  }
  return layer;
}

}  // namespace twincert::relax
