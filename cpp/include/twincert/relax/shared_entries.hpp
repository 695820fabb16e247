// Which entries of different cliques are one and the same.
#pragma once

#include <algorithm>
#include <compare>
#include <optional>
#include <vector>

#include "twincert/relax/chordal_problem.hpp"

namespace twincert::relax {

// An entry of a clique's symmetric matrix, row >= column.
struct Entry {
  Index clique;
  Index column;
  Index row;

  auto operator<=>(const Entry&) const = default;
};

// One end of an overlap, as seen from its clique.
struct OverlapEnd {
  bool first;                            // whether the clique stands first in the overlap
  Index other;                           // the clique at the other end
  const std::vector<Index>* rows;        // here, and
  const std::vector<Index>* other_rows;  // there: the problem's own
  std::vector<Index> position;           // of every row of the clique in `rows`, or -1
};

// The ends of all overlaps, by clique.
std::vector<std::vector<OverlapEnd>> overlap_ends(const ChordalProblem& problem);

// Entries that lie in more than one overlap, together with all that overlaps link them to, directly or not: one sorted list of copies for
// each. Other shared entries come in pairs, and each pair in one overlap.
std::vector<std::vector<Entry>> linked_entries(const ChordalProblem& problem, const std::vector<std::vector<OverlapEnd>>& ends);

// Copies of a shared entry all get the intersection of their intervals. Returns an entry where that is empty, if there is one: it gets the
// interval of its first copy.
std::optional<Entry> agree(ChordalProblem& problem);

// Calls visit(row, column, other_row, other_column) for every entry of an overlap, row >= column in either clique.
template <class Visit>
void for_each_entry(const Overlap& overlap, Visit&& visit) {
  for (std::size_t j = 0; j < overlap.first_rows.size(); ++j) {
    for (std::size_t i = j; i < overlap.first_rows.size(); ++i) {
      const Index a = overlap.first_rows[i], b = overlap.first_rows[j], c = overlap.second_rows[i], d = overlap.second_rows[j];
      visit(std::max(a, b), std::min(a, b), std::max(c, d), std::min(c, d));
    }
  }
}

}  // namespace twincert::relax
