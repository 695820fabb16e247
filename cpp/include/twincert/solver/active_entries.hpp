// The few entries of a clique's moment matrix whose intervals matter: a working set that grows by the most violated ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "twincert/relax/chordal_problem.hpp"
#include "twincert/solver/packed_triangle.hpp"

namespace twincert::solver {

using core::Index;
using core::Matrix;
using core::Vector;

// sign * M(row, column) <= limit, or = limit, for the moments of rows divided by their norms; row >= column.
struct ActiveEntry {
  Index row;
  Index column;
  double sign;
  double limit;
  bool equality;
};

class ActiveEntries {
 public:
  // Beyond these the Schur complement takes half a gigabyte and its factorisation seconds.
  static constexpr Index most = 8000;
  // How many it grows to: what is active at an optimum is far less per variable.
  static Index most_of(Index variables) { return std::min(most, 25 * variables); }

  // Starts with the entries that are fixed, and with bounds on the diagonal that keep every variable bounded. Keeps a reference.
  explicit ActiveEntries(const relax::Clique& clique);

  const std::vector<ActiveEntry>& entries() const { return entries_; }
  // What rows are divided by: more than one for those that are small differences of large terms.
  double norm(Index row) const { return norms_[row]; }
  const Vector& norms() const { return norms_; }
  // Rows have magnitude about one, and smaller violations are worth no entry: measured on the suite, a third of this costs twice the time
  // for half a per cent. Of few rows all that matters may be had.
  double noticeable() const { return noticeable_; }
  // Entries from this one on may be left out.
  Index initial() const { return initial_; }
  Index size() const { return static_cast<Index>(entries_.size()); }

  // Leaves out what was not there at the start and is not `kept`, by entry.
  void retain(const std::vector<bool>& kept);
  // Those of the same object at an earlier time.
  void restore(std::vector<ActiveEntry> entries);

  // Which sides the `kept` of the entries stand for, as numbers, lower triangle column by column: the same of another problem may be added.
  Vector sides(const std::vector<ActiveEntry>& entries, const std::vector<bool>& kept) const;
  void add(const Vector& sides);

  // Adds at most `count` upper ends of the diagonal, those that the moments' diagonal exceeds most, by a factor; returns how many.
  Index grow_diagonal(const Vector& diagonal, Index count);

  // Adds at most `count` of the most violated entries of the moments M (lower triangle), at most a few of each row, and returns how many.
  Index grow(const Matrix& moments, Index count);

 private:
  struct Candidate {
    double depth;
    Index row;
    Index column;
    double sign;
  };

  bool add(Index row, Index column, double sign);
  double limit(Index row, Index column, double sign) const;
  void add_diagonal();
  Index position(Index row, Index column) const { return packed(clique_.T.rows(), row, column); }
  std::uint8_t& mark(Index row, Index column) { return marks_[static_cast<std::size_t>(position(row, column))]; }

  const relax::Clique& clique_;
  std::vector<ActiveEntry> entries_;
  Index initial_ = 0;                // entries that are always active
  std::vector<std::uint8_t> marks_;  // of the lower triangle: which sides are active
  std::vector<bool> in_ball_;        // rows
  Vector norms_;
  double noticeable_;
};

}  // namespace twincert::solver
