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

// The finite points inside the open interval where a piecewise-linear activation changes its slope.
struct Kinks {
  Index count = 0;
  std::array<double, 2> at{};
};
Kinks kinks_inside(const Activation& activation, Interval x);

// True when the activation is exactly affine on the interval; `line` is then that function.
bool affine_on(const Activation& activation, Interval x, Line& line);

// The affine function itself where there is one; otherwise the lines that are tightest at the middle of the interval (for ReLU the
// chord, and slope 0 or 1 as the larger side says). The intercepts are bounds of the largest violation, so any slope is sound.
// An unbounded interval gives horizontal lines, possibly infinite.
LinePair enclosing_lines(const Activation& activation, Interval x);

}  // namespace twincert::bounds
