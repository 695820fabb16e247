// The chordal relaxation of a twin over a set: one clique per hidden stage, agreeing on the rows that neighbours share.
#pragma once

#include <optional>
#include <vector>

#include "twincert/relax/clique.hpp"
#include "twincert/relax/objective.hpp"

namespace twincert::relax {

// A chordal problem whose rows' meaning is known; its cliques are empty for networks without hidden stage.
struct Relaxation : ChordalProblem {
  std::vector<CliqueRows> meaning;  // one per clique
  std::optional<LayerRows> inputs;  // previous rows of the first clique, unless that does without the inputs
  LayerRows last;                   // rows of the last hidden layer, current rows of the last clique

  // Sign variables s_i of the one-norm: rows of the last clique from here on, one per output; -1 without.
  Index signs_begin = -1;
};

// The first stage whose bounds leave no room for products of rows: from 1e100 on, infinite or NaN.
std::optional<Index> overflowing_stage(const bounds::TwinBounds& bounds);

// No stage may overflow. Sign variables are added for ObjectiveKind::one_norm.
Relaxation build_relaxation(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds,
                            const RowOptions& options, ObjectiveKind kind);

// True when the first clique is built over the functionals of the first stage instead of the inputs.
bool reduces_inputs(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds, const RowOptions& options);

// The objective of a problem (in a twin's relaxation, of the rows of any clique), and what its bound says about the question asked: it
// encloses that from above once finish() is applied.
struct ObjectiveTerms : ChordalObjective {
  ObjectiveKind kind = ObjectiveKind::linear;
  double error = 0.0;  // what the rows' rounding adds: to the value (but for squared_two_norm), to the 2-norm before squaring

  // Upper bound of the objective from an upper bound of the chordal problem's.
  double finish(double bound) const;
};

// SettingsError for affine objectives of a relaxation without the inputs.
ObjectiveTerms objective_terms(const network::Twin& twin, const Relaxation& relaxation, const Objective& objective);

// Before it is built: of rows no fewer than there will be.
std::vector<CliqueSize> clique_sizes(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds,
                                     const RowOptions& options, ObjectiveKind kind);

}  // namespace twincert::relax
