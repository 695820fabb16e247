// The interior-point method's state as numbers, to go on with later.
#include "twincert/solver/interior_point.hpp"

namespace twincert::solver {
namespace {

// Scalars, then per entry what tells it, its multiplier and its slack, then X.
constexpr Index scalars = 6, numbers = 5;

Index triangle(Index n) { return n * (n + 1) / 2; }

}  // namespace

Vector InteriorPoint::state() const {
  const Index count = size(), n = primal_.rows();
  Vector state(scalars + numbers * count + triangle(n));
  state.head(scalars) << static_cast<double>(count), static_cast<double>(iterations_), grown_at_, last_residual_, floor_,
      static_cast<double>(stuck_);
  Index at = scalars;
  for (Index e = 0; e < count; ++e, at += numbers) {
    const bool ball = e == active_.size();
    const ActiveEntry entry = ball ? ActiveEntry{} : active_.entries()[static_cast<std::size_t>(e)];
    const double sign = ball || entry.equality ? 0.0 : entry.sign;
    state.segment(at, numbers) << static_cast<double>(entry.row), static_cast<double>(entry.column), sign, multipliers_[e], slacks_[e];
  }
  for (Index j = 0; j < n; at += n - j, ++j) state.segment(at, n - j) = primal_.col(j).tail(n - j);
  return state;
}

void InteriorPoint::resume(const Vector& state) {
  const auto count = static_cast<Index>(state[0]);
  std::vector<ActiveEntry> entries;
  multipliers_.resize(count);
  slacks_.resize(count);
  for (Index e = 0; e < count; ++e) {
    const auto number = state.segment(scalars + numbers * e, numbers);
    if (e < count - (has_ball_ ? 1 : 0))
      entries.push_back({static_cast<Index>(number[0]), static_cast<Index>(number[1]), number[2], 0.0, false});
    multipliers_[e] = number[3];
    slacks_[e] = number[4];
  }
  active_.restore(entries);
  use_rows();
  const Index n = clique_.T.cols();
  primal_.resize(n, n);
  for (Index j = 0, at = scalars + numbers * count; j < n; at += n - j, ++j) primal_.col(j).tail(n - j) = state.segment(at, n - j);
  primal_.triangularView<Eigen::StrictlyUpper>() = primal_.transpose();
  factor(multipliers_, dual_, dual_factor_);
  iterations_ = static_cast<Index>(state[1]);
  grown_at_ = state[2];
  last_residual_ = state[3];
  floor_ = state[4];
  stuck_ = static_cast<int>(state[5]);
}

Vector InteriorPoint::point(const Vector& state) const {
  std::vector<ActiveEntry> found;
  for (Index e = 0; e < static_cast<Index>(state[0]); ++e) {
    const auto number = state.segment(scalars + numbers * e, numbers);
    const bool binds = number[2] != 0.0 && number[3] > number[4];
    if (binds) found.push_back({static_cast<Index>(number[0]), static_cast<Index>(number[1]), number[2], 0.0, false});
  }
  return active_.sides(found);
}

}  // namespace twincert::solver
