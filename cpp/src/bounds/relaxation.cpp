#include "twincert/bounds/relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "twincert/network/bracket.hpp"

namespace twincert::bounds {
namespace {

using network::ActivationKind;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double golden = 0.6180339887498949;
constexpr int search_steps = 40;

Interval point(double x) { return {x, x}; }

// sign act(x) - slope x, enclosed.
Interval excess(const Activation& activation, double sign, double slope, double x) {
  const Interval image = activation.image(point(x));
  return (sign > 0.0 ? image : -image) - slope * point(x);
}

// Where sigmoid's or tanh's slope equals a given one, on the positive side; a guess that nothing rests on.
double positive_tangent_point(ActivationKind kind, double slope) {
  if (!(slope > 0.0)) return infinity;
  if (kind == ActivationKind::tanh) return slope >= 1.0 ? 0.0 : std::atanh(std::sqrt(1.0 - slope));
  if (slope >= 0.25) return 0.0;
  return 2.0 * std::atanh(std::sqrt(1.0 - 4.0 * slope));
}

// Upper bound of v(x) = sign act(x) - slope x over x, act = sigmoid or tanh. sign act is concave on one side of zero and convex on the
// other. The convex side has its maximum at an end. On the concave side v lies below its tangent at any point t, whose maximum is
// v(t) + v'(t) (end - t) for one of the ends: rigorous for every t, tight when v'(t) is nearly zero.
double smooth_intercept(const Activation& activation, double sign, double slope, Interval x) {
  double intercept = std::max(excess(activation, sign, slope, x.lower).upper, excess(activation, sign, slope, x.upper).upper);
  const Interval concave = sign > 0.0 ? Interval{std::max(x.lower, 0.0), x.upper} : Interval{x.lower, std::min(x.upper, 0.0)};
  if (concave.lower > concave.upper) return intercept;
  const double side = sign > 0.0 ? 1.0 : -1.0;
  const double tangent = std::clamp(side * positive_tangent_point(activation.kind, sign * slope), concave.lower, concave.upper);
  const Interval slopes = activation.slope_range(point(tangent));
  const Interval drift = (sign > 0.0 ? slopes : -slopes) - point(slope);
  const Interval rise_left = drift * (point(concave.lower) - point(tangent));
  const Interval rise_right = drift * (point(concave.upper) - point(tangent));
  const double rise = std::max(rise_left.upper, rise_right.upper);
  return std::max(intercept, (excess(activation, sign, slope, tangent) + point(rise)).upper);
}

// Slope of the tightest upper line of sign act at the middle of the interval: the minimum of a convex function of the slope.
Line smooth_upper_line(const Activation& activation, double sign, Interval x) {
  const double middle = 0.5 * x.lower + 0.5 * x.upper;
  const Interval slopes = sign > 0.0 ? activation.slope_range(x) : -activation.slope_range(x);
  const auto height = [&](double slope) { return smooth_intercept(activation, sign, slope, x) + slope * middle; };
  double low = slopes.lower;
  double high = slopes.upper;
  double left = high - golden * (high - low);
  double right = low + golden * (high - low);
  double left_height = height(left);
  double right_height = height(right);
  for (int step = 0; step < search_steps && low < high; ++step) {
    if (left_height <= right_height) {
      high = right;
      right = left;
      right_height = left_height;
      left = high - golden * (high - low);
      left_height = height(left);
    } else {
      low = left;
      left = right;
      left_height = right_height;
      right = low + golden * (high - low);
      right_height = height(right);
    }
  }
  const double slope = left_height <= right_height ? left : right;
  return {slope, smooth_intercept(activation, sign, slope, x)};
}

struct Breakpoints {
  std::size_t count = 2;
  std::array<double, 4> at{};
};

Breakpoints breakpoints(const Activation& activation, Interval x) {
  const Kinks kinks = kinks_inside(activation, x);
  Breakpoints points{2, {x.lower, x.upper}};
  for (std::size_t k = 0; k < static_cast<std::size_t>(kinks.count); ++k) points.at[points.count++] = kinks.at[k];
  return points;
}

// The line with a given slope above a function that is affine between its breakpoints.
Line lowest_line(const Activation& activation, double sign, double slope, const Breakpoints& points) {
  double intercept = -infinity;
  for (std::size_t k = 0; k < points.count; ++k) intercept = std::max(intercept, excess(activation, sign, slope, points.at[k]).upper);
  return {slope, intercept};
}

// The upper hull of a function that is affine between its breakpoints is met at the middle by a chord between two of them.
Line piecewise_upper_line(const Activation& activation, double sign, Interval x) {
  const Breakpoints points = breakpoints(activation, x);
  const Interval slopes = activation.slope_range(x);
  const double middle = 0.5 * x.lower + 0.5 * x.upper;
  Line best{0.0, infinity};
  double best_height = infinity;
  for (std::size_t i = 0; i < points.count; ++i) {
    for (std::size_t j = i + 1; j < points.count; ++j) {
      const double chord = (activation(points.at[j]) - activation(points.at[i])) / (points.at[j] - points.at[i]);
      // Rounding between close points must not invent slopes.
      const Line line = lowest_line(activation, sign, sign * std::clamp(chord, slopes.lower, slopes.upper), points);
      const double height = line.intercept + line.slope * middle;
      if (height < best_height) {
        best = line;
        best_height = height;
      }
    }
  }
  return best;
}

Line upper_line(const Activation& activation, double sign, Interval x) {
  const double horizontal = excess(activation, sign, 0.0, sign > 0.0 ? x.upper : x.lower).upper;
  if (!(x.upper - x.lower > 0.0 && std::isfinite(x.upper - x.lower))) return {0.0, horizontal};
  const Line line = activation.piecewise_linear() ? piecewise_upper_line(activation, sign, x) : smooth_upper_line(activation, sign, x);
  return std::isfinite(line.slope) && std::isfinite(line.intercept) ? line : Line{0.0, horizontal};
}

// An upper line of sign act; `flat` changes the one that a single kink bends away from.
Line chosen_line(const Activation& activation, double sign, Interval x, LineChoice choice) {
  const Kinks kinks = kinks_inside(activation, x);
  if (choice == LineChoice::flat && kinks.count == 1 && std::isfinite(x.magnitude())) {
    const bool concave = activation.kind == ActivationKind::clip && kinks.at[0] == activation.upper;
    if (concave == (sign > 0.0)) {
      return lowest_line(activation, sign, sign * activation.slope_range(x).lower, breakpoints(activation, x));
    }
  }
  return upper_line(activation, sign, x);
}

Line raised(Line line, double offset) { return {line.slope, core::add_up(line.intercept, offset)}; }

// Lines around an unstable ReLU: the chord above, and zero or the identity below. The general way, without its cost.
LinePair relu_lines(Interval x, LineChoice choice) {
  const double slope = std::min(1.0, x.upper / (x.upper - x.lower));
  const double intercept = std::max(core::mul_up(slope, -x.lower), core::sub_up(x.upper, core::mul_down(slope, x.upper)));
  const bool above = choice == LineChoice::tight && x.lower + x.upper > 0.0;
  const Line lower{above ? 1.0 : 0.0, 0.0};
  const double magnitude = x.magnitude();
  const double load = (slope * magnitude + intercept) * (1.0 + 0x1p-50) + 2.0 * core::underflow_unit;
  return {lower, {slope, intercept}, std::max(load, lower.slope * magnitude)};
}

double load_of(Line line, double magnitude) { return (std::abs(line.slope) * point(magnitude) + point(std::abs(line.intercept))).upper; }

}  // namespace

Kinks kinks_inside(const Activation& activation, Interval x) {
  Kinks kinks;
  const auto add = [&](double at) {
    if (std::isfinite(at) && x.lower < at && at < x.upper) kinks.at[static_cast<std::size_t>(kinks.count++)] = at;
  };
  if (activation.kind == ActivationKind::relu || activation.kind == ActivationKind::leaky_relu) add(0.0);
  if (activation.staircase() || (activation.kind == ActivationKind::clip && activation.lower < activation.upper)) {
    add(activation.lower);
    add(activation.upper);
  }
  return kinks;
}

bool affine_on(const Activation& activation, Interval x, Line& line) {
  const auto is = [&line](double slope, double intercept) {
    line = {slope, intercept};
    return true;
  };
  switch (activation.kind) {
    case ActivationKind::identity:
      return is(1.0, 0.0);
    case ActivationKind::relu:
    case ActivationKind::leaky_relu:
      if (x.lower >= 0.0) return is(1.0, 0.0);
      if (x.upper <= 0.0) return is(activation.kind == ActivationKind::relu ? 0.0 : activation.slope, 0.0);
      return false;
    case ActivationKind::clip:
      if (x.lower >= activation.lower && x.upper <= activation.upper) return is(1.0, 0.0);
      if (x.upper <= activation.lower) return is(0.0, activation.lower);
      if (x.lower >= activation.upper) return is(0.0, activation.upper);
      return false;
    case ActivationKind::quantize:
    case ActivationKind::quantize_even: {
      const Interval levels = activation.image(x);
      return levels.lower == levels.upper && is(0.0, levels.lower);
    }
    case ActivationKind::sigmoid:
    case ActivationKind::tanh:
      break;
  }
  return false;
}

LinePair enclosing_lines(const Activation& activation, Interval x, LineChoice choice) {
  if (activation.kind == ActivationKind::relu) {
    if (x.lower >= 0.0) return {{1.0, 0.0}, {1.0, 0.0}, 0.0};
    if (x.upper <= 0.0) return {{0.0, 0.0}, {0.0, 0.0}, 0.0};
    if (std::isfinite(x.upper - x.lower)) return relu_lines(x, choice);
  }
  const double magnitude = x.magnitude();
  Line line{};
  if (affine_on(activation, x, line)) {
    const bool exact = line.intercept == 0.0 && (line.slope == 0.0 || line.slope == 1.0);
    return {line, line, exact ? 0.0 : load_of(line, magnitude)};
  }
  // Flat lines of a staircase are flat where it ends, not where the interval does.
  const bool everywhere = activation.staircase() && choice == LineChoice::flat;
  const network::Bracket between = network::bracket(activation, everywhere ? Interval{-infinity, infinity} : x);
  const Line upper = raised(chosen_line(between.upper, 1.0, x, choice), between.offset);
  const Line mirrored = raised(chosen_line(between.lower, -1.0, x, choice), between.offset);
  const Line lower{-mirrored.slope, -mirrored.intercept};
  return {lower, upper, std::max(load_of(lower, magnitude), load_of(upper, magnitude))};
}

}  // namespace twincert::bounds
