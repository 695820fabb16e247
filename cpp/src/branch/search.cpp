#include "twincert/branch/search.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "twincert/bounds/witness.hpp"

namespace twincert::branch {
namespace {

using bounds::Part;
using core::Status;

class Search {
 public:
  Search(const network::Twin& twin, const sets::InputSet& set, const core::Measure& measure, const bounds::TwinBounds& proven,
         const Vector& row_maxima, const SearchOptions& options, core::ThreadPool& pool, attack::AttackResult& witness)
      : twin_(twin),
        set_(set),
        measure_(measure),
        evaluation_error_(proven.evaluation_error),
        options_(options),
        pool_(pool),
        witness_(witness),
        target_(options.threshold.value_or(witness.value)),
        partition_(twin, set, proven, bounds::measure_rows(measure, twin.output_size()), row_maxima,
                   bounds::open_rows(measure, twin.output_size(), row_maxima, proven.evaluation_error, target_), options.split_inputs) {
    for (const bounds::StageBounds& stage : proven.stages) {
      part_numbers_ += 2 * (stage.reference.size() + stage.compressed.size() + stage.difference.size());
    }
    part_numbers_ += 2 * set.size() + row_maxima.size();
  }

  SearchResult run(const std::function<bool(const SearchProgress&)>& go_on) {
    nodes_.push_back({});
    add(0, {partition_.whole(), bound_of(partition_.whole()), {}});
    Status status = Status::converged;
    while (!open_.empty()) {
      if (options_.threshold && violated()) {
        status = Status::threshold_reached;
        break;
      }
      if (options_.part_limit - parts_ < 2) {
        status = Status::iteration_limit;
        break;
      }
      if (!go_on({parts_, leaves_.leaves, static_cast<Index>(open_.size()), upper(), witness_.value})) {
        status = Status::interrupted;
        break;
      }
      split_round();
    }
    if (open_.empty() && options_.threshold && leaves_.upper <= *options_.threshold) status = Status::threshold_reached;
    for (auto& [key, entry] : open_) leaves_.add(entry, measure_, twin_.output_size(), evaluation_error_);
    return {preorder(), target_, std::move(leaves_), parts_, status};
  }

 private:
  struct Node {
    Index code = -1;
    Index lower_half = -1;  // the upper half follows it
  };
  struct Found {
    Part part;
    double bound;
    attack::AttackResult center;
  };
  // Loosest last; the node number makes the order total.
  using Key = std::pair<double, Index>;

  // About the memory of a part.
  double bytes(const Part& part) const {
    const auto cuts = static_cast<Index>(part.cuts.size());
    return sizeof(double) * static_cast<double>(part_numbers_ + cuts * set_.size()) +
           static_cast<double>(part.cuts.size() * sizeof(bounds::NeuronCut));
  }

  double bound_of(const Part& part) const {
    return part.empty ? 0.0 : bounds::measure_upper(measure_, twin_.output_size(), part.rows, evaluation_error_);
  }

  double upper() const { return open_.empty() ? leaves_.upper : std::max(leaves_.upper, open_.rbegin()->first.first); }

  bool violated() {
    if (!(witness_.value > *options_.threshold)) return false;
    if (witness_.value != confirmed_at_) {
      confirmed_at_ = witness_.value;
      confirmed_ = bounds::confirmed_value(twin_, measure_, witness_.reference_input, witness_.compressed_input);
    }
    return confirmed_ > *options_.threshold;
  }

  // Good enough to be left alone.
  bool settled(double value) const {
    return options_.threshold ? value <= *options_.threshold : value <= witness_.value * (1.0 + options_.gap);
  }

  void add(Index node, Found found) {
    ++parts_;
    Part& part = found.part;
    const double bound = found.bound;
    if (part.empty || settled(bound) || part.next.index < 0) {
      leaves_.add(part, measure_, twin_.output_size(), evaluation_error_);
    } else {
      recent_.emplace(node, bound);
      open_bytes_ += bytes(part);
      open_.emplace(Key{bound, node}, std::move(part));
    }
  }

  // The loosest open part, or the most recent one when many are open: a search in depth needs little memory.
  std::pair<Index, Part> take() {
    const bool crowded = open_bytes_ > options_.memory_limit;
    const auto entry = crowded ? open_.find({recent_.rbegin()->second, recent_.rbegin()->first}) : std::prev(open_.end());
    const Index node = entry->first.second;
    std::pair<Index, Part> taken{node, std::move(entry->second)};
    open_bytes_ -= bytes(taken.second);
    recent_.erase(node);
    open_.erase(entry);
    return taken;
  }

  void split_round() {
    std::vector<std::pair<Index, Part>> parents;
    const auto room = std::min(bounds::parts_at_once, static_cast<std::size_t>((options_.part_limit - parts_) / 2));
    while (!open_.empty() && parents.size() < room) parents.push_back(take());
    std::vector<Found> halves(2 * parents.size());
    pool_.run(static_cast<Index>(halves.size()), [&](Index i) {
      const auto n = static_cast<std::size_t>(i);
      const Part& parent = parents[n / 2].second;
      const std::vector<Index> open = bounds::open_rows(measure_, twin_.output_size(), parent.rows, evaluation_error_, target_);
      Found& half = halves[n];
      half.part = partition_.half(parent, parent.next, n % 2 == 1, open);
      half.bound = bound_of(half.part);
      half.center = center_of(half.part, half.bound);
    });
    const double known = witness_.value;
    for (Found& half : halves) {
      if (half.center.value > witness_.value) witness_ = std::move(half.center);
    }
    // Parts lead to where the error is large, in places that no random start would find; the maximum there is a climb away.
    if (witness_.value > known) witness_ = attack::improve(twin_, set_, measure_, witness_);
    for (std::size_t n = 0; n < halves.size(); ++n) {
      Node& parent = nodes_[static_cast<std::size_t>(parents[n / 2].first)];
      if (n % 2 == 0) {
        parent.code = partition_.code(parents[n / 2].second.next);
        parent.lower_half = static_cast<Index>(nodes_.size());
        nodes_.resize(nodes_.size() + 2);
      }
      add(nodes_[static_cast<std::size_t>(parents[n / 2].first)].lower_half + static_cast<Index>(n % 2), std::move(halves[n]));
    }
  }

  // The loosest parts lie where the error is large: their centers are candidates. Without a value when there is nothing to find.
  attack::AttackResult center_of(const Part& part, double bound) const {
    attack::AttackResult result{};
    result.value = -std::numeric_limits<double>::infinity();
    if (part.empty || settled(bound)) return result;
    const Vector center = 0.5 * part.box.lower + 0.5 * part.box.upper;
    if (!set_.contains(center)) return result;
    const Vector f = twin_.reference().evaluate(center);
    const Vector g = twin_.compressed().evaluate(center);
    const double attained = measure_(f, g);
    if (std::isfinite(attained)) result = {center, center, f, g, attained};
    return result;
  }

  bounds::SplitTree preorder() const {
    bounds::SplitTree tree;
    tree.reserve(nodes_.size());
    std::vector<Index> stack{0};
    while (!stack.empty()) {
      const Node& node = nodes_[static_cast<std::size_t>(stack.back())];
      stack.pop_back();
      tree.push_back(node.code);
      if (node.code >= 0) stack.insert(stack.end(), {node.lower_half + 1, node.lower_half});
    }
    return tree;
  }

  const network::Twin& twin_;
  const sets::InputSet& set_;
  const core::Measure& measure_;
  const Vector& evaluation_error_;
  const SearchOptions& options_;
  core::ThreadPool& pool_;
  attack::AttackResult& witness_;
  double target_;
  bounds::Partition partition_;
  Index part_numbers_ = 0;  // of a part without cuts
  double open_bytes_ = 0.0;
  double confirmed_at_ = -1.0;
  double confirmed_ = 0.0;
  Index parts_ = 0;
  std::vector<Node> nodes_;
  std::map<Key, Part> open_;
  std::map<Index, double> recent_;  // the open parts by node
  bounds::LeafBounds leaves_;
};

}  // namespace

SearchResult search(const network::Twin& twin, const sets::InputSet& set, const core::Measure& measure, const bounds::TwinBounds& proven,
                    const Vector& row_maxima, const SearchOptions& options, core::ThreadPool& pool, attack::AttackResult& witness,
                    const std::function<bool(const SearchProgress&)>& go_on) {
  return Search(twin, set, measure, proven, row_maxima, options, pool, witness).run(go_on);
}

}  // namespace twincert::branch
