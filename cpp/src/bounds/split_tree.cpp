#include "twincert/bounds/split_tree.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "twincert/core/error.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int further_levels = 8;

// A part still to be looked at: its node in the tree, or, below a leaf, how many levels below.
struct Pending {
  Part part;
  std::size_t node;
  int below;
};

}  // namespace

bool well_formed(const SplitTree& tree) {
  std::size_t missing = 1;
  for (const Index code : tree) {
    if (missing == 0) return false;
    missing += code < 0 ? std::size_t(-1) : std::size_t(1);
  }
  return missing == 0;
}

void LeafBounds::add(const Part& leaf, const core::Measure& measure, Index outputs, const Vector& evaluation_error) {
  if (rows.size() == 0) rows = Vector::Constant(leaf.rows.size(), -infinity);
  ++leaves;
  if (leaf.empty) return;
  rows = rows.cwiseMax(leaf.rows);
  upper = std::max(upper, measure_upper(measure, outputs, leaf.rows, evaluation_error));
}

LeafBounds tree_bounds(const Twin& twin, const InputSet& set, const core::Measure& measure, const TwinBounds& bounds,
                       const Vector& row_maxima, const SplitTree& tree, double target, double claimed, core::ThreadPool& pool) {
  if (!well_formed(tree)) throw core::SettingsError("the tree of " + std::to_string(tree.size()) + " splits is not a preorder of one tree");
  const Index outputs = twin.output_size();
  const auto open = [&](const Part& part) { return open_rows(measure, outputs, part.rows, bounds.evaluation_error, target); };
  const Partition partition(twin, set, bounds, measure_rows(measure, outputs), row_maxima,
                            open_rows(measure, outputs, row_maxima, bounds.evaluation_error, target));
  // The node after the subtree at `node`.
  std::vector<std::size_t> end(tree.size());
  for (std::size_t node = tree.size(); node-- > 0;) end[node] = tree[node] < 0 ? node + 1 : end[end[node + 1]];

  LeafBounds result;
  std::vector<Pending> stack;
  stack.push_back({partition.whole(), 0, 0});
  while (!stack.empty()) {
    std::vector<Pending> parents;
    std::vector<Split> splits;
    while (!stack.empty() && parents.size() < parts_at_once) {
      Pending pending = std::move(stack.back());
      stack.pop_back();
      const bool leaf = pending.below > 0 || tree[pending.node] < 0;
      const Split split = leaf ? pending.part.next : partition.split(tree[pending.node]);
      const bool proven = pending.part.empty || measure_upper(measure, outputs, pending.part.rows, bounds.evaluation_error) <= claimed;
      if (leaf && (proven || pending.below == further_levels || split.index < 0)) {
        result.add(pending.part, measure, outputs, bounds.evaluation_error);
        continue;
      }
      if (leaf) ++pending.below;
      parents.push_back(std::move(pending));
      splits.push_back(split);
    }
    std::vector<Part> halves(2 * parents.size());
    pool.run(static_cast<Index>(halves.size()), [&](Index i) {
      const auto n = static_cast<std::size_t>(i);
      const Part& parent = parents[n / 2].part;
      if (parent.empty) {
        halves[n].empty = true;
        halves[n].rows = parent.rows;
      } else {
        halves[n] = partition.half(parent, splits[n / 2], n % 2 == 1, open(parent));
      }
    });
    for (std::size_t n = halves.size(); n-- > 0;) {
      const Pending& parent = parents[n / 2];
      const std::size_t node = parent.below > 0 ? parent.node : n % 2 == 0 ? parent.node + 1 : end[parent.node + 1];
      stack.push_back({std::move(halves[n]), node, parent.below});
    }
  }
  return result;
}

}  // namespace twincert::bounds
