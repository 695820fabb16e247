// Rows of a problem brought to magnitude about one, which the solver needs; by powers of two, so that nothing is rounded.
#pragma once

#include <vector>

#include "twincert/relax/chordal_problem.hpp"

namespace twincert::relax {

// Per clique and row the factor that brings the row's magnitude into (1/2, 1]; rows that overlaps link, and the rows of a ball, have one in
// common, for the largest.
std::vector<Vector> row_scales(const ChordalProblem& problem);

ChordalProblem scaled(ChordalProblem problem, const std::vector<Vector>& scales);
ChordalObjective scaled(ChordalObjective objective, const std::vector<Vector>& scales);

// Multipliers of the problem itself from those of the scaled one.
std::vector<Matrix> unscaled(std::vector<Matrix> multipliers, const std::vector<Vector>& scales);

}  // namespace twincert::relax
