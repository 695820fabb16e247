// The valid bound of any multipliers (relaxation.md, section 4), by the support function of the entry intervals.
#pragma once

#include <vector>

#include "twincert/relax/relaxation.hpp"

namespace twincert::relax {

// Upper bound, outward rounded, of <matrix, r r^T> + constant + sum_k <multipliers_k, r_k r_k^T> over all points of the set. With
// multipliers for which T_k^T multiplier_k T_k is positive semidefinite this bounds the objective; how far they are from that is
// charged separately (certificate/bound.hpp). Multipliers are symmetric, one per clique. Infinite or NaN sums give +infinity.
double support_bound(const Relaxation& relaxation, const ObjectiveTerms& terms, const std::vector<Matrix>& multipliers);

}  // namespace twincert::relax
