#include "twincert/solver/active_entries.hpp"

#include <algorithm>
#include <cmath>

namespace twincert::solver {
namespace {

// Rows have magnitude about one. Smaller violations are worth no entry: measured on the suite, a third of this costs twice the time for
// half a per cent.
constexpr double noticeable = 5e-3;
// A row whose square is allowed this many times its largest value is bounded before anything else is looked at.
constexpr double far_outside = 4.0;
// Entries per row and search: others of the same row are mostly settled along with these.
constexpr int per_row = 2;

constexpr std::uint8_t upper_side = 1, lower_side = 2, both_sides = 3;

}  // namespace

ActiveEntries::ActiveEntries(const relax::Clique& clique)
    : clique_(clique),
      marks_(static_cast<std::size_t>(clique.T.rows() * (clique.T.rows() + 1) / 2), 0),
      in_ball_(static_cast<std::size_t>(clique.T.rows()), false) {
  for (const Index row : clique.ball_rows) in_ball_[static_cast<std::size_t>(row)] = true;
  const Index n = clique.T.rows();
  for (Index j = 0; j < n; ++j) {
    for (Index i = j; i < n; ++i) {
      if (clique.lower(i, j) != clique.upper(i, j)) continue;
      entries_.push_back({i, j, 1.0, clique.upper(i, j), true});
      mark(i, j) = both_sides;
    }
  }
  add_diagonal();
}

// A row that is one variable up to a constant bounds that variable; where such rows and the ball leave one out, all rows do it together.
void ActiveEntries::add_diagonal() {
  const Matrix& T = clique_.T;
  std::vector<Index> row_of(static_cast<std::size_t>(T.cols()), -1);
  for (Index i = 0; i < T.rows(); ++i) {
    Index column = 0;
    const double largest = T.cols() > 1 ? T.row(i).tail(T.cols() - 1).cwiseAbs().maxCoeff(&column) : 0.0;
    if (!(largest > 0.0) || T.row(i).tail(T.cols() - 1).cwiseAbs().sum() != largest) continue;
    Index& row = row_of[static_cast<std::size_t>(column + 1)];
    if (row < 0 || largest > std::abs(T(row, column + 1))) row = i;
  }
  bool covered = true;
  for (Index j = 1; j < T.cols(); ++j) {
    bool by_ball = false;
    for (const Index row : clique_.ball_rows) by_ball = by_ball || T(row, j) != 0.0;
    const Index row = row_of[static_cast<std::size_t>(j)];
    if (row >= 0 && !in_ball_[static_cast<std::size_t>(row)]) {
      add(row, row, 1.0);
    } else {
      covered = covered && by_ball;
    }
  }
  if (covered) return;
  for (Index i = 0; i < T.rows(); ++i) {
    if (!in_ball_[static_cast<std::size_t>(i)]) add(i, i, 1.0);
  }
}

bool ActiveEntries::add(Index row, Index column, double sign) {
  std::uint8_t& sides = mark(row, column);
  const std::uint8_t side = sign > 0.0 ? upper_side : lower_side;
  if (sides & side) return false;
  sides |= side;
  entries_.push_back({row, column, sign, sign > 0.0 ? clique_.upper(row, column) : -clique_.lower(row, column), false});
  return true;
}

Index ActiveEntries::grow_diagonal(const Vector& diagonal, Index count) {
  std::vector<Candidate> found;
  for (Index i = 0; i < diagonal.size(); ++i) {
    const double ratio = diagonal[i] / std::max(clique_.upper(i, i), 1e-300);
    if (ratio > far_outside && !in_ball_[static_cast<std::size_t>(i)] && !(mark(i, i) & upper_side)) found.push_back({ratio, i, i, 1.0});
  }
  const auto kept = std::min(found.size(), static_cast<std::size_t>(count));
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(),
                    [](const Candidate& a, const Candidate& b) { return a.depth > b.depth; });
  for (std::size_t k = 0; k < kept; ++k) add(found[k].row, found[k].row, 1.0);
  return static_cast<Index>(kept);
}

Index ActiveEntries::grow(const Matrix& moments, Index count) {
  count = std::min(count, most - size());
  if (count <= 0) return 0;
  const Index n = moments.rows();
  std::vector<Candidate> found;
  for (Index j = 0; j < n; ++j) {
    for (Index i = j; i < n; ++i) {
      const double above = moments(i, j) - clique_.upper(i, j), below = clique_.lower(i, j) - moments(i, j);
      const double violation = std::max(above, below);
      if (!(violation > noticeable)) continue;
      // What a ball's rows have on the diagonal is charged once, together; semidefiniteness takes care of lower ends there.
      if (i == j && (below > above || in_ball_[static_cast<std::size_t>(i)])) continue;
      if (mark(i, j) & (above > below ? upper_side : lower_side)) continue;
      const double size = std::sqrt(0.5 * (moments(i, i) * moments(j, j) + moments(i, j) * moments(i, j)));
      found.push_back({violation / (size + 1e-3), i, j, above > below ? 1.0 : -1.0});
    }
  }
  const auto deeper = [](const Candidate& a, const Candidate& b) { return a.depth > b.depth; };
  const auto sorted = std::min(found.size(), static_cast<std::size_t>(8 * count));
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(sorted), found.end(), deeper);
  std::vector<int> used(static_cast<std::size_t>(n), 0);
  Index added = 0;
  for (std::size_t k = 0; k < sorted && added < count; ++k) {
    const Candidate& entry = found[k];
    int& first = used[static_cast<std::size_t>(entry.row)];
    int& second = used[static_cast<std::size_t>(entry.column)];
    if (first >= per_row || second >= per_row) continue;
    ++first;
    ++second;
    if (add(entry.row, entry.column, entry.sign)) ++added;
  }
  return added;
}

}  // namespace twincert::solver
