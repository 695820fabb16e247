// The layers a network is made of, with their exact-arithmetic meaning.
#pragma once

#include <algorithm>
#include <string>
#include <variant>

#include "twincert/core/interval.hpp"
#include "twincert/core/types.hpp"

namespace twincert::network {

using core::Index;
using core::Interval;
using core::IntervalVector;
using core::Matrix;
using core::Vector;

// x -> weight x + bias; weight is (outputs x inputs).
struct Dense {
  Matrix weight;
  Vector bias;
};

// quantize rounds ties away from zero, quantize_even to even (as ONNX QuantizeLinear does); otherwise they are the same.
enum class ActivationKind { identity, relu, leaky_relu, sigmoid, tanh, clip, quantize, quantize_even };

// Elementwise, monotone, slopes within slope_range(). `slope` is leaky_relu's (0 < slope < 1); lower < upper are clip's, either may be
// infinite, and those of a staircase, multiples of its `step`: clamp(step round(x / step), lower, upper), whose levels are doubles exactly.
//
// Staircases jump, so that an argument that is off by one ulp may change the value by a step. Every enclosure of a staircase, here and
// in bounds/, therefore holds for all values that it takes on arguments up to staircase_tolerance() away, with either rule for ties:
// the value that a float64 evaluation finds, whose argument is a little off, is among them and carries no error on.
struct Activation {
  ActivationKind kind = ActivationKind::identity;
  double slope = 0.0;
  double lower = 0.0;
  double upper = 0.0;
  double step = 0.0;

  bool operator==(const Activation&) const = default;
  bool piecewise_linear() const;  // staircases too, between their jumps
  bool staircase() const { return kind == ActivationKind::quantize || kind == ActivationKind::quantize_even; }
  double staircase_tolerance() const { return step * 0x1p-21; }

  // float64 evaluation; libm's tanh and exp are assumed accurate to 4 ulp.
  double operator()(double x) const { return kind == ActivationKind::relu ? std::max(x, 0.0) : value(x); }
  // Encloses the exact image of an interval.
  Interval image(Interval x) const;
  // Encloses act(s) - act(t) for s in a, t in b, s - t in difference.
  Interval difference_image(Interval a, Interval b, Interval difference) const;
  // Encloses every derivative (or difference quotient) on the interval.
  Interval slope_range(Interval x) const;
  // Upper bound of |fl(act(x)) - act(x)| over the interval.
  double evaluation_error(Interval x) const;

 private:
  double value(double x) const;
};

std::string to_string(ActivationKind kind);
ActivationKind activation_kind(const std::string& name);  // SettingsError on unknown names

using Operation = std::variant<Dense, Activation>;

}  // namespace twincert::network
