#include "twincert/network/bracket.hpp"

#include <algorithm>
#include <cmath>

namespace twincert::network {
namespace {

using core::add_down;
using core::add_up;
using core::sub_up;

constexpr double infinity = std::numeric_limits<double>::infinity();

// Upper bound of f(s) - g(t) for s in a, t in b, s - t <= step, where f and g are continuous, monotone, piecewise linear with slopes up to
// 1. f grows with s, so s = min(a.upper, t + step); what is left is piecewise linear in t, with slopes from -1 to 1, and largest where
// its slope changes or at an end. Being off by e there costs at most e.
double largest_difference(const Activation& f, const Activation& g, Interval a, Interval b, double step) {
  double largest = -infinity;
  const auto try_at = [&](double t, double error) {
    const double s = std::min(a.upper, add_up(t, step));
    const double value = add_up(sub_up(f.image({s, s}).upper, g.image({t, t}).lower), error);
    largest = value <= largest ? largest : value;
  };
  const auto try_near = [&](double t) {
    if (!std::isfinite(t)) return;
    t = std::clamp(t, b.lower, b.upper);
    try_at(t, 0x1p-50 * (std::abs(t) + std::abs(step)));
  };
  try_at(b.lower, 0.0);
  try_at(b.upper, 0.0);
  try_near(a.upper - step);
  for (const double kink : {0.0, f.lower, f.upper}) try_near(kink - step);
  for (const double kink : {0.0, g.lower, g.upper}) try_near(kink);
  return std::isnan(largest) ? infinity : largest;
}

double difference_upper(const Activation& f, const Activation& g, Interval a, Interval b, Interval d) {
  const double by_image = sub_up(f.image(a).upper, g.image(b).lower);
  const Interval t = core::intersect(b, a - d);
  if (!(t.lower <= t.upper) || !f.piecewise_linear() || !g.piecewise_linear()) return by_image;
  const Bracket above = bracket(f, a);
  const Bracket below = bracket(g, b);
  const double offset = add_up(above.offset, below.offset);
  double best = std::min(by_image, add_up(largest_difference(above.upper, below.lower, a, t, d.upper), offset));
  if (f.staircase() && g.staircase() && f.step == g.step && std::isfinite(best)) {
    best = std::min(best, core::mul_up(std::floor(core::next_up(best / f.step)), f.step));  // levels are multiples of the step
  }
  return best;
}

}  // namespace

// With h >= s/2 and L, U the lowest and highest level on the interval, clamp(round(a), L, U) <= clamp(a + h, L, U), which is
// clamp(a, L - h, U - h) + h; rounding the limits upwards keeps it above. Likewise below.
Bracket bracket(const Activation& activation, Interval x) {
  if (!activation.staircase()) return {activation, activation, 0.0};
  const Interval levels = activation.image(x);
  const double half = add_up(0.5 * activation.step, 0x1p-19 * activation.step);
  if (levels.lower == levels.upper) {
    const Activation level{ActivationKind::clip, 0.0, levels.lower, levels.upper};
    return {level, level, 0.0};
  }
  return {Activation{ActivationKind::clip, 0.0, sub_up(levels.lower, half), sub_up(levels.upper, half)},
          Activation{ActivationKind::clip, 0.0, add_down(levels.lower, half), add_down(levels.upper, half)}, half};
}

Interval difference_image(const Activation& f, const Activation& g, Interval a, Interval b, Interval difference) {
  if (f == g && !f.staircase()) return f.difference_image(a, b, difference);
  const Interval d = core::intersect(difference, a - b);
  const Interval image{-difference_upper(g, f, b, a, -d), difference_upper(f, g, a, b, d)};
  // The bounds only cross when no pair (s, t) exists.
  return image.lower <= image.upper ? image : Interval{image.upper, image.lower};
}

}  // namespace twincert::network
