#include "twincert/network/layer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "twincert/core/error.hpp"
#include "twincert/network/bracket.hpp"

namespace twincert::network {
namespace {

using core::add_down;
using core::add_up;
using core::mul_down;
using core::mul_up;
using core::sub_down;
using core::sub_up;
using core::underflow_unit;
using core::unit_roundoff;

constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr std::array<std::pair<const char*, ActivationKind>, 8> kinds{{{"identity", ActivationKind::identity},
                                                                       {"relu", ActivationKind::relu},
                                                                       {"leaky_relu", ActivationKind::leaky_relu},
                                                                       {"sigmoid", ActivationKind::sigmoid},
                                                                       {"tanh", ActivationKind::tanh},
                                                                       {"clip", ActivationKind::clip},
                                                                       {"quantize", ActivationKind::quantize},
                                                                       {"quantize_even", ActivationKind::quantize_even}}};

// Relative errors of the formulas below, given exp and tanh within 4 ulp (8 u relative, 4 denormals absolute):
// sigmoid at most 8 u of exp, then a sum and a quotient; its slope the same with the sum's square.
constexpr double tanh_error = 10.0 * unit_roundoff;
constexpr double sigmoid_error = 16.0 * unit_roundoff;
constexpr double slope_error = 40.0 * unit_roundoff;
constexpr double absolute_error = 16.0 * underflow_unit;

double sigmoid(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1.0 + e);
}

// Encloses the exact value behind a nonnegative computed one.
Interval around(double computed, double relative_error) {
  const double spread = add_up(mul_up(computed, 1.25 * relative_error), absolute_error);
  return {std::max(0.0, sub_down(computed, spread)), add_up(computed, spread)};
}

Interval sigmoid_at(double x) { return {around(sigmoid(x), sigmoid_error).lower, std::min(1.0, around(sigmoid(x), sigmoid_error).upper)}; }

Interval tanh_at(double x) {
  if (x < 0.0) return -tanh_at(-x);
  const Interval value = around(std::tanh(x), tanh_error);
  // tanh x <= x for x >= 0, which makes zero exact.
  const double upper = std::min({value.upper, 1.0, x});
  return {std::min(value.lower, upper), upper};
}

// sigmoid'(x) = e / (1 + e)^2, e = exp(-|x|), accurate also where sigmoid is close to 1.
Interval sigmoid_slope_at(double x) {
  const double e = std::exp(-std::abs(x));
  const double root = 1.0 + e;
  const Interval value = around(e / (root * root), slope_error);
  return {value.lower, std::min(value.upper, 0.25)};
}

// Slopes of sigmoid, which fall with |x|.
Interval sigmoid_slopes(Interval x) {
  const double nearest = (x.lower <= 0.0 && x.upper >= 0.0) ? 0.0 : std::min(std::abs(x.lower), std::abs(x.upper));
  return {sigmoid_slope_at(x.magnitude()).lower, sigmoid_slope_at(nearest).upper};
}

// The levels within reach of arguments 2^-20 steps around x. Indices of levels are below 2^24 (Network checks it), and an argument beyond
// 2^25 steps is clamped whatever it is; otherwise the quotient and the sum are off by less than 2^-27 each, which the 2^-19 cover.
Interval levels_at(const Activation& act, double x) {
  const double index = x / act.step;
  const double low = std::ceil(index - (0.5 + 0x1p-19));
  const double high = std::floor(index + (0.5 + 0x1p-19));
  return {std::clamp(low * act.step, act.lower, act.upper), std::clamp(high * act.step, act.lower, act.upper)};
}

Interval value_at(const Activation& act, double x) {
  switch (act.kind) {
    case ActivationKind::relu:
      return {std::max(x, 0.0), std::max(x, 0.0)};
    case ActivationKind::leaky_relu:
      return x >= 0.0 ? Interval{x, x} : Interval{mul_down(act.slope, x), mul_up(act.slope, x)};
    case ActivationKind::sigmoid:
      return sigmoid_at(x);
    case ActivationKind::tanh:
      return tanh_at(x);
    case ActivationKind::clip:
      return {std::clamp(x, act.lower, act.upper), std::clamp(x, act.lower, act.upper)};
    case ActivationKind::quantize:
    case ActivationKind::quantize_even:
      return levels_at(act, x);
    case ActivationKind::identity:
      break;
  }
  return {x, x};
}

// The rise act(t + d) - act(t), d >= 0, grows with t below this point and falls above it (slopes first grow, then fall).
Interval peak_of_rise(const Activation& act, double d) {
  switch (act.kind) {
    case ActivationKind::sigmoid:
    case ActivationKind::tanh:
      return {mul_down(-0.5, d), mul_up(-0.5, d)};
    case ActivationKind::clip:
      return {mul_down(0.5, sub_down(add_down(act.lower, act.upper), d)), mul_up(0.5, sub_up(add_up(act.lower, act.upper), d))};
    default:
      break;
  }
  return {infinity, infinity};
}

// The largest rise by d >= 0 from any t: sigmoid and tanh are steepest around zero.
double largest_rise(const Activation& act, double d) {
  if (act.kind == ActivationKind::tanh) return 2.0 * tanh_at(mul_up(0.5, d)).upper;
  if (act.kind == ActivationKind::sigmoid) return tanh_at(mul_up(0.25, d)).upper;
  return infinity;
}

// Upper bound of act(s) - act(t) for s in a, t in b, s - t <= d.upper. Along s - t the difference only grows (act is monotone), so that
// s = t + d.upper may be assumed where the box allows it.
double difference_upper(const Activation& act, Interval a, Interval b, Interval d) {
  const double by_image = sub_up(value_at(act, a.upper).upper, value_at(act, b.lower).lower);
  const double best = std::min(by_image, (act.slope_range(core::hull(a, b)) * d).upper);
  const double step = d.upper;
  const double t_lower = std::max(b.lower, sub_down(a.lower, step));
  const double t_upper = std::min(b.upper, sub_up(a.upper, step));
  if (!std::isfinite(step) || t_lower > t_upper) return best;
  const auto rise = [&](double t) { return sub_up(value_at(act, add_up(t, step)).upper, value_at(act, t).lower); };
  if (step < 0.0) return std::min(best, std::max(rise(t_lower), rise(t_upper)));
  const Interval peak = peak_of_rise(act, step);
  if (t_upper <= peak.lower) return std::min(best, rise(t_upper));
  if (t_lower >= peak.upper) return std::min(best, rise(t_lower));
  return std::min(best, largest_rise(act, step));
}

}  // namespace

bool Activation::piecewise_linear() const { return kind != ActivationKind::sigmoid && kind != ActivationKind::tanh; }

double Activation::value(double x) const {
  switch (kind) {
    case ActivationKind::relu:
      return std::max(x, 0.0);
    case ActivationKind::leaky_relu:
      return x >= 0.0 ? x : slope * x;
    case ActivationKind::sigmoid:
      return sigmoid(x);
    case ActivationKind::tanh:
      return std::tanh(x);
    case ActivationKind::clip:
      return std::clamp(x, lower, upper);
    case ActivationKind::quantize:
      return std::clamp(std::round(x / step) * step, lower, upper);
    case ActivationKind::quantize_even:
      return std::clamp(std::nearbyint(x / step) * step, lower, upper);
    case ActivationKind::identity:
      break;
  }
  return x;
}

Interval Activation::image(Interval x) const { return {value_at(*this, x.lower).lower, value_at(*this, x.upper).upper}; }

Interval Activation::slope_range(Interval x) const {
  switch (kind) {
    case ActivationKind::relu:
    case ActivationKind::leaky_relu: {
      const double flat = kind == ActivationKind::relu ? 0.0 : slope;
      if (x.lower >= 0.0) return {1.0, 1.0};
      return {flat, x.upper <= 0.0 ? flat : 1.0};
    }
    case ActivationKind::sigmoid:
      return sigmoid_slopes(x);
    case ActivationKind::tanh: {
      // tanh'(x) = 4 sigmoid'(2 x)
      const Interval quarter = sigmoid_slopes({2.0 * x.lower, 2.0 * x.upper});
      return {4.0 * quarter.lower, 4.0 * quarter.upper};
    }
    case ActivationKind::clip:
      if (x.lower >= lower && x.upper <= upper) return {1.0, 1.0};
      return {0.0, (x.upper <= lower || x.lower >= upper) ? 0.0 : 1.0};
    case ActivationKind::quantize:
    case ActivationKind::quantize_even:
      return {0.0, image(x).width() == 0.0 ? 0.0 : infinity};
    case ActivationKind::identity:
      break;
  }
  return {1.0, 1.0};
}

Interval Activation::difference_image(Interval a, Interval b, Interval difference) const {
  if (staircase()) return network::difference_image(*this, *this, a, b, difference);
  const Interval d = core::intersect(difference, a - b);
  if (kind == ActivationKind::identity) return d;
  // s = t + (s - t) and t = s - (s - t) may narrow either side.
  const Interval s = core::intersect(a, b + d);
  const Interval t = core::intersect(b, a - d);
  const Interval image{-difference_upper(*this, t, s, -d), difference_upper(*this, s, t, d)};
  // The bounds only cross when no pair (s, t) exists.
  return image.lower <= image.upper ? image : Interval{image.upper, image.lower};
}

double Activation::evaluation_error(Interval x) const {
  const double largest = image(x).magnitude();
  switch (kind) {
    case ActivationKind::leaky_relu:
      return x.lower >= 0.0 ? 0.0 : add_up(mul_up(unit_roundoff, mul_up(slope, std::abs(x.lower))), underflow_unit);
    case ActivationKind::sigmoid:
      return add_up(mul_up(sigmoid_error, largest), absolute_error);
    case ActivationKind::tanh:
      return add_up(mul_up(tanh_error, largest), absolute_error);
    case ActivationKind::quantize:
    case ActivationKind::quantize_even: {
      int exponent = 0;
      if (std::frexp(step, &exponent) == 0.5) return 0.0;  // x / step is exact
      return image(x).width() == 0.0 ? 0.0 : step;
    }
    case ActivationKind::identity:
    case ActivationKind::relu:
    case ActivationKind::clip:
      break;
  }
  return 0.0;
}

std::string to_string(ActivationKind kind) {
  for (const auto& [name, candidate] : kinds) {
    if (candidate == kind) return name;
  }
  return "unknown";
}

ActivationKind activation_kind(const std::string& name) {
  std::string known;
  for (const auto& [candidate, kind] : kinds) {
    if (name == candidate) return kind;
    known += known.empty() ? candidate : std::string(", ") + candidate;
  }
  throw core::SettingsError("unknown activation \"" + name + "\"; known are " + known);
}

}  // namespace twincert::network
