// The layers a network is made of, with their exact-arithmetic meaning.
#pragma once

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

enum class ActivationKind { identity, relu, leaky_relu, sigmoid, tanh, clip };

// Elementwise, monotone, slopes within slope_range(). `slope` is leaky_relu's (0 < slope < 1); lower < upper are clip's, either may be
// infinite.
struct Activation {
  ActivationKind kind = ActivationKind::identity;
  double slope = 0.0;
  double lower = 0.0;
  double upper = 0.0;

  bool operator==(const Activation&) const = default;
  bool piecewise_linear() const;

  // float64 evaluation; libm's tanh and exp are assumed accurate to 4 ulp.
  double operator()(double x) const;
  // Encloses the exact image of an interval.
  Interval image(Interval x) const;
  // Encloses act(s) - act(t) for s in a, t in b, s - t in difference.
  Interval difference_image(Interval a, Interval b, Interval difference) const;
  // Encloses every derivative (or difference quotient) on the interval.
  Interval slope_range(Interval x) const;
  // Upper bound of |fl(act(x)) - act(x)| over the interval.
  double evaluation_error(Interval x) const;
};

std::string to_string(ActivationKind kind);
ActivationKind activation_kind(const std::string& name);  // SettingsError on unknown names

using Operation = std::variant<Dense, Activation>;

}  // namespace twincert::network
