// Where to solve next for the best affine certificate: the minimum over slopes s >= 0 of
//   h(s) = weight_x s + weight max(0, b(s)),   b(s) an upper bound of |f - g|^2 - s q over the set.
//
// The optimal b is convex in s, so that extended secants of the values seen bound h from below; so do attained pairs of q and |f - g|^2.
// The next slope is where these lines leave h most room. Values err by what the solver leaves, and nothing here is trusted.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "twincert/core/types.hpp"

namespace twincert::solver {

class SlopeSearch {
 public:
  // `largest_q` bounds q over the set; `attained` holds q and |f - g|^2 of some of its points.
  SlopeSearch(double weight_x, double weight, double largest_q, std::vector<std::pair<double, double>> attained);

  // Nothing when h can fall by less than `tolerance` of its smallest value any more.
  std::optional<double> next(double tolerance) const;
  void add(double slope, double bound);

 private:
  struct Point {
    double slope;
    double value;  // h
  };

  double attained(double slope) const;
  // The line through two neighbours, at a third slope.
  double extended(std::size_t first, std::size_t second, double slope) const;
  // Lower bound of h to the left of points_[right], and to the right of the one before.
  double below(std::size_t right, double slope) const;
  Point valley(double left, double right, std::size_t position) const;

  double weight_x_;
  double weight_;
  double largest_q_;
  double best_;
  std::vector<std::pair<double, double>> attained_;
  std::vector<Point> points_;  // by slope
};

}  // namespace twincert::solver
