// Outward rounding without changing the rounding mode: a-priori error bounds and one-ulp steps.
//
// Everything here assumes IEEE double, round to nearest, no -ffast-math; fused multiply-add and any order of summation
// are allowed (Higham 2002, section 3.1; Rump and Jeannerod 2014).
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "twincert/core/types.hpp"

namespace twincert::core {

inline constexpr double unit_roundoff = 0x1p-53;
// Covers underflow of a product or of a sum's term; added once per operation where products can be tiny.
inline constexpr double underflow_unit = std::numeric_limits<double>::denorm_min();

// Smallest double above / largest double below x; infinities stay. Doubles of one sign are ordered as their bits are.
inline double next_up(double x) {
  if (!(std::abs(x) < std::numeric_limits<double>::infinity())) return x;
  if (x == 0.0) return underflow_unit;
  return std::bit_cast<double>(std::bit_cast<std::int64_t>(x) + (x > 0.0 ? 1 : -1));
}
inline double next_down(double x) { return -next_up(-x); }

// add_up of what is not finite.
double overflowed_sum_up(double a, double b, double sum);

// The exact a + b, a - b or a b rounded outward: the exact value itself when it is a double (a product of at least 2^-900).
// Zero times infinity is zero; an overflow towards the wrong side gives the largest finite number.
inline double add_up(double a, double b) {
  const double sum = a + b;
  if (!(std::abs(sum) < std::numeric_limits<double>::infinity())) return overflowed_sum_up(a, b, sum);
  // The exact a + b minus the finite sum (Knuth's TwoSum); NaN when an intermediate result overflows.
  const double b_part = sum - a;
  const double a_part = sum - b_part;
  return (a - a_part) + (b - b_part) <= 0.0 ? sum : next_up(sum);
}
inline double add_down(double a, double b) { return -add_up(-a, -b); }
inline double sub_up(double a, double b) { return add_up(a, -b); }
inline double sub_down(double a, double b) { return -add_up(-a, b); }
double mul_up(double a, double b);
inline double mul_down(double a, double b) { return -mul_up(-a, b); }

// Upper bound of n u / (1 - n u): |fl(a.b) - a.b| <= gamma(n) |a|.|b| for vectors of length n, any order, with or without FMA.
inline double gamma(Index n) {
  const double nu = static_cast<double>(n) * unit_roundoff;
  if (nu >= 0.5) return std::numeric_limits<double>::infinity();
  return next_up(nu / next_down(1.0 - nu));
}

// Upper bound of the exact a.b for nonnegative a, b, given its floating-point value (any order).
double round_up_sum(double computed, Index terms);

// A closed interval; operators return enclosures of the exact result.
struct Interval {
  double lower = 0.0;
  double upper = 0.0;

  double magnitude() const { return std::max(std::abs(lower), std::abs(upper)); }  // max |x| over the interval
  double width() const { return sub_up(upper, lower); }                            // upper - lower, rounded up
};

inline Interval operator+(Interval a, Interval b) { return {add_down(a.lower, b.lower), add_up(a.upper, b.upper)}; }
inline Interval operator-(Interval a, Interval b) { return {sub_down(a.lower, b.upper), sub_up(a.upper, b.lower)}; }
inline Interval operator-(Interval a) { return {-a.upper, -a.lower}; }
Interval operator*(Interval a, Interval b);
Interval operator*(double a, Interval b);
inline Interval intersect(Interval a, Interval b) {
  const Interval common{std::max(a.lower, b.lower), std::min(a.upper, b.upper)};
  return common.lower <= common.upper ? common : a;
}
inline Interval hull(Interval a, Interval b) { return {std::min(a.lower, b.lower), std::max(a.upper, b.upper)}; }

// A box of R^n, lower <= upper in every coordinate.
struct IntervalVector {
  Vector lower;
  Vector upper;

  Index size() const { return lower.size(); }
  Interval operator[](Index i) const { return {lower[i], upper[i]}; }
  void set(Index i, Interval value) {
    lower[i] = value.lower;
    upper[i] = value.upper;
  }
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
