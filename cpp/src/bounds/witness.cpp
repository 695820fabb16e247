#include "twincert/bounds/witness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "twincert/bounds/forward.hpp"

namespace twincert::bounds {
namespace {

using core::MeasureKind;

// Smallest absolute value in an interval.
double smallest(Interval x) { return std::max({x.lower, -x.upper, 0.0}); }

double root_down(double x) { return std::max(0.0, core::next_down(std::sqrt(x))); }

// Lower bound of Measure::share() in exact arithmetic.
double share_down(const core::Measure& measure, const Vector& x, const Vector& y) {
  double squares = 0.0;
  for (Index i = 0; i < x.size(); ++i) {
    const double entry =
        measure.of == core::AffineInput::input ? std::abs(x[i]) : std::max(core::sub_up(x[i], y[i]), core::sub_up(y[i], x[i]));
    squares = core::add_up(squares, core::mul_up(entry, entry));
  }
  return squares > 0.0 ? std::min(measure.weight, std::max(0.0, core::next_down(measure.weight_x / squares))) : measure.weight;
}

// The class of f is certain only where one output leads all others, and g's differs for certain only where another one leads it.
double confirmed_confidence(const IntervalVector& f, const IntervalVector& g) {
  for (Index i = 0; i < f.size(); ++i) {
    double confidence = std::numeric_limits<double>::infinity();
    bool overtaken = false;
    for (Index k = 0; k < f.size(); ++k) {
      if (k == i) continue;
      confidence = std::min(confidence, core::sub_down(f.lower[i], f.upper[k]));
      overtaken = overtaken || g.lower[k] >= g.upper[i];
    }
    if (confidence > 0.0) return overtaken ? confidence : 0.0;
  }
  return 0.0;
}

}  // namespace

double confirmed_value(const Twin& twin, const core::Measure& measure, const Vector& x, const Vector& y) {
  check_sizes(twin, InputSet(sets::Box{{x, x}}, Vector::Zero(x.size())));
  const auto at = [&twin](const Vector& point) {
    return interval_bounds(twin, InputSet(sets::Box{{point, point}}, Vector::Zero(point.size()))).stages.back();
  };
  const StageBounds at_x = at(x);
  const IntervalVector f = at_x.reference;
  const IntervalVector g = at(y).compressed;
  const bool shared = x == y;
  double largest = 0.0, squares = 0.0, sum = 0.0;
  std::vector<Interval> difference;
  for (Index i = 0; i < f.size(); ++i) {
    // With one input for both, the differential bound is sharper.
    difference.push_back(shared ? core::intersect(f[i] - g[i], at_x.difference[i]) : f[i] - g[i]);
    const double value = smallest(difference.back());
    largest = std::max(largest, value);
    squares = core::add_down(squares, core::mul_down(value, value));
    sum = core::add_down(sum, value);
  }
  const auto of = [&difference](Index i) { return difference[static_cast<std::size_t>(i)]; };
  double result = largest;
  if (measure.kind == MeasureKind::output) result = smallest(of(measure.output));
  if (measure.kind == MeasureKind::margin) result = smallest(of(measure.output) - of(measure.other));
  if (measure.kind == MeasureKind::two) result = std::max(largest, root_down(squares));
  if (measure.kind == MeasureKind::one) result = std::max(largest, sum);
  if (measure.kind == MeasureKind::affine)
    result = core::mul_down(std::max(squares, core::mul_down(largest, largest)), share_down(measure, x, y));
  if (measure.kind == MeasureKind::top1) result = confirmed_confidence(f, g);
  return std::isfinite(result) ? result : 0.0;
}

}  // namespace twincert::bounds
