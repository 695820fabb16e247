// The rigorous bound of one objective from its multipliers: support function plus a charge for what is not positive semidefinite.
#pragma once

#include <vector>

#include "twincert/certificate/proof.hpp"
#include "twincert/relax/relaxation.hpp"

namespace twincert::certificate {

// The proven bound of a problem's objective; +infinity when the proof's sizes do not fit or its entries are not finite.
double chordal_bound(const relax::ChordalProblem& problem, const relax::ChordalObjective& objective,
                     const std::vector<CliqueProof>& cliques);

// The proven bound of a twin's objective: the same, finished.
double objective_bound(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const std::vector<CliqueProof>& cliques);

// Multipliers, one per clique, with factors that make their charges small, and what they prove.
struct ProvenProblem {
  double bound;
  std::vector<CliqueProof> cliques;
};
ProvenProblem prove(const relax::ChordalProblem& problem, const relax::ChordalObjective& objective, const std::vector<Matrix>& multipliers);

// Turns multipliers into a proof, with a little slack for a checker's rounding on another machine. `cancelled` is the size of what the
// objective takes from its bound.
ObjectiveProof prove(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const relax::Objective& objective,
                     const std::vector<Matrix>& multipliers, double cancelled);

}  // namespace twincert::certificate
