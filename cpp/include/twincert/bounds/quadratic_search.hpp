// Finds multipliers of quadratic bounds (optimize_quadratic.hpp) by descent, in plain arithmetic: nothing rests on them.
//
// Everything is written in the coordinates (y_f, y_f - y_g) of a stage's values and counts from the middles that the bounds' squares count
// from: rows s y_f + t (y_f - y_g), squares weighted by `value_weight` and `change_weight`.
#pragma once

#include <functional>
#include <vector>

#include "twincert/bounds/quadratic_pair.hpp"
#include "twincert/bounds/twin_bounds.hpp"

namespace twincert::bounds {

inline constexpr double quadratic_products = 4.0;  // with all matrices, in each step

// A stage of two networks, restricted to live neurons, and the last one to those with parabolas. At the first stage the inputs vary by half
// widths, which the matrices contain, and both networks have the same ones: there is no `compressed`.
struct QuadraticStage {
  bool first = false;
  Matrix reference, change, compressed;  // W_f, W_f - W_g and W_g (neurons x inputs)
  Matrix reference_transpose, change_transpose, compressed_transpose;
  Vector reference_middle, change_middle;    // a_f and a_f - a_g at the middle of the inputs
  Vector value_middle, value_change_middle;  // the middles of y_f and y_f - y_g
  Vector reference_slope, compressed_slope;  // y = slope a where no pair is; zero where one is
  Vector loses_change;                       // 1: (y_f - y_g)^2 <= (a_f - a_g)^2; 0: they are equal
  Vector input_reach;                        // of the inputs' distances from their middles, y_f's and then those of y_f - y_g
  std::vector<Index> pairs;                  // the neurons that have parabolas
  std::vector<PairBoundary> boundaries;

  // (values of y_f | of y_f - y_g) of the stage's inputs, a row each, become a_f and a_f - a_g.
  void along(const Matrix& inputs, Matrix& reference_values, Matrix& change_values) const;
  // Rows s a_f + t (a_f - a_g) become rows of the stage's inputs (| of y_f - y_g).
  void back(const Matrix& s, const Matrix& t, Matrix& inputs) const;
};

// Of one stage: per row and pair the slopes of s F + t E by x and y (quadratic_pair.hpp), (s by_x F + t by_x E) and so on, and kappa; per
// row and input of the stage the weight d of its square.
struct QuadraticMultipliers {
  Matrix f_by_x, f_by_y, e_by_x, e_by_y;  // (rows x pairs)
  Matrix kappa;                           // (rows x pairs), positive
  Matrix weight;                          // (rows x inputs | changes), positive
};

// Rows s y_f + t (y_f - y_g) of the last stage's values; `kept` is what its other neurons' rows became, of the stage's inputs | changes.
struct QuadraticRows {
  Matrix s, t;
  Matrix kept;
};

// Multipliers of each stage after `steps` steps down the bounds' gradients, or fewer where `go_on` says no before one; the largest
// eigenvalues are followed by power iterations.
std::vector<QuadraticMultipliers> find_multipliers(const std::vector<QuadraticStage>& stages, const QuadraticRows& rows, int steps,
                                                   const std::function<bool()>& go_on);

}  // namespace twincert::bounds
