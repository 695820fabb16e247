// What a certificate proves with: plain data, enough for the checker to recompute every bound without a solver.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "twincert/bounds/split_tree.hpp"
#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/core/measure.hpp"
#include "twincert/relax/objective.hpp"
#include "twincert/relax/options.hpp"

namespace twincert::certificate {

using core::Index;
using core::Matrix;
using core::Vector;

// Multiplier of one clique, and a factor whose outer product is close to T^T multiplier T (any factor is sound).
struct CliqueProof {
  Matrix multiplier;  // rows x rows, symmetric
  Matrix factor;      // free variables x free variables, lower triangular
};

// One bounded objective of the SDP.
struct ObjectiveProof {
  relax::Objective objective;
  double bound;                      // of the objective, rounding of the evaluation not included
  std::vector<CliqueProof> cliques;  // one per clique of the relaxation
};

// Branch and bound: the parts that the measure was bounded on.
struct Branching {
  double target;           // rows were bounded while they could exceed it
  bounds::SplitTree tree;  // of Partition::code()
};

struct Proof {
  std::string propagation;                       // "interval", "crown" or "optimized": how the checker re-derives the stage bounds
  double operations = bounds::operation_budget;  // of "optimized": the budget that it had
  std::vector<bounds::StageBounds> stages;       // claimed enclosures; the checker's own must lie inside them
  relax::RowOptions rows;                        // which row families the relaxation uses
  std::vector<ObjectiveProof> objectives;        // of the SDP; may be empty
  std::optional<Branching> branching;            // absent: nothing was split
};

// |f(x) - g(y)|^2 <= gamma_x q + gamma over the set, both at least zero; q as the measure's `of` says.
struct AffineBound {
  double gamma_x;
  double gamma;
};

// Everything that is claimed about one twin, set and measure.
struct Claim {
  core::Measure measure;
  double upper;                                      // the measure's bound, every rounding included
  Vector upper_per_output;                           // >= max of f_i - g_i, +inf where not asked for
  Vector lower_per_output;                           // <= min of f_i - g_i, -inf where not asked for
  std::optional<AffineBound> affine = std::nullopt;  // of affine measures, whose `upper` is its weighted sum
};

}  // namespace twincert::certificate
