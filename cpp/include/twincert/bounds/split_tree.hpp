// A binary tree of splits and the bounds that its leaves prove together: what a certificate by branching ships, and how it is checked.
#pragma once

#include <vector>

#include "twincert/bounds/part.hpp"
#include "twincert/core/parallel.hpp"

namespace twincert::bounds {

// Partition::code() of every node in preorder, lower half first; -1 is a leaf.
using SplitTree = std::vector<Index>;

// True when the numbers are the preorder of one binary tree.
bool well_formed(const SplitTree& tree);

// What the leaves seen so far prove together.
struct LeafBounds {
  Vector rows;         // proven maxima over all of them; -inf while there is none
  double upper = 0.0;  // of the measure
  Index leaves = 0;    // empty ones included

  void add(const Part& leaf, const core::Measure& measure, Index outputs, const Vector& evaluation_error);
};

// Bounds every part of a tree again. Rows are bounded while they can exceed `target` (see open_rows()). A leaf above `claimed` is split
// on for a few levels by the rule of Partition itself: rounding on another machine may have made a part a little looser.
// SettingsError when the tree is not well formed or splits what does not exist.
LeafBounds tree_bounds(const Twin& twin, const InputSet& set, const core::Measure& measure, const TwinBounds& bounds,
                       const Vector& row_maxima, const SplitTree& tree, double target, double claimed, core::ThreadPool& pool);

}  // namespace twincert::bounds
