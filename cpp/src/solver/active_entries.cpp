#include "twincert/solver/active_entries.hpp"

#include <algorithm>
#include <cmath>

#include "twincert/core/mostly_zeros.hpp"

namespace twincert::solver {
namespace {

// A row whose square is allowed this many times its largest value is bounded before anything else is looked at.
constexpr double far_outside = 4.0;
// Entries per row and search: others of the same row are mostly settled along with these. While there are more than so many for each
// variable, most of them are.
constexpr int per_row = 2;
constexpr Index many = 2;

// Rows with larger coefficients are divided by the largest. Their intervals may then be too narrow to have an interior in double
// precision, and are widened: the bound is computed with the true ones.
constexpr double large_coefficient = 64.0;
constexpr double narrow = 1e-9;

constexpr std::uint8_t upper_side = 1, lower_side = 2, both_sides = 3;

std::uint8_t side_of(const ActiveEntry& entry) {
  if (entry.equality) return both_sides;
  return entry.sign > 0.0 ? upper_side : lower_side;
}

}  // namespace

ActiveEntries::ActiveEntries(const relax::Clique& clique)
    : clique_(clique),
      marks_(static_cast<std::size_t>(triangle(clique.T.rows())), 0),
      in_ball_(static_cast<std::size_t>(clique.T.rows()), false),
      norms_(Vector::Ones(clique.T.rows())),
      noticeable_(std::clamp(5e-5 * static_cast<double>(clique.T.rows()), 5e-4, 4e-3)) {
  for (const Index row : clique.ball_rows) in_ball_[static_cast<std::size_t>(row)] = true;
  const Index n = clique.T.rows();
  for (Index i = 0; i < n; ++i) {
    const double largest = clique.T.row(i).cwiseAbs().maxCoeff();
    if (largest > large_coefficient && !in_ball_[static_cast<std::size_t>(i)]) norms_[i] = largest;
  }
  for (Index j = 0; j < n; ++j) {
    for (Index i = j; i < n; ++i) {
      if (clique.lower(i, j) != clique.upper(i, j)) continue;
      entries_.push_back({i, j, 1.0, clique.upper(i, j) / (norms_[i] * norms_[j]), true});
      mark(i, j) = both_sides;
    }
  }
  add_diagonal();
  initial_ = size();
}

// A row that is a variable bounds it; where such rows and the ball leave one out, all rows do it together.
void ActiveEntries::add_diagonal() {
  const Matrix& T = clique_.T;
  std::vector<bool> bounded(static_cast<std::size_t>(T.cols()), false);
  for (Index i = 0; i < T.rows(); ++i) {
    if (in_ball_[static_cast<std::size_t>(i)]) {
      for (Index j = 0; j < T.cols(); ++j) {
        if (T(i, j) != 0.0) bounded[static_cast<std::size_t>(j)] = true;
      }
      continue;
    }
    Index column = 0;
    const double largest = T.row(i).cwiseAbs().maxCoeff(&column);
    if (!(largest > 0.0) || T.row(i).cwiseAbs().sum() != largest) continue;
    bounded[static_cast<std::size_t>(column)] = true;
    add(i, i, 1.0);
  }
  const bool covered = std::find(bounded.begin(), bounded.end(), false) == bounded.end();
  if (covered) return;
  for (Index i = 0; i < T.rows(); ++i) {
    if (!in_ball_[static_cast<std::size_t>(i)]) add(i, i, 1.0);
  }
}

double ActiveEntries::limit(Index row, Index column, double sign) const {
  const double lower = clique_.lower(row, column), upper = clique_.upper(row, column), size = norms_[row] * norms_[column];
  const double widening = std::max(0.0, narrow - (upper - lower) / size);
  return (sign > 0.0 ? upper : -lower) / size + widening;
}

bool ActiveEntries::add(Index row, Index column, double sign) {
  std::uint8_t& sides = mark(row, column);
  const std::uint8_t side = sign > 0.0 ? upper_side : lower_side;
  if (sides & side) return false;
  sides |= side;
  entries_.push_back({row, column, sign, limit(row, column, sign), false});
  return true;
}

void ActiveEntries::retain(const std::vector<bool>& kept) {
  const auto end = static_cast<std::size_t>(initial_);
  std::vector<ActiveEntry> rest(entries_.begin(), entries_.begin() + initial_);
  for (std::size_t e = end; e < entries_.size(); ++e) {
    if (kept[e]) rest.push_back(entries_[e]);
  }
  restore(std::move(rest));
}

void ActiveEntries::restore(std::vector<ActiveEntry> entries) {
  entries_ = std::move(entries);
  std::fill(marks_.begin(), marks_.end(), std::uint8_t{0});
  for (const ActiveEntry& entry : entries_) mark(entry.row, entry.column) |= side_of(entry);
}

Vector ActiveEntries::sides(const std::vector<ActiveEntry>& entries, const std::vector<bool>& kept) const {
  Vector result = Vector::Zero(static_cast<Index>(marks_.size()));
  for (std::size_t e = 0; e < entries.size(); ++e) {
    const ActiveEntry& entry = entries[e];
    if (kept[e] && !entry.equality) result[position(entry.row, entry.column)] += side_of(entry);
  }
  return result;
}

void ActiveEntries::add(const Vector& sides) {
  for (Index j = 0; j < clique_.T.rows(); ++j) {
    for (Index i = j; i < clique_.T.rows() && size() < most_of(clique_.T.cols()); ++i) {
      const double side = sides[position(i, j)];
      if (side == upper_side || side == both_sides) add(i, j, 1.0);
      if (side == lower_side || side == both_sides) add(i, j, -1.0);
    }
  }
}

Index ActiveEntries::grow_diagonal(const Vector& diagonal, Index count) {
  std::vector<Candidate> found;
  for (Index i = 0; i < diagonal.size(); ++i) {
    const double ratio = diagonal[i] / (norms_[i] * norms_[i]) / std::max(limit(i, i, 1.0), 1e-300);
    if (ratio > far_outside && !in_ball_[static_cast<std::size_t>(i)] && !(mark(i, i) & upper_side)) found.push_back({ratio, i, i, 1.0});
  }
  const auto kept = std::min(found.size(), static_cast<std::size_t>(count));
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(),
                    [](const Candidate& a, const Candidate& b) { return a.depth > b.depth; });
  for (std::size_t k = 0; k < kept; ++k) add(found[k].row, found[k].row, 1.0);
  return static_cast<Index>(kept);
}

Index ActiveEntries::grow(const Matrix& moments, Index count) {
  count = std::min(count, most_of(clique_.T.cols()) - size());
  if (count <= 0) return 0;
  const Index n = moments.rows();
  std::vector<Candidate> found;
  for (Index j = 0; j < n; ++j) {
    // Norms are at least one: most entries are far from a violation.
    const auto inside = [&](Index i, auto size) {
      const auto moment = core::chunk_of(&moments(j, j) + i, size);
      const auto above = moment - core::chunk_of(&clique_.upper(j, j) + i, size);
      const auto below = core::chunk_of(&clique_.lower(j, j) + i, size) - moment;
      return (above.max(below) <= noticeable_).all();
    };
    core::visit_chunks(n - j, inside, [&](Index offset) {
      const Index i = j + offset;
      const double above = moments(i, j) - clique_.upper(i, j), below = clique_.lower(i, j) - moments(i, j);
      const double scale = norms_[i] * norms_[j];
      const double violation = std::max(above, below) / scale;
      if (!(violation > noticeable_)) return;
      // What a ball's rows have on the diagonal is charged once, together.
      if (i == j && above > below && in_ball_[static_cast<std::size_t>(i)]) return;
      if (mark(i, j) & (above > below ? upper_side : lower_side)) return;
      const double size = std::sqrt(0.5 * (std::max(0.0, moments(i, i) * moments(j, j)) + moments(i, j) * moments(i, j))) / scale;
      found.push_back({violation / (size + 1e-3), i, j, above > below ? 1.0 : -1.0});
    });
  }
  const auto deeper = [](const Candidate& a, const Candidate& b) { return a.depth > b.depth; };
  const auto sorted = std::min(found.size(), static_cast<std::size_t>(8 * count));
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(sorted), found.end(), deeper);
  const int most_per_row = static_cast<Index>(found.size()) > many * clique_.T.cols() ? 1 : per_row;
  std::vector<int> used(static_cast<std::size_t>(n), 0);
  Index added = 0;
  for (std::size_t k = 0; k < sorted && added < count; ++k) {
    const Candidate& entry = found[k];
    int& first = used[static_cast<std::size_t>(entry.row)];
    int& second = used[static_cast<std::size_t>(entry.column)];
    if (first >= most_per_row || second >= most_per_row) continue;
    ++first;
    ++second;
    if (add(entry.row, entry.column, entry.sign)) ++added;
  }
  return added;
}

}  // namespace twincert::solver
