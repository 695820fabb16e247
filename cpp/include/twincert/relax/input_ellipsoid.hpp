// What the first stage's functionals have in common when the inputs themselves are left out: they are linear in inputs of bounded size,
// so they lie in an ellipsoid.
#pragma once

#include <vector>

#include "twincert/relax/layer_rows.hpp"

namespace twincert::relax {

// Rows q = coefficients (1, v) over the functionals v, lower triangular but for the first column: for every point of the set each lies in
// its interval and their squares sum to at most `cap`, about one.
struct EllipsoidRows {
  Matrix coefficients;  // rows x (1 + functionals), exact
  IntervalVector intervals;
  double cap;
};

// With v = o + B z, |z_p| <= 1 (inputs in units of their radii) or |z|_2 <= 1 (a ball's): v lies in the ellipsoid
// (v - o)^T (B B^T)^+ (v - o) <= max |z|^2, whose Cholesky factor gives the rows. Intervals and cap hold whatever the rounding of the
// factor; it is computed in one fixed order of operations, so that prover and checker get the same rows.
EllipsoidRows ellipsoid_rows(const network::StagePair& stage, const sets::InputSet& set, const std::vector<SharedRow>& functionals);

}  // namespace twincert::relax
