// Which rows the relaxation is built from. Part of every proof: prover and checker must build the same rows.
#pragma once

namespace twincert::relax {

enum class InputReduction { automatic, never, always };
// One clique per hidden stage, or a single one over all of them; automatic is for whoever solves to decide, and means stages otherwise.
enum class Cliques { automatic, stages, single };

struct RowOptions {
  bool reference_rows = false;                                 // centred rows of x as well as of y in paired stages
  bool centred_difference = false;                             // centred rows of d as well as scaled ones
  bool slack_rows = false;                                     // (upper - phi), (|lower| - psi)
  bool unstable_only = false;                                  // of layers between a clique's stages only neurons that are not linear
  InputReduction input_reduction = InputReduction::automatic;  // first clique over the first stage's functionals instead of the inputs
  Cliques cliques = Cliques::automatic;

  bool operator==(const RowOptions&) const = default;
};

}  // namespace twincert::relax
