#include "twincert/solver/interior_point.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "twincert/core/cholesky.hpp"
#include "twincert/core/product.hpp"
#include "twincert/solver/smallest_eigenvalue.hpp"

namespace twincert::solver {
namespace {

using core::product;
using core::Transpose;

constexpr double fraction_to_boundary = 0.9;
// New entries' slacks, in units of the square root of the centre: with the centre they would then have multipliers of the same order.
constexpr double new_slack = 2.0;
constexpr double least_new_slack = 1e-3;
constexpr double most_new_slack = 0.03;
constexpr Index fewest_new = 4;
// The working set grows when the primal violates it by less than this, and the centre has moved on by this factor.
constexpr double nearly_feasible = 0.2;
constexpr double moved_on = 0.8;
constexpr Index first_growth = 3;
// Entries with more slack than this, and multipliers that much smaller, are far from their limits.
constexpr double far_slack = 0.05;
constexpr double far_ratio = 0.1;
// Steps that lower the bound by less than this, and do not make the primal that much more feasible, are not worth many more.
constexpr double worthwhile = 1e-4;
constexpr double falling = 0.98;
constexpr int patience = 8;

Matrix symmetric_part(const Matrix& a) { return 0.5 * (a + a.transpose()); }

bool lower_factor(const Matrix& a, Matrix& lower, core::ThreadPool& pool) {
  lower = a;
  if (!core::cholesky_lower(lower, pool)) return false;
  lower.triangularView<Eigen::StrictlyUpper>().setZero();
  return true;
}

}  // namespace

InteriorPoint::InteriorPoint(const relax::ChordalProblem& problem, double tolerance, core::ThreadPool& pool)
    : clique_(problem.cliques.front()),
      pool_(pool),
      tolerance_(tolerance),
      has_ball_(!clique_.ball_rows.empty()),
      active_(clique_),
      rows_(pool),
      all_rows_(pool) {
  std::vector<Index> all(static_cast<std::size_t>(clique_.T.rows()));
  std::iota(all.begin(), all.end(), Index{0});
  all_rows_.use(clique_.T, all, Vector::Ones(clique_.T.rows()));
}

double InteriorPoint::memory_estimate(Index rows, Index variables) {
  const double n = static_cast<double>(rows), v = static_cast<double>(variables);
  const double active = static_cast<double>(ActiveEntries::most_of(variables)) + 2.0 * v;
  return 8.0 * (13.0 * n * n + 4.0 * n * v + 10.0 * v * v + active * active);
}

void InteriorPoint::set_objective(const relax::ChordalObjective& objective) {
  if (multipliers_.size() == size()) active_.retain(binding(multipliers_, slacks_));
  const Matrix& full = objective.matrices.front();
  objective_rows_.clear();
  for (Index row = 0; row < full.rows(); ++row) {
    if ((full.col(row).array() != 0.0).any()) objective_rows_.push_back(row);
  }
  objective_block_ = full(objective_rows_, objective_rows_);
  core::mirror_lower(pool_, objective_block_);  // to the last bit
  const Matrix rows = clique_.T(objective_rows_, Eigen::all);
  objective_ = product(pool_, rows, product(pool_, objective_block_, rows), Transpose::yes);
  const double largest = objective_.cwiseAbs().maxCoeff();
  scale_ = largest > 0.0 && std::isfinite(largest) ? largest : 1.0;
  objective_ = symmetric_part(objective_) / scale_;
  constant_ = objective.constant / scale_;
  multipliers_.resize(0);
  slacks_.resize(0);
  iterations_ = 0;
  finished_ = false;
}

bool InteriorPoint::begin_with_active() {
  use_rows();
  const Index count = active_.size();
  multipliers_.setZero(size());
  slacks_.setZero(size());
  Vector diagonal = Vector::Zero(size());
  for (Index e = 0; e < count; ++e) {
    const ActiveEntry& entry = active_.entries()[static_cast<std::size_t>(e)];
    if (entry.row == entry.column && entry.sign > 0.0) diagonal[e] = 1.0;
    if (!entry.equality && diagonal[e] == 0.0) multipliers_[e] = 0.02;
  }
  if (has_ball_) diagonal[count] = 1.0;
  const Vector small = multipliers_;
  for (double& size = start_size_; size < 1e12; size *= 4.0) {
    multipliers_ = small + size * diagonal;
    if (!factor(multipliers_, dual_, dual_factor_)) continue;
    primal_ = core::cholesky_inverse(dual_factor_, pool_);
    primal_ /= primal_(0, 0);
    return true;
  }
  return false;
}

// The entries that bind where a step ended, by entry: of a pair of multiplier and slack, whose product is small, the larger tells.
std::vector<bool> InteriorPoint::binding(const Vector& multipliers, const Vector& slacks) {
  std::vector<bool> found;
  for (Index e = 0; e < multipliers.size(); ++e) found.push_back(multipliers[e] > slacks[e]);
  return found;
}

// What depends on which entries are active.
void InteriorPoint::use_rows() {
  const Index count = active_.size();
  std::vector<Index> places(static_cast<std::size_t>(clique_.T.rows()), -1), used;
  const auto place_of = [&](Index row) {
    Index& place = places[static_cast<std::size_t>(row)];
    if (place < 0) {
      place = static_cast<Index>(used.size());
      used.push_back(row);
    }
    return place;
  };
  limits_.resize(size());
  free_.assign(static_cast<std::size_t>(size()), false);
  pairs_.clear();
  for (Index e = 0; e < count; ++e) {
    const ActiveEntry& entry = active_.entries()[static_cast<std::size_t>(e)];
    pairs_.push_back({place_of(entry.row), place_of(entry.column), entry.sign});
    limits_[e] = entry.limit;
    free_[static_cast<std::size_t>(e)] = entry.equality;
  }
  for (const Index row : clique_.ball_rows) {
    const Index place = place_of(row);
    pairs_.push_back({place, place, 1.0});
  }
  if (has_ball_) limits_[count] = clique_.ball_cap;
  rows_.use(clique_.T, used, active_.norms());
}

// <A_e, M> from M T^T.
Vector InteriorPoint::entries(const Matrix& image) const {
  Vector values = Vector::Zero(size());
  const Index count = active_.size();
  pool_.run_blocks(count, 256, [&](Index begin, Index share) {
    for (Index e = begin; e < begin + share; ++e) {
      const RowPair& pair = pairs_[static_cast<std::size_t>(e)];
      values[e] = pair.weight * rows_.entry(image, pair.i, pair.j);
    }
  });
  for (std::size_t k = static_cast<std::size_t>(count); k < pairs_.size(); ++k)
    values[count] += rows_.entry(image, pairs_[k].i, pairs_[k].j);
  return values;
}

// sum l_e A_e.
Matrix InteriorPoint::adjoint(const Vector& multipliers) const {
  std::vector<RowPair> weighted = pairs_;
  for (std::size_t k = 0; k < weighted.size(); ++k) weighted[k].weight *= multipliers[std::min(static_cast<Index>(k), active_.size())];
  return rows_.sum(weighted);
}

bool InteriorPoint::factor(const Vector& multipliers, Matrix& dual, Matrix& lower) const {
  dual = adjoint(multipliers) - objective_;
  return lower_factor(dual, lower, pool_);
}

// Large multipliers on the diagonal make S positive definite; X is its inverse. Rows that this leaves far outside get bounds as well.
bool InteriorPoint::begin() {
  constexpr int rounds = 4;
  start_size_ = 1.0;
  for (int round = 0;; ++round) {
    if (!begin_with_active()) return false;
    start_size_ = std::max(1.0, start_size_ / 16.0);
    if (round == rounds) break;
    const Matrix image = all_rows_.image(primal_);
    Vector diagonal(all_rows_.size());
    for (Index row = 0; row < diagonal.size(); ++row) diagonal[row] = all_rows_.entry(image, row, row);
    if (active_.grow_diagonal(diagonal, dual_.rows()) == 0) break;
  }
  slacks_ = (limits_ - entries(rows_.image(primal_))).cwiseMax(0.3);
  for (Index e = 0; e < size(); ++e) {
    if (free_[static_cast<std::size_t>(e)]) slacks_[e] = 0.0;
  }
  grown_at_ = std::numeric_limits<double>::infinity();
  last_residual_ = std::numeric_limits<double>::infinity();
  floor_ = 1e-9 * std::abs(value());
  stuck_ = 0;
  return true;
}

double InteriorPoint::complementarity(const Matrix& primal, const Matrix& dual, const Vector& slacks, const Vector& multipliers) const {
  double count = static_cast<double>(dual.rows()), sum = primal.cwiseProduct(dual).sum();
  for (Index e = 0; e < size(); ++e) {
    if (free_[static_cast<std::size_t>(e)]) continue;
    sum += slacks[e] * multipliers[e];
    count += 1.0;
  }
  return sum / count;
}

// Leaves entries out that are far from their limits, as many as S is at least half of what it was without. With less the centre would be
// far away.
void InteriorPoint::thin() {
  constexpr int trials = 3;
  std::vector<Index> far;
  for (Index e = active_.initial(); e < active_.size(); ++e) {
    if (slacks_[e] > far_slack && multipliers_[e] < far_ratio * slacks_[e]) far.push_back(e);
  }
  std::stable_sort(far.begin(), far.end(), [this](Index a, Index b) { return slacks_[a] > slacks_[b]; });
  for (int trial = 0; trial < trials && !far.empty(); ++trial, far.resize(far.size() / 2)) {
    Vector multipliers = multipliers_;
    Matrix dual, dual_factor;
    for (const Index e : far) multipliers[e] = -multipliers_[e];
    if (!factor(multipliers, dual, dual_factor)) continue;  // without them twice: half of S is left without them
    for (const Index e : far) multipliers[e] = 0.0;
    if (!factor(multipliers, dual_, dual_factor_)) return;
    std::vector<bool> kept(static_cast<std::size_t>(size()), true);
    for (const Index e : far) kept[static_cast<std::size_t>(e)] = false;
    std::vector<Index> rest;
    for (Index e = 0; e < size(); ++e) {
      if (kept[static_cast<std::size_t>(e)]) rest.push_back(e);
    }
    active_.retain(kept);
    multipliers_ = Vector(multipliers_(rest));
    slacks_ = Vector(slacks_(rest));
    use_rows();
    return;
  }
}

// Takes the most violated entries into the working set. False when S is too close to singular for that.
bool InteriorPoint::grow() {
  thin();
  centre_ = complementarity(primal_, dual_, slacks_, multipliers_);
  const Matrix moments = all_rows_.congruence(all_rows_.image(primal_));
  const Index before = active_.size(), added = active_.grow(moments, std::max(fewest_new, dual_.rows()));
  grown_at_ = centre_;
  just_grown_ = added > 0;
  if (!just_grown_) return true;
  use_rows();
  const double ball = has_ball_ ? multipliers_[before] : 0.0, ball_slack = has_ball_ ? slacks_[before] : 0.0;
  multipliers_.conservativeResize(size());
  slacks_.conservativeResize(size());
  const double slack = std::clamp(new_slack * std::sqrt(centre_), least_new_slack, most_new_slack);
  multipliers_.segment(before, added).setZero();
  slacks_.segment(before, added).setConstant(slack);
  if (has_ball_) {
    multipliers_[before + added] = ball;
    slacks_[before + added] = ball_slack;
  }
  const Vector share = compensated(before);
  double multiplier = centre_ / slack;
  for (int trial = 0; trial < 40; ++trial, multiplier *= 0.3) {
    const Vector multipliers = multipliers_ + multiplier * share;
    if (!factor(multipliers, dual_, dual_factor_)) continue;
    multipliers_ = multipliers;
    centre_ = complementarity(primal_, dual_, slacks_, multipliers_);
    return true;
  }
  return false;
}

// One for every entry from `first` on. A product of two rows is indefinite: with half a square of each it is not, and S stays positive
// definite. Rows that have no entry on the diagonal go without.
Vector InteriorPoint::compensated(Index first) const {
  std::vector<Index> diagonal(static_cast<std::size_t>(clique_.T.rows()), -1);
  for (Index e = 0; e < active_.size(); ++e) {
    const ActiveEntry& entry = active_.entries()[static_cast<std::size_t>(e)];
    if (entry.row == entry.column && !entry.equality) diagonal[static_cast<std::size_t>(entry.row)] = e;
  }
  Vector share = Vector::Zero(size());
  for (Index e = first; e < active_.size(); ++e) {
    const ActiveEntry& entry = active_.entries()[static_cast<std::size_t>(e)];
    share[e] += 1.0;
    if (entry.row == entry.column) continue;
    for (const Index row : {entry.row, entry.column}) {
      const Index square = diagonal[static_cast<std::size_t>(row)];
      if (square >= 0) share[square] += 0.5;
    }
  }
  return share;
}

// With a predictor, the correction of second order.
InteriorPoint::Direction InteriorPoint::direction(double centering, const Vector& inverse_entries, const Direction* predictor) const {
  const double target = centering * centre_;
  Vector right = target * inverse_entries - limits_, second = Vector::Zero(size());
  Matrix second_primal;
  if (predictor) {
    second_primal = symmetric_part(product(pool_, predictor->primal, predictor->dual_by_inverse));
    second = predictor->multipliers.cwiseProduct(predictor->slacks);
    right -= entries(rows_.image(second_primal));
  }
  for (Index e = 0; e < size(); ++e) {
    if (!free_[static_cast<std::size_t>(e)]) right[e] += (target - second[e]) / multipliers_[e];
  }
  Direction result{solve(right), Vector::Zero(size()), {}, {}, {}};
  result.dual = adjoint(result.multipliers);
  result.dual_by_inverse = product(pool_, result.dual, inverse_);
  result.primal = target * inverse_ - primal_ - symmetric_part(product(pool_, primal_, result.dual_by_inverse));
  if (predictor) result.primal -= second_primal;
  for (Index e = 0; e < size(); ++e) {
    if (free_[static_cast<std::size_t>(e)]) continue;
    result.slacks[e] = (target - second[e] - slacks_[e] * result.multipliers[e]) / multipliers_[e] - slacks_[e];
  }
  return result;
}

// Steps of at most one that go a fraction of the way to the cones' boundaries.
InteriorPoint::Steps InteriorPoint::longest(const Direction& direction, double fraction) const {
  const auto room = [](double eigenvalue) { return eigenvalue < 0.0 ? -1.0 / eigenvalue : std::numeric_limits<double>::infinity(); };
  double eigenvalues[2];
  pool_.run(2, [&](Index k) {
    eigenvalues[k] = k == 0 ? smallest_eigenvalue(primal_factor_, direction.primal) : smallest_eigenvalue(dual_factor_, direction.dual);
  });
  Steps steps{room(eigenvalues[0]), room(eigenvalues[1])};
  for (Index e = 0; e < size(); ++e) {
    if (free_[static_cast<std::size_t>(e)]) continue;
    if (direction.slacks[e] < 0.0) steps.primal = std::min(steps.primal, -slacks_[e] / direction.slacks[e]);
    if (direction.multipliers[e] < 0.0) steps.dual = std::min(steps.dual, -multipliers_[e] / direction.multipliers[e]);
  }
  return {std::min(1.0, fraction * steps.primal), std::min(1.0, fraction * steps.dual)};
}

// Whether the working set must grow, and whether there is anything left to do. False when the point is no interior one any more.
bool InteriorPoint::review() {
  centre_ = complementarity(primal_, dual_, slacks_, multipliers_);
  const Vector violation = (limits_ - slacks_ - entries(rows_.image(primal_))).cwiseAbs();
  residual_ = violation.maxCoeff();
  just_grown_ = false;
  if (!(centre_ > 0.0) || !std::isfinite(centre_) || !std::isfinite(residual_)) return false;
  const double gap = centre_ * static_cast<double>(dual_.rows() + size()) + multipliers_.cwiseAbs().dot(violation);
  const bool small_gap = gap <= tolerance_ * magnitude();
  if (iterations_ < first_growth || !(residual_ < nearly_feasible) || !(centre_ < moved_on * grown_at_ || small_gap)) return true;
  if (!grow()) return false;
  finished_ = small_gap && !just_grown_ && residual_ < active_.noticeable();
  return true;
}

bool InteriorPoint::iterate(const std::function<bool()>& go_on) {
  const std::any before = state();
  try {
    const core::ThreadPool::Watch watch(pool_, go_on);
    if (advance()) return true;
  } catch (const core::ThreadPool::Stopped&) {
  }
  resume(before);
  return false;
}

bool InteriorPoint::ready() {
  if (iterations_ == 0) return begin();
  return dual_.size() > 0 || factor(multipliers_, dual_, dual_factor_);
}

bool InteriorPoint::advance() {
  if (!ready() || !review()) return false;
  if (finished_) return true;
  ++iterations_;
  if (!lower_factor(primal_, primal_factor_, pool_)) return false;
  inverse_ = core::cholesky_inverse(dual_factor_, pool_);
  const Matrix inverse_image = rows_.image(inverse_);
  if (!factor_schur(rows_.congruence(inverse_image), rows_.congruence(rows_.image(primal_)))) return false;
  const Vector inverse_entries = entries(inverse_image);
  const Direction predictor = direction(0.0, inverse_entries, nullptr);
  const Steps predicted = longest(predictor, 1.0);
  const double reached =
      complementarity(primal_ + predicted.primal * predictor.primal, dual_ + predicted.dual * predictor.dual,
                      slacks_ + predicted.primal * predictor.slacks, multipliers_ + predicted.dual * predictor.multipliers);
  const double ratio = std::clamp(reached / centre_, 0.0, 1.0);
  const bool blocked = std::min(predicted.primal, predicted.dual) < 0.1;
  const double centering = std::max(blocked ? 0.5 : 0.05, ratio * ratio * ratio);
  const double before = value();
  if (!step(direction(centering, inverse_entries, &predictor))) return false;
  const bool gains = before - value() > worthwhile * magnitude() || residual_ < falling * last_residual_;
  last_residual_ = residual_;
  stuck_ = gains || just_grown_ ? 0 : stuck_ + 1;
  if (stuck_ < patience) return true;
  finished_ = residual_ < nearly_feasible;
  return finished_;
}

// As far as both cones allow, which only the factorisations can tell.
bool InteriorPoint::step(const Direction& direction) {
  Steps steps = longest(direction, fraction_to_boundary);
  Matrix dual, dual_factor, primal, primal_factor;
  Vector multipliers;
  const auto shortened = [](double& length, const auto& inside) {
    for (int trial = 0; trial < 30; ++trial, length *= 0.5) {
      if (inside()) return true;
    }
    return false;
  };
  const bool dual_inside = shortened(steps.dual, [&] {
    multipliers = multipliers_ + steps.dual * direction.multipliers;
    return factor(multipliers, dual, dual_factor);
  });
  const bool primal_inside = dual_inside && shortened(steps.primal, [&] {
                               primal = primal_ + steps.primal * direction.primal;
                               return lower_factor(primal, primal_factor, pool_);
                             });
  if (!primal_inside) return false;
  multipliers_ = std::move(multipliers);
  dual_ = std::move(dual);
  dual_factor_ = std::move(dual_factor);
  primal_ = std::move(primal);
  slacks_ += steps.primal * direction.slacks;
  return true;
}

void InteriorPoint::multipliers(std::vector<Matrix>& out) const {
  out.resize(1);
  Matrix& matrix = out.front();
  matrix.setZero(clique_.T.rows(), clique_.T.rows());
  matrix(objective_rows_, objective_rows_) = -objective_block_;
  const Index count = active_.size();
  for (Index e = 0; e < count; ++e) {
    const ActiveEntry& entry = active_.entries()[static_cast<std::size_t>(e)];
    const double weight = scale_ * entry.sign * multipliers_[e] / (active_.norm(entry.row) * active_.norm(entry.column));
    if (entry.row == entry.column) {
      matrix(entry.row, entry.row) += weight;
    } else {
      matrix(entry.row, entry.column) += 0.5 * weight;
      matrix(entry.column, entry.row) = matrix(entry.row, entry.column);
    }
  }
  for (const Index row : clique_.ball_rows) matrix(row, row) += scale_ * multipliers_[count];
}

}  // namespace twincert::solver
