// One block of the chordal relaxation: rows over the values of two neighbouring layers, and intervals of their products.
#pragma once

#include "twincert/relax/row_set.hpp"

namespace twincert::relax {

// For every point of the set there is a v with v_0 = 1, |v_j| <= variable_magnitude_j, such that the rows r satisfy
// |r - T v| <= error, rows.lower <= r <= rows.upper and lower <= r r^T <= upper entrywise.
struct Clique {
  Matrix T;                   // rows x variables
  Vector error;               // rows
  Vector variable_magnitude;  // variables
  IntervalVector rows;
  std::vector<RowLabel> labels;  // rows
  Matrix lower, upper;           // rows x rows, symmetric

  // Rows shared with the previous and the next clique (contiguous, same order there); row 0 is always 1.
  Index previous_begin = 0, previous_size = 0;
  Index current_begin = 0, current_size = 0;

  // Rows whose squares sum to at most `ball_cap` (2-norm balls); empty otherwise.
  std::vector<Index> ball_rows;
  double ball_cap = 0.0;
};

// What the first clique knows about the inputs besides their intervals.
struct InputFacts {
  const sets::InputSet* set = nullptr;
};

// Clique over `previous` (null: the stage's own functionals are the variables) and the layer after `stage`.
Clique build_clique(const network::StagePair& stage, const bounds::StageBounds& bounds, const LayerRows* previous, const LayerRows& current,
                    const RowOptions& options, InputFacts inputs);

// Number of functionals a_f, a_g, delta that the first clique needs when it does without the inputs.
Index functional_count(const network::StagePair& stage, const bounds::StageBounds& bounds, const LayerRows& current);

}  // namespace twincert::relax
