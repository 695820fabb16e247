// Finds multipliers of quadratic bounds (optimize_quadratic.hpp) by descent, in plain arithmetic: nothing rests on them.
#pragma once

#include "twincert/bounds/twin_bounds.hpp"

namespace twincert::bounds {

inline constexpr int quadratic_steps = 40;
inline constexpr double quadratic_products = 4.0;  // with both matrices, in each step

// Rows of sums over pairs k of max(0, L_k), L_k = middle_k + l_k . z with |z_j| <= 1, plus kept . z. The forms l_k of row r are
// scale_reference(r, k) reference_k - scale_change(r, k) change_k: products with all rows' forms are then products with two matrices.
struct QuadraticRows {
  const Matrix& reference;  // (pairs x inputs)
  const Matrix& change;
  const Matrix& reference_transpose;
  const Matrix& change_transpose;
  Matrix scale_reference;  // (rows x pairs), zero where the pair takes no part
  Matrix scale_change;
  Matrix middle;
  Matrix kept;  // (rows x inputs)

  Matrix along(const Matrix& z) const;  // l_k . z: (rows x inputs) to (rows x pairs)
  Matrix back(const Matrix& y) const;   // sum y_k l_k: (rows x pairs) to (rows x inputs)
};

struct QuadraticMultipliers {
  Matrix theta;   // (rows x pairs), within [0, 1]
  Matrix kappa;   // (rows x pairs), positive
  Matrix weight;  // the diagonals of D, (rows x inputs), positive
};

// Descends on the bound itself, the largest eigenvalue followed by power iterations. Inputs of half width zero do not vary.
QuadraticMultipliers find_multipliers(const QuadraticRows& rows, const Vector& half_width);

}  // namespace twincert::bounds
