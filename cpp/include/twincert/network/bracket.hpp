// Piecewise-linear activations between continuous ones, and differences of two activations.
#pragma once

#include "twincert/network/layer.hpp"

namespace twincert::network {

// lower(a) - offset <= act(a) <= upper(a) + offset on the interval, with `upper` and `lower` continuous, monotone, piecewise linear and
// of slopes at most 1. A continuous activation is its own bracket, with offset zero.
struct Bracket {
  Activation upper;
  Activation lower;
  double offset;
};

// `activation` is piecewise linear. A staircase of step s lies between clips of a - s/2 and a + s/2 to the levels it takes on the interval.
Bracket bracket(const Activation& activation, Interval x);

// Encloses f(s) - g(t) for s in a, t in b, s - t in difference.
Interval difference_image(const Activation& f, const Activation& g, Interval a, Interval b, Interval difference);

}  // namespace twincert::network
