// Outward rounding without changing the rounding mode: a-priori error bounds and one-ulp steps.
//
// Everything here assumes IEEE double, round to nearest, no -ffast-math; fused multiply-add and any order of summation
// are allowed (Higham 2002, section 3.1; Rump and Jeannerod 2014).
#pragma once

#include <limits>

#include "twincert/core/types.hpp"

namespace twincert::core {

inline constexpr double unit_roundoff = 0x1p-53;
// Covers underflow of a product or of a sum's term; added once per operation where products can be tiny.
inline constexpr double underflow_unit = std::numeric_limits<double>::denorm_min();

// Smallest double above / largest double below x; infinities stay.
double next_up(double x);
double next_down(double x);

// The exact a + b, a - b or a b rounded outward: the exact value itself when it is a double (a product of at least 2^-900).
// Zero times infinity is zero; an overflow towards the wrong side gives the largest finite number.
double add_up(double a, double b);
double add_down(double a, double b);
double sub_up(double a, double b);
double sub_down(double a, double b);
double mul_up(double a, double b);
double mul_down(double a, double b);

// Upper bound of n u / (1 - n u): |fl(a.b) - a.b| <= gamma(n) |a|.|b| for vectors of length n, any order, with or without FMA.
double gamma(Index n);

// Upper bound of the exact a.b for nonnegative a, b, given its floating-point value (any order).
double round_up_sum(double computed, Index terms);

// A closed interval; operators return enclosures of the exact result.
struct Interval {
  double lower = 0.0;
  double upper = 0.0;

  double magnitude() const;  // max |x| over the interval
  double width() const;      // upper - lower, rounded up
};

Interval operator+(Interval a, Interval b);
Interval operator-(Interval a, Interval b);
Interval operator-(Interval a);
Interval operator*(Interval a, Interval b);
Interval operator*(double a, Interval b);
Interval intersect(Interval a, Interval b);
Interval hull(Interval a, Interval b);

// A box of R^n, lower <= upper in every coordinate.
struct IntervalVector {
  Vector lower;
  Vector upper;

  Index size() const { return lower.size(); }
  Interval operator[](Index i) const { return {lower[i], upper[i]}; }
  void set(Index i, Interval value);
  Vector magnitude() const;
  bool operator==(const IntervalVector&) const = default;
};

// Coordinate-wise intersection of two boxes that are both known to contain the truth (a crossing caused by rounding keeps the first).
IntervalVector intersect(const IntervalVector& a, const IntervalVector& b);

// Encloses {W x + b : x in box}, exact arithmetic, W (m x n), b (m). Tight up to rounding for a single affine map.
IntervalVector affine_image(const Matrix& weight, const Vector& bias, const IntervalVector& box);

// Entrywise upper bounds of max over the box of C x (one per row of C).
Vector linear_maximum(const Matrix& coefficients, const IntervalVector& box);

}  // namespace twincert::core
