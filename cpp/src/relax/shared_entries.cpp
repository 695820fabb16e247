#include "twincert/relax/shared_entries.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <span>

#include "twincert/core/interval.hpp"

namespace twincert::relax {
namespace {

using core::Interval;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Rows of a clique in more than one overlap.
std::vector<Index> crossed_rows(const std::vector<OverlapEnd>& ends, Index rows) {
  std::vector<Index> crossed;
  for (Index i = 0; i < rows; ++i) {
    const auto holds = [i](const OverlapEnd& end) { return end.position[at(i)] >= 0; };
    if (std::count_if(ends.begin(), ends.end(), holds) > 1) crossed.push_back(i);
  }
  return crossed;
}

}  // namespace

std::vector<std::vector<OverlapEnd>> overlap_ends(const ChordalProblem& problem) {
  std::vector<std::vector<OverlapEnd>> ends(problem.cliques.size());
  const auto add = [&](bool first, Index here, Index there, const std::vector<Index>& rows, const std::vector<Index>& other_rows) {
    OverlapEnd end{first, there, &rows, &other_rows, std::vector<Index>(at(problem.cliques[at(here)].T.rows()), -1)};
    for (std::size_t i = 0; i < rows.size(); ++i) end.position[at(rows[i])] = static_cast<Index>(i);
    ends[at(here)].push_back(std::move(end));
  };
  for (const Overlap& overlap : problem.overlaps) {
    add(true, overlap.first, overlap.second, overlap.first_rows, overlap.second_rows);
    add(false, overlap.second, overlap.first, overlap.second_rows, overlap.first_rows);
  }
  return ends;
}

std::vector<std::vector<Entry>> linked_entries(const ChordalProblem& problem, const std::vector<std::vector<OverlapEnd>>& ends) {
  std::set<Entry> seen;
  std::vector<std::vector<Entry>> groups;
  const auto flood = [&](Entry from) {
    if (!seen.insert(from).second) return;
    std::vector<Entry> group{from};
    for (std::size_t next = 0; next < group.size(); ++next) {
      const Entry entry = group[next];
      for (const OverlapEnd& end : ends[at(entry.clique)]) {
        const Index i = end.position[at(entry.row)], j = end.position[at(entry.column)];
        if (i < 0 || j < 0) continue;
        const Index row = (*end.other_rows)[at(i)], column = (*end.other_rows)[at(j)];
        const Entry image{end.other, std::min(row, column), std::max(row, column)};
        if (seen.insert(image).second) group.push_back(image);
      }
    }
    std::sort(group.begin(), group.end());
    groups.push_back(std::move(group));
  };
  for (std::size_t k = 0; k < problem.cliques.size(); ++k) {
    const std::vector<Index> rows = crossed_rows(ends[k], problem.cliques[k].T.rows());
    for (std::size_t j = 0; j < rows.size(); ++j) {
      for (std::size_t i = j; i < rows.size(); ++i) {
        const auto holds = [&](const OverlapEnd& end) { return end.position[at(rows[i])] >= 0 && end.position[at(rows[j])] >= 0; };
        if (std::count_if(ends[k].begin(), ends[k].end(), holds) > 1) flood({static_cast<Index>(k), rows[j], rows[i]});
      }
    }
  }
  return groups;
}

std::optional<Entry> agree(ChordalProblem& problem) {
  std::optional<Entry> empty;
  const auto meet = [&](std::span<const Entry> copies) {
    Interval common{-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    for (const Entry& e : copies) {
      const Clique& clique = problem.cliques[at(e.clique)];
      common.lower = std::max(common.lower, clique.lower(e.row, e.column));
      common.upper = std::min(common.upper, clique.upper(e.row, e.column));
    }
    if (!(common.lower <= common.upper)) {
      const Entry& first = copies.front();
      const Clique& clique = problem.cliques[at(first.clique)];
      common = {clique.lower(first.row, first.column), clique.upper(first.row, first.column)};
      if (!empty) empty = first;
    }
    for (const Entry& e : copies) {
      Clique& clique = problem.cliques[at(e.clique)];
      clique.lower(e.row, e.column) = clique.lower(e.column, e.row) = common.lower;
      clique.upper(e.row, e.column) = clique.upper(e.column, e.row) = common.upper;
    }
  };
  for (const std::vector<Entry>& copies : linked_entries(problem, overlap_ends(problem))) meet(copies);
  for (const Overlap& overlap : problem.overlaps) {
    for_each_entry(overlap, [&](Index row, Index column, Index other_row, Index other_column) {
      meet(std::array{Entry{overlap.first, column, row}, Entry{overlap.second, other_column, other_row}});
    });
  }
  return empty;
}

}  // namespace twincert::relax
