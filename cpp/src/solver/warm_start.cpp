#include "twincert/solver/warm_start.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "twincert/solver/packed_triangle.hpp"

namespace twincert::solver {
namespace {

// Per new row the old one, -1 for none.
std::vector<Index> matched(const std::vector<relax::RowLabel>& old_labels, const std::vector<relax::RowLabel>& labels) {
  std::map<relax::RowLabel, Index> positions;
  for (std::size_t i = 0; i < old_labels.size(); ++i) positions.emplace(old_labels[i], static_cast<Index>(i));
  std::vector<Index> match;
  for (const relax::RowLabel& label : labels) {
    const auto found = positions.find(label);
    match.push_back(found == positions.end() ? -1 : found->second);
  }
  return match;
}

bool same(const relax::Objective& a, const relax::Objective& b) {
  return a.kind == b.kind && a.weights.size() == b.weights.size() && a.weights == b.weights;
}

}  // namespace

void WarmStarts::keep(const relax::Relaxation& relaxation, const relax::Objective& objective, Start start) {
  Labels labels;
  for (const relax::CliqueRows& rows : relaxation.meaning) labels.push_back(rows.labels);
  std::shared_ptr<const Labels> shared;
  for (const Kept& kept : kept_) {
    if (*kept.labels == labels) shared = kept.labels;
  }
  if (!shared) shared = std::make_shared<const Labels>(std::move(labels));
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return same(kept.objective, objective); });
  if (found != kept_.end()) {
    *found = {objective, shared, std::move(start)};
  } else {
    kept_.push_back({objective, shared, std::move(start)});
  }
}

Start WarmStarts::find(const relax::Relaxation& relaxation, const relax::Objective& objective) const {
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return same(kept.objective, objective); });
  if (found == kept_.end() || found->labels->size() != relaxation.cliques.size()) return {};
  Index total = 0;
  for (const relax::Clique& clique : relaxation.cliques) total += triangle(clique.T.rows());
  Vector point = Vector::Zero(total);
  Index begin = 0, old_begin = 0;
  for (std::size_t k = 0; k < relaxation.cliques.size(); ++k) {
    const std::vector<relax::RowLabel>& old_labels = (*found->labels)[k];
    const std::vector<Index> match = matched(old_labels, relaxation.meaning[k].labels);
    const Index n = static_cast<Index>(match.size()), old_n = static_cast<Index>(old_labels.size());
    for (Index j = 0; j < n; ++j) {
      const Index b = match[static_cast<std::size_t>(j)];
      if (b < 0) continue;
      for (Index i = j; i < n; ++i) {
        const Index a = match[static_cast<std::size_t>(i)];
        if (a >= 0) point[begin + packed(n, i, j)] = found->start.entries[old_begin + packed(old_n, std::max(a, b), std::min(a, b))];
      }
    }
    begin += triangle(n);
    old_begin += triangle(old_n);
  }
  return {std::move(point), found->start.rho};
}

}  // namespace twincert::solver
