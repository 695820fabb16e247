// Lines that enclose one neuron's activation over an interval.
#pragma once

#include <array>

#include "twincert/core/interval.hpp"
#include "twincert/network/layer.hpp"

namespace twincert::bounds {

using core::Index;
using core::Interval;
using network::Activation;

// a -> slope a + intercept
struct Line {
  double slope;
  double intercept;
};

// lower <= act <= upper on the interval, in exact arithmetic.
struct LinePair {
  Line lower;
  Line upper;
  // At least |slope| |a| + |intercept| over the interval for both lines: the scale of rounding errors when they are used. Zero where
  // using them is exact (the activation is 0 or the identity there).
  double load;
};

// The finite points inside the open interval where a piecewise-linear activation changes its slope; of a staircase, where it ends.
struct Kinks {
  Index count = 0;
  std::array<double, 2> at{};
};
Kinks kinks_inside(const Activation& activation, Interval x);

// True when the activation is exactly affine on the interval; `line` is then that function.
bool affine_on(const Activation& activation, Interval x, Line& line);

// Two ways to choose the lines; deep networks gain much from taking the better of both backward passes.
// tight: closest at the middle of the interval. flat: at a kink, the line through it that has the smallest slope (for ReLU zero, which
// lets unstable neurons drop out of lower bounds).
enum class LineChoice { tight, flat };

// The affine function itself where there is one; otherwise the lines of `choice` (for ReLU the chord,
// and slope 0 or, when tight, 1 if the positive side is larger). The intercepts are bounds of the largest violation, so any slope is sound.
// A staircase has the lines of its bracket (network/bracket.hpp). An unbounded interval gives horizontal lines, possibly infinite.
LinePair enclosing_lines(const Activation& activation, Interval x, LineChoice choice = LineChoice::tight);

}  // namespace twincert::bounds
