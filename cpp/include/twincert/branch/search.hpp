// Branch and bound over parts of the input set: the loosest part is split first, until a threshold is decided or limits are reached.
// Whatever stops it, the parts that are left cover the set, so that the largest of their bounds is valid.
#pragma once

#include <functional>
#include <limits>
#include <optional>

#include "twincert/attack/attack.hpp"
#include "twincert/bounds/split_tree.hpp"
#include "twincert/core/parallel.hpp"
#include "twincert/core/status.hpp"

namespace twincert::branch {

using core::Index;
using core::Vector;

struct SearchOptions {
  std::optional<double> threshold;
  double gap = 0.01;  // without a threshold: stop when the bound is within this fraction of what a witness attains
  Index split_inputs = bounds::default_split_inputs;  // with more varying inputs neurons are split
  Index part_limit = std::numeric_limits<Index>::max();
  double memory_limit = 4.0 * 0x1p30;  // bytes for open parts; above, the most recent part is split first
};

struct SearchProgress {
  Index parts;   // bounded so far
  Index leaves;  // that will not be split any more
  Index open;
  double upper;
  double lower;
};

struct SearchResult {
  bounds::SplitTree tree;
  double target;  // rows were bounded while they could exceed it
  bounds::LeafBounds leaves;
  Index parts;
  core::Status status;
};

// `proven` are bounds as of crown_bounds() and the maxima of measure_rows() that they prove; `witness` is the best point known and is
// improved. `go_on` is asked after every round of parts. Deterministic: rounds do not depend on threads or time.
SearchResult search(const network::Twin& twin, const sets::InputSet& set, const core::Measure& measure, const bounds::TwinBounds& proven,
                    const Vector& row_maxima, const SearchOptions& options, core::ThreadPool& pool, attack::AttackResult& witness,
                    const std::function<bool(const SearchProgress&)>& go_on);

}  // namespace twincert::branch
