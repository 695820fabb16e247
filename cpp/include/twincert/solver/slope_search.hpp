// Where to solve next for the best affine certificate: the minimum over slopes s >= 0 of
//   h(s) = weight_x s + weight max(0, b(s)),   b(s) an upper bound of |f - g|^2 - s q over the set.
//
// The optimal b is convex in s and falls no faster than the largest q, so that the values seen bound h from below between them (secants,
// extended): the next slope is where that bound is smallest. Values err by what the solver leaves, and nothing here is trusted.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "twincert/core/types.hpp"

namespace twincert::solver {

// True when the weighted sum, listed by iteration, fell by less than `tolerance` over the last half of the iterations. The bound alone may be
// near zero, where no part of it is small.
bool settled(const std::vector<std::pair<core::Index, double>>& sums, double tolerance);

class SlopeSearch {
 public:
  // `largest_q` bounds q over the set.
  SlopeSearch(double weight_x, double weight, double largest_q) : weight_x_(weight_x), weight_(weight), largest_q_(largest_q) {}

  // The first slope is zero; nothing when h can fall by less than `tolerance` of its smallest value any more.
  std::optional<double> next(double tolerance) const;
  void add(double slope, double bound);
  double best_slope() const { return best_slope_; }

 private:
  struct Point {
    double slope;
    double value;  // h
  };
  struct Line {
    double at;  // through (at, value)
    double value;
    double rise;

    double operator()(double slope) const { return value + rise * (slope - at); }
  };

  // The smallest value that the lines leave h between two neighbours, and where.
  Point valley(std::size_t left) const;

  double weight_x_;
  double weight_;
  double largest_q_;
  double best_slope_ = 0.0;
  double best_ = 0.0;
  std::vector<Point> points_;  // by slope
};

}  // namespace twincert::solver
