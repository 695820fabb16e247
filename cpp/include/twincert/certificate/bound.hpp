// The rigorous bound of one objective from its multipliers: support function plus a charge for what is not positive semidefinite.
#pragma once

#include <vector>

#include "twincert/certificate/proof.hpp"
#include "twincert/relax/relaxation.hpp"

namespace twincert::certificate {

// Upper bound, outward rounded, of -<multiplier, r r^T> over the points of a clique, for any factor: with G = T^T multiplier T and
// E = G - factor factor^T, v^T G v >= -sum |E_ij| |v_i| |v_j|. Includes the rows' own rounding.
double semidefinite_charge(const relax::Clique& clique, const CliqueProof& proof);

// A factor that makes the charge small: Cholesky of G with the smallest diagonal shift that succeeds.
Matrix semidefinite_factor(const relax::Clique& clique, const Matrix& multiplier);

// The proven bound of the objective; +infinity when the proof's sizes do not fit or its entries are not finite.
double objective_bound(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const std::vector<CliqueProof>& cliques);

}  // namespace twincert::certificate
