// The rigorous bound of one objective from its multipliers: support function plus a charge for what is not positive semidefinite.
#pragma once

#include <vector>

#include "twincert/certificate/proof.hpp"
#include "twincert/relax/relaxation.hpp"

namespace twincert::certificate {

// Upper bound, outward rounded, of -<multiplier, M> over the matrices M = E[r r^T] of a clique, for any factor: with G = T^T multiplier T
// and E = G - factor factor^T, <G, Y> >= -sum |E_ij| |Y_ij|, and |Y_ij| <= variable_magnitude_i variable_magnitude_j. Includes the rows'
// own rounding.
double semidefinite_charge(const relax::Clique& clique, const CliqueProof& proof);

// A factor that makes the charge small: Cholesky of G with the smallest diagonal shift that succeeds.
Matrix semidefinite_factor(const relax::Clique& clique, const Matrix& multiplier);

// The proven bound of a problem's objective; +infinity when the proof's sizes do not fit or its entries are not finite.
double chordal_bound(const relax::ChordalProblem& problem, const relax::ChordalObjective& objective,
                     const std::vector<CliqueProof>& cliques);

// The proven bound of a twin's objective: the same, finished.
double objective_bound(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const std::vector<CliqueProof>& cliques);

// Multipliers, one per clique, with their factors.
std::vector<CliqueProof> clique_proofs(const relax::ChordalProblem& problem, const std::vector<Matrix>& multipliers);

// Turns multipliers into a proof, with a little slack for a checker's rounding on another machine. `cancelled` is the size of what the
// objective takes from its bound.
ObjectiveProof prove(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const relax::Objective& objective,
                     const std::vector<Matrix>& multipliers, double cancelled);

}  // namespace twincert::certificate
