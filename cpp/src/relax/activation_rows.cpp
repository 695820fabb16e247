#include "twincert/relax/activation_rows.hpp"

#include <algorithm>
#include <cmath>

#include "twincert/network/bracket.hpp"

namespace twincert::relax {
namespace {

using network::Activation;
using network::ActivationKind;

bool kinked_at_zero(const Activation& activation) {
  return activation.kind == ActivationKind::relu || activation.kind == ActivationKind::leaky_relu;
}

double negative_slope(const Activation& activation) { return activation.kind == ActivationKind::leaky_relu ? activation.slope : 0.0; }

// Encloses (1 - s) [lower, upper]; exact for s = 0.
Interval shrink(double slope, Interval value) {
  if (slope == 0.0) return value;
  return (Interval{1.0, 1.0} - Interval{slope, slope}) * value;
}

// x - slope a = (1 - slope) relu(a) and x - a = (1 - slope) relu(-a), one of them zero.
NeuronRows kink_rows(RowSet& rows, const Activation& activation, const NeuronForms& neuron, const RowOptions& options) {
  const double slope = negative_slope(activation);
  const Form positive = slope == 0.0 ? neuron.after : combine(neuron.after, -slope, neuron.before);
  const Form negative = combine(neuron.after, -1.0, neuron.before);
  const Interval positive_interval = shrink(slope, {0.0, std::max(0.0, neuron.before_interval.upper)});
  const Interval negative_interval = shrink(slope, {0.0, std::max(0.0, -neuron.before_interval.lower)});
  const double reach = neuron.before_interval.magnitude();
  NeuronRows added;
  added.positive = rows.add_scaled(positive, positive_interval, reach);
  added.negative = rows.add_scaled(negative, negative_interval, reach);
  rows.product_zero(added.positive, added.negative);
  if (options.slack_rows) {
    rows.add_scaled(affine(-1.0, positive, positive_interval.upper), {0.0, positive_interval.upper}, reach);
    rows.add_scaled(affine(-1.0, negative, negative_interval.upper), {0.0, negative_interval.upper}, reach);
  }
  return added;
}

// Rows p and q with p q >= 0 whenever value = sigma argument with sigma in `slopes`: p = value - m argument, q = M argument - value.
void add_sector(RowSet& rows, const Form& value, const Form& argument, Interval argument_interval, Interval slopes, double extra) {
  const double width = slopes.width();
  if (!(width > 0.0)) return;
  const Interval reach = Interval{0.0, width} * hull(argument_interval, {0.0, 0.0}) + Interval{-extra, extra};
  if (!(reach.magnitude() > 0.0)) return;
  const Index p = rows.add_scaled(combine(value, -slopes.lower, argument), reach, argument_interval.magnitude());
  const Index q = rows.add_scaled(combine(affine(-1.0, value, 0.0), slopes.upper, argument), reach, argument_interval.magnitude());
  rows.product_nonnegative(p, q);
}

// Sector about the pivot (a0, act(a0)) in the middle of the interval.
void smooth_rows(RowSet& rows, const Activation& activation, const NeuronForms& neuron) {
  const double pivot = 0.5 * neuron.before_interval.lower + 0.5 * neuron.before_interval.upper;
  const Interval pivot_image = activation.image({pivot, pivot});
  const double image = 0.5 * pivot_image.lower + 0.5 * pivot_image.upper;
  const double image_error = pivot_image.width();
  Form value = affine(1.0, neuron.after, -image);
  value.error += image_error;
  add_sector(rows, value, affine(1.0, neuron.before, -pivot), neuron.before_interval - Interval{pivot, pivot},
             activation.slope_range(neuron.before_interval), 0.0);
}

// x - a within the staircase's bracket: the least and the largest of a piecewise-linear function.
void staircase_row(RowSet& rows, const Activation& activation, const NeuronForms& neuron) {
  const Interval before = neuron.before_interval;
  const network::Bracket between = network::bracket(activation, before);
  const auto excess = [&](const Activation& act, double at) { return act.image({at, at}) - Interval{at, at}; };
  Interval range{excess(between.lower, before.upper).lower, excess(between.upper, before.upper).upper};
  for (const double at : {before.lower, between.lower.lower, between.lower.upper}) {
    if (at >= before.lower && at <= before.upper) range.lower = std::min(range.lower, excess(between.lower, at).lower);
  }
  for (const double at : {before.lower, between.upper.lower, between.upper.upper}) {
    if (at >= before.lower && at <= before.upper) range.upper = std::max(range.upper, excess(between.upper, at).upper);
  }
  range = range + Interval{-between.offset, between.offset};
  rows.add_scaled(combine(neuron.after, -1.0, neuron.before), range, before.magnitude());
}

}  // namespace

std::optional<LinearPiece> linear_piece(const Activation& activation, Interval before) {
  switch (activation.kind) {
    case ActivationKind::identity:
      return LinearPiece{1.0, 0.0};
    case ActivationKind::relu:
    case ActivationKind::leaky_relu:
      if (before.lower >= 0.0) return LinearPiece{1.0, 0.0};
      if (before.upper <= 0.0) return LinearPiece{negative_slope(activation), 0.0};
      return std::nullopt;
    case ActivationKind::clip:
      if (before.lower >= activation.lower && before.upper <= activation.upper) return LinearPiece{1.0, 0.0};
      if (before.upper <= activation.lower) return LinearPiece{0.0, activation.lower};
      if (before.lower >= activation.upper) return LinearPiece{0.0, activation.upper};
      return std::nullopt;
    case ActivationKind::quantize:
    case ActivationKind::quantize_even: {
      const Interval levels = activation.image(before);
      if (levels.lower == levels.upper) return LinearPiece{0.0, levels.lower};
      return std::nullopt;
    }
    case ActivationKind::sigmoid:
    case ActivationKind::tanh:
      return std::nullopt;
  }
  return std::nullopt;
}

std::vector<bool> linear_rows(const network::StagePair& stage, const bounds::StageBounds& bounds, const LayerRows& layer) {
  std::vector<bool> linear;
  for (const SharedRow& row : layer.rows) {
    const bool f = stage.paired || row.side == Side::reference, g = stage.paired || row.side == Side::compressed;
    linear.push_back((!f || linear_piece(stage.reference.activation, bounds.reference[row.neuron])) &&
                     (!g || linear_piece(stage.compressed.activation, bounds.compressed[row.neuron])));
  }
  return linear;
}

NeuronRows add_neuron_rows(RowSet& rows, const Activation& activation, const NeuronForms& neuron, const RowOptions& options) {
  if (!neuron.nonlinear) return {};
  if (kinked_at_zero(activation)) return kink_rows(rows, activation, neuron, options);
  if (activation.staircase()) {
    staircase_row(rows, activation, neuron);
    return {};
  }
  smooth_rows(rows, activation, neuron);
  return {};
}

void add_pair_rows(RowSet& rows, const Activation& activation, const PairForms& pair, NeuronRows reference_rows, NeuronRows compressed_rows,
                   Index difference_row) {
  const bool both = pair.reference.nonlinear && pair.compressed.nonlinear;
  if (!both && !pair.reference.nonlinear && !pair.compressed.nonlinear) return;
  if (difference_row < 0) return;
  const Interval delta = pair.difference_before_interval;
  if (!kinked_at_zero(activation)) {
    const Interval slopes = activation.slope_range(hull(pair.reference.before_interval, pair.compressed.before_interval));
    add_sector(rows, pair.difference_after, pair.difference_before, delta, slopes, 0.0);
    return;
  }
  // h = positive_f - positive_g = d - s delta and e = negative_f - negative_g = d - delta have opposite signs.
  const double slope = negative_slope(activation);
  const Interval opposite = shrink(slope, {std::min(0.0, -delta.upper), std::max(0.0, -delta.lower)});
  if (!(opposite.magnitude() > 0.0)) return;
  const Index e = rows.add_scaled(combine(pair.difference_after, -1.0, pair.difference_before), opposite, delta.magnitude());
  Index h = difference_row;
  if (slope != 0.0) {
    const Interval same = shrink(slope, {std::min(0.0, delta.lower), std::max(0.0, delta.upper)});
    h = rows.add_scaled(combine(pair.difference_after, -slope, pair.difference_before), same, delta.magnitude());
  }
  rows.product_nonpositive(h, e);
  if (!both) return;
  rows.product_nonpositive(reference_rows.positive, e);
  rows.product_nonnegative(compressed_rows.positive, e);
  rows.product_nonpositive(reference_rows.negative, h);
  rows.product_nonnegative(compressed_rows.negative, h);
}

}  // namespace twincert::relax
