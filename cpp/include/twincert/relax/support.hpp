// The valid bound of any multipliers (relaxation.md, section 4), by the support function of the entry intervals.
#pragma once

#include <vector>

#include "twincert/relax/chordal_problem.hpp"

namespace twincert::relax {

// Upper bound, outward rounded, of sum_k <objective_k + multipliers_k, M_k> + constant over all entries in their intervals that agree on
// overlaps. With multipliers for which T_k^T multiplier_k T_k is positive semidefinite this bounds the objective; how far they are from
// that is charged separately (certificate/bound.hpp). Multipliers are symmetric, one per clique. Infinite or NaN sums give +infinity.
double support_bound(const ChordalProblem& problem, const ChordalObjective& objective, const std::vector<Matrix>& multipliers);

}  // namespace twincert::relax
