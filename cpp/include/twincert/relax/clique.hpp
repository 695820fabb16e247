// One block of the chordal relaxation: rows over the values of neighbouring layers, and intervals of their products.
#pragma once

#include <span>

#include "twincert/relax/chordal_problem.hpp"
#include "twincert/relax/row_set.hpp"

namespace twincert::relax {

// What the rows of a clique are: for every point of the set there is a v with v_0 = 1, |v_j| <= variable_magnitude_j, such that the rows r
// satisfy |r - T v| <= error, rows.lower <= r <= rows.upper and lower <= r r^T <= upper entrywise.
struct CliqueRows {
  IntervalVector rows;
  std::vector<RowLabel> labels;  // rows
  // Rows of the layer before the first stage and of the layer after the last one, shared with the previous and the next clique (contiguous,
  // same order there); row 0 is always 1.
  Index previous_begin = 0, previous_size = 0;
  Index current_begin = 0, current_size = 0;
};

struct TwinClique {
  Clique clique;
  CliqueRows meaning;
};

// What the first clique knows about the inputs besides their intervals.
struct InputFacts {
  const sets::InputSet* set = nullptr;
};

// Clique over `previous` (null: the first stage's own functionals are the variables) and the layers after `stages`, one or more.
TwinClique build_clique(std::span<const network::StagePair> stages, std::span<const bounds::StageBounds> bounds, const LayerRows* previous,
                        std::span<const LayerRows> current, const RowOptions& options, InputFacts inputs);

}  // namespace twincert::relax
