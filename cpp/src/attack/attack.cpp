#include "twincert/attack/attack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "twincert/attack/goal.hpp"
#include "twincert/attack/gradient.hpp"
#include "twincert/core/error.hpp"
#include "twincert/core/random.hpp"

namespace twincert::attack {
namespace {

using core::Matrix;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t goal_limit = 20;  // goals that are followed
constexpr Index start_limit = 64;       // starts followed at once, which bounds the memory
constexpr Index fewest_starts = 8;      // per goal, however large the networks are
constexpr double largest_pool = 32.0;   // random points per start, from which the starts are chosen
constexpr double smallest_pool = 4.0;
constexpr double work_limit = 1.5e8;  // multiplications per gradient step
constexpr Index polished_coordinates = 256;
constexpr int polish_rounds = 4;
constexpr int scatter_rounds = 16;
constexpr Index scatter_points = 48;
constexpr Index scatter_limit = 64;  // inputs above which random steps find nothing
constexpr std::size_t polished_goals = 3;

// The best point found for a goal; the twin's input is x - shift.
struct Best {
  double value = -infinity;
  Vector x;
  Vector shift;
};

Matrix columns(const Matrix& matrix, const std::vector<Index>& chosen) {
  Matrix result(matrix.rows(), static_cast<Index>(chosen.size()));
  for (Index k = 0; k < result.cols(); ++k) result.col(k) = matrix.col(chosen[static_cast<std::size_t>(k)]);
  return result;
}

// Indices from the largest score to the smallest.
std::vector<Index> ranking(const std::vector<double>& scores) {
  std::vector<Index> order(scores.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto at = [&](Index j) { return scores[static_cast<std::size_t>(j)]; };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return at(a) > at(b); });
  return order;
}

class Search {
 public:
  Search(const network::Twin& twin, const sets::InputSet& set, const Measure& measure, const AttackOptions& options)
      : twin_(twin), set_(set), measure_(measure), options_(options), reference_(twin.reference()), compressed_(twin.compressed()) {
    const core::IntervalVector& box = set.bounding_box();
    half_width_ = 0.5 * box.upper - 0.5 * box.lower;
    parameters_ = std::max(1.0, static_cast<double>(twin.reference().parameter_count() + twin.compressed().parameter_count()));
    ball_ = std::get_if<sets::Ball>(&set.region());
    polytope_ = std::holds_alternative<sets::Polytope>(set.region());
  }

  AttackResult improve(const AttackResult& found) {
    const Vector shift = found.reference_input - found.compressed_input;
    choose_goals(found.reference_input);
    evaluate(found.reference_input, shift);
    for (std::size_t d = 0; d < goals_.size(); ++d) best_[d] = {score(0, d), found.reference_input, shift};
    return best_of(found);
  }

  AttackResult run() {
    const core::IntervalVector& box = set_.bounding_box();
    const Vector center = set_.project(0.5 * box.lower + 0.5 * box.upper);
    AttackResult result = finish(center, Vector::Zero(set_.size()));
    for (Index first = 0; (first == 0 || first < options_.restarts) && !enough(); first += start_limit) {
      const Index count = std::min(start_limit, options_.restarts - first);
      const std::uint64_t seed = options_.seed + static_cast<std::uint64_t>(first);
      const auto pool_size =
          static_cast<Index>(static_cast<double>(count) *
                             std::clamp(work_limit / (parameters_ * static_cast<double>(start_limit)), smallest_pool, largest_pool));
      Matrix pool(set_.size(), pool_size + 1);
      pool << center, set_.sample(pool_size, seed);
      if (first == 0) choose_goals(pool);
      climb(pool, count + 1, seed);
    }
    return best_of(std::move(result));
  }

 private:
  AttackResult best_of(AttackResult result) {
    if (!enough()) polish_best();
    for (const Best& best : best_) {
      if (best.x.size() == 0) continue;
      AttackResult candidate = finish(best.x, best.shift);
      if (candidate.value > result.value) result = std::move(candidate);
    }
    return result;
  }

  bool enough() const {
    const double enough = affine() ? std::sqrt(options_.enough) : options_.enough;
    return std::any_of(best_.begin(), best_.end(), [enough](const Best& best) { return best.value > enough; });
  }

  // f and g at the columns, kept until the next call.
  void evaluate(const Matrix& x, const Matrix& shift) {
    f_ = &reference_.forward(x);
    g_ = &compressed_.forward(set_.shared_input() ? x : x - shift);
    if (!affine()) return;
    root_share_.resize(x.cols());
    for (Index j = 0; j < x.cols(); ++j) root_share_[j] = std::sqrt(measure_.share(x.col(j), x.col(j) - shift.col(j)));
  }

  bool affine() const { return measure_.kind == core::MeasureKind::affine; }

  // Of a column of the last evaluate(); of an affine measure the root of its value.
  double score(Index column, std::size_t goal) const {
    const double value = goals_[goal].score(f_->col(column), g_->col(column));
    return affine() ? value * root_share_[column] : value;
  }

  // The direction in which an affine measure's share grows, where it is not at its weight: added to the gradients of |f - g|.
  void add_share(const Matrix& x, const Matrix& shift, Matrix& gradient, Matrix& shift_gradient) const {
    const bool of_input = measure_.of == core::AffineInput::input;
    const Matrix& input = of_input ? x : shift;
    for (Index j = 0; j < x.cols(); ++j) {
      const double squares = input.col(j).squaredNorm();
      if (!(measure_.weight * squares > measure_.weight_x)) continue;
      (of_input ? gradient : shift_gradient).col(j) -= input.col(j) * ((f_->col(j) - g_->col(j)).stableNorm() / squares);
    }
  }

  void choose_goals(const Matrix& starts) {
    evaluate(starts, Matrix::Zero(starts.rows(), starts.cols()));
    goals_ = goals(measure_, *f_, *g_, goal_limit);
    best_.resize(goals_.size());
  }

  // Gradient ascent towards every goal from `count` points of the pool; after a quarter of the steps only the better quarter goes on.
  void climb(const Matrix& pool, Index count, std::uint64_t seed) {
    const Matrix pool_shift = random_shifts(pool.cols(), seed);
    const std::vector<Index> chosen = choose_starts(pool, pool_shift, count);
    Matrix x = columns(pool, chosen);
    Matrix shift = columns(pool_shift, chosen);
    std::vector<double> scores(owner_.size());
    for (Index step = 0;; ++step) {
      if (step > 0 && step == options_.steps / 4) keep_better_quarter(x, shift, scores);
      evaluate(x, shift);
      Matrix of_reference = Matrix::Zero(f_->rows(), f_->cols());
      Matrix of_compressed = of_reference;
      for (Index j = 0; j < x.cols(); ++j) {
        const std::size_t d = owner_[static_cast<std::size_t>(j)];
        const double value = score(j, d);
        scores[static_cast<std::size_t>(j)] = value;
        if (value > best_[d].value) best_[d] = {value, x.col(j), shift.col(j)};
        goals_[d].ascend(f_->col(j), g_->col(j), of_reference.col(j), of_compressed.col(j));
      }
      if (step >= options_.steps || enough()) return;
      // Step lengths, relative to the set, fall geometrically: maxima inside curved or cut sets, at kinks, need short ones.
      const double length =
          0.5 * std::pow(ball_ || polytope_ ? 1e-3 : 1e-2, static_cast<double>(step) / static_cast<double>(options_.steps));
      move(x, shift, of_reference, of_compressed, length);
    }
  }

  // For every goal the best points of the pool and, for variety, as many others; fewer of both in large networks. Fills owner_.
  std::vector<Index> choose_starts(const Matrix& pool, const Matrix& shift, Index wanted) {
    const double affordable = work_limit / (2.0 * parameters_ * static_cast<double>(goals_.size()));
    const Index count = std::min({wanted, pool.cols(), std::max(fewest_starts, static_cast<Index>(std::min(affordable, 1e6)))});
    evaluate(pool, shift);
    owner_.clear();
    std::vector<Index> chosen;
    for (std::size_t d = 0; d < goals_.size(); ++d) {
      std::vector<double> scores;
      for (Index j = 0; j < pool.cols(); ++j) scores.push_back(score(j, d));
      std::vector<Index> order = ranking(scores);
      const auto best = order.begin() + (count + 1) / 2;
      std::sort(best, order.end());
      chosen.insert(chosen.end(), order.begin(), order.begin() + count);
      owner_.insert(owner_.end(), static_cast<std::size_t>(count), d);
    }
    return chosen;
  }

  Matrix random_shifts(Index count, std::uint64_t seed) const {
    if (set_.shared_input()) return Matrix::Zero(set_.size(), count);
    const sets::InputSet shifts(sets::Box{{-set_.difference(), set_.difference()}}, Vector::Zero(set_.size()));
    return shifts.sample(count, seed + 1);
  }

  void move(Matrix& x, Matrix& shift, const Matrix& of_reference, const Matrix& of_compressed, double length) {
    Matrix gradient = reference_.backward(of_reference);
    // d/dx of c f(x) + e g(x - shift); d/dshift is the second part with the opposite sign.
    const Matrix& compressed_gradient = compressed_.backward(of_compressed);
    Matrix shift_gradient = -compressed_gradient;
    if (affine()) add_share(x, shift, gradient, shift_gradient);
    if (!set_.shared_input()) {
      const Vector& limit = set_.difference();
      shift.array() += shift_gradient.array().sign().colwise() * (length * limit.array());
      shift = shift.cwiseMax((-limit).replicate(1, x.cols())).cwiseMin(limit.replicate(1, x.cols()));
    }
    if (goals_.front().has_border()) {
      for (Index j = 0; j < x.cols(); ++j) x.col(j) += border_step(x.col(j), gradient.col(j), compressed_gradient.col(j), j, length);
      for (Index j = 0; j < x.cols(); ++j) x.col(j) = within(x.col(j));
      return;
    }
    gradient += compressed_gradient;
    if (ball_) {
      move_in_ball(x, gradient, length);
      return;
    }
    x.array() += gradient.array().sign().colwise() * (2.0 * length * half_width_.array());
    for (Index j = 0; j < x.cols(); ++j) x.col(j) = within(x.col(j));
  }

  Vector within(const Vector& x) const {
    const Vector clamped = x.cwiseMax(set_.bounding_box().lower).cwiseMin(set_.bounding_box().upper);
    return ball_ || polytope_ ? set_.project(clamped) : clamped;
  }

  // A step that raises f's confidence where g has changed its class. Twins that are close together gain nothing but along the border of
  // g's classes: across it confidence and lead cancel. All in units of the set's half widths.
  Vector border_step(const Vector& x, const Vector& confidence_gradient, const Vector& lead_gradient, Index column, double length) const {
    const Goal& goal = goals_[owner_[static_cast<std::size_t>(column)]];
    const double lead = goal.lead(g_->col(column));
    const double reach = 2.0 * length * std::sqrt(static_cast<double>(x.size()));
    Vector uphill = confidence_gradient.cwiseProduct(half_width_);
    Vector normal = lead_gradient.cwiseProduct(half_width_);
    Vector step = Vector::Zero(x.size());
    // Twice: the second time without the coordinates that would leave the box.
    for (int round = 0; round < 2; ++round) {
      const double slope = normal.norm(), climb = uphill.norm();
      step.setZero();
      if (climb > 0.0) step = uphill * (reach / climb);
      if (slope > 0.0 && !(lead + normal.dot(step) >= 0.0)) {
        const Vector along = uphill - normal * (uphill.dot(normal) / (slope * slope));
        const double aim = 1e-3 * reach;  // beyond the border
        step = normal * (std::clamp(aim - lead / slope, -reach, reach) / slope);
        if (along.norm() > 1e-9 * climb) step += along * (reach / along.norm());
      }
      for (Index i = 0; i < x.size(); ++i) {
        if ((step[i] > 0.0 && x[i] >= set_.bounding_box().upper[i]) || (step[i] < 0.0 && x[i] <= set_.bounding_box().lower[i])) {
          uphill[i] = normal[i] = 0.0;
        }
      }
    }
    return step.allFinite() ? Vector(step.cwiseProduct(half_width_)) : Vector(Vector::Zero(x.size()));
  }

  void move_in_ball(Matrix& x, const Matrix& gradient, double length) const {
    for (Index j = 0; j < x.cols(); ++j) {
      const double slope = gradient.col(j).stableNorm();
      if (!(slope > 0.0) || !std::isfinite(slope)) continue;
      Vector offset = x.col(j) - ball_->center + (2.0 * length * ball_->radius / slope) * gradient.col(j);
      const double norm = offset.stableNorm();
      if (!std::isfinite(norm)) continue;
      if (norm > ball_->radius) offset *= ball_->radius / norm;
      x.col(j) = ball_->center + offset;
    }
  }

  void keep_better_quarter(Matrix& x, Matrix& shift, std::vector<double>& scores) {
    std::vector<Index> kept;
    std::vector<std::size_t> room(goals_.size(), (owner_.size() / goals_.size() + 3) / 4);
    for (const Index j : ranking(scores)) {
      std::size_t& left = room[owner_[static_cast<std::size_t>(j)]];
      if (left == 0) continue;
      --left;
      kept.push_back(j);
    }
    std::vector<std::size_t> owner;
    for (const Index j : kept) owner.push_back(owner_[static_cast<std::size_t>(j)]);
    owner_ = std::move(owner);
    scores.resize(kept.size());
    x = columns(x, kept);
    shift = columns(shift, kept);
  }

  void polish_best() {
    std::vector<double> values;
    for (const Best& best : best_) values.push_back(best.value);
    std::vector<Index> order = ranking(values);
    order.resize(std::min(order.size(), polished_goals));
    for (const Index index : order) {
      const auto d = static_cast<std::size_t>(index);
      if (best_[d].x.size() == 0) continue;
      if (set_.size() <= scatter_limit) scatter(d);
      if (ball_ || polytope_) continue;
      for (int round = 0; round < polish_rounds; ++round) {
        if (!polish(d)) break;
      }
    }
  }

  // Random steps of falling length around the best point: they leave kinks on which the gradient only zigzags.
  void scatter(std::size_t goal) {
    Best& best = best_[goal];
    core::Random random(options_.seed);
    double length = 0.25;
    for (int round = 0; round < scatter_rounds; ++round) {
      Matrix x = best.x.replicate(1, scatter_points);
      Matrix shift = best.shift.replicate(1, scatter_points);
      for (Index k = 0; k < scatter_points; ++k) {
        for (Index i = 0; i < set_.size(); ++i) {
          if (random.coin()) x(i, k) += length * random.normal() * half_width_[i];
          if (!set_.shared_input()) shift(i, k) += length * random.normal() * set_.difference()[i];
        }
        // Clamped first: a step in a huge set may overflow.
        x.col(k) = set_.project(x.col(k).cwiseMax(set_.bounding_box().lower).cwiseMin(set_.bounding_box().upper));
        shift.col(k) = shift.col(k).cwiseMax(-set_.difference()).cwiseMin(set_.difference());
      }
      const double before = best.value;
      evaluate(x, shift);
      for (Index k = 0; k < scatter_points; ++k) {
        const double value = score(k, goal);
        if (value > best.value) best = {value, x.col(k), shift.col(k)};
      }
      if (best.value == before) length *= 0.5;
    }
  }

  // Tries the vertex the gradient points to, single coordinates at either end, and all improving coordinates at once.
  bool polish(std::size_t goal) {
    Best& best = best_[goal];
    const core::IntervalVector& box = set_.bounding_box();
    evaluate(best.x, best.shift);
    Matrix of_reference = Matrix::Zero(f_->rows(), 1);
    Matrix of_compressed = of_reference;
    goals_[goal].ascend(f_->col(0), g_->col(0), of_reference.col(0), of_compressed.col(0));
    const Matrix compressed_gradient = compressed_.backward(of_compressed);
    const Vector gradient = reference_.backward(of_reference) + compressed_gradient;
    std::vector<Index> coordinates;
    for (Index i = 0; i < box.size(); ++i) {
      if (half_width_[i] > 0.0) coordinates.push_back(i);
    }
    const auto promise = [&](Index i) { return std::abs(gradient[i]) * half_width_[i]; };
    std::stable_sort(coordinates.begin(), coordinates.end(), [&](Index a, Index b) { return promise(a) > promise(b); });
    if (static_cast<Index>(coordinates.size()) > polished_coordinates) coordinates.resize(polished_coordinates);

    Vector vertex = best.x;
    for (Index i = 0; i < box.size(); ++i) {
      if (gradient[i] != 0.0) vertex[i] = gradient[i] > 0.0 ? box.upper[i] : box.lower[i];
    }
    const Vector vertex_shift = -compressed_gradient.col(0).array().sign() * set_.difference().array();
    const Index singles = 2 * static_cast<Index>(coordinates.size());
    Matrix x = best.x.replicate(1, singles + 1);
    Matrix shift = best.shift.replicate(1, singles + 1);
    x.col(singles) = vertex;
    shift.col(singles) = vertex_shift;
    for (Index k = 0; k < singles; ++k) {
      const Index i = coordinates[static_cast<std::size_t>(k / 2)];
      x(i, k) = k % 2 == 0 ? box.lower[i] : box.upper[i];
    }
    const double before = best.value;
    Vector combined = best.x;
    evaluate(x, shift);
    for (Index k = 0; k <= singles; ++k) {
      const double value = score(k, goal);
      if (k < singles && value > before) {
        const Index i = coordinates[static_cast<std::size_t>(k / 2)];
        combined[i] = x(i, k);
      }
      if (value > best.value) best = {value, x.col(k), shift.col(k)};
    }
    const Vector kept_shift = shift.col(0);
    evaluate(combined, kept_shift);
    const double value = score(0, goal);
    if (value > best.value) best = {value, combined, kept_shift};
    return best.value > before;
  }

  // The point moved into the set exactly, and the measure there by the networks' own evaluation.
  AttackResult finish(const Vector& point, const Vector& shift) const {
    AttackResult result;
    result.reference_input = set_.project(point);
    result.compressed_input = result.reference_input;
    if (!set_.shared_input()) {
      for (Index i = 0; i < point.size(); ++i) {
        const double x = result.reference_input[i];
        const double limit = set_.difference()[i];
        double y = x - shift[i];
        while (core::sub_up(x, y) > limit || core::sub_up(y, x) > limit) y = std::nextafter(y, x);
        result.compressed_input[i] = y;
      }
    }
    result.reference_output = twin_.reference().evaluate(result.reference_input);
    result.compressed_output = twin_.compressed().evaluate(result.compressed_input);
    const double value = measure_.at(result.reference_input, result.compressed_input, result.reference_output, result.compressed_output);
    // Overflow in the evaluation shows nothing; zero always holds.
    result.value = std::isfinite(value) ? value : 0.0;
    return result;
  }

  const network::Twin& twin_;
  const sets::InputSet& set_;
  const Measure& measure_;
  const AttackOptions& options_;
  BatchGradient reference_;
  BatchGradient compressed_;
  Vector half_width_;
  double parameters_ = 1.0;
  const sets::Ball* ball_ = nullptr;
  bool polytope_ = false;
  std::vector<Goal> goals_;
  std::vector<Best> best_;
  std::vector<std::size_t> owner_;  // goal of every column
  Vector root_share_;               // of every column of the last evaluate(), for affine measures
  const Matrix* f_ = nullptr;       // outputs of the last evaluate()
  const Matrix* g_ = nullptr;
};

}  // namespace

AttackResult attack(const network::Twin& twin, const sets::InputSet& set, const Measure& measure, const AttackOptions& options) {
  if (set.size() != twin.input_size()) {
    throw core::ShapeError("attack: the input set has " + std::to_string(set.size()) + " coordinates, the networks take " +
                           std::to_string(twin.input_size()));
  }
  if (options.restarts < 0 || options.steps < 0) {
    throw core::SettingsError("attack: restarts is " + std::to_string(options.restarts) + " and steps is " + std::to_string(options.steps) +
                              ", expected numbers that are not negative");
  }
  measure.validate(twin.output_size());
  return Search(twin, set, measure, options).run();
}

AttackResult improve(const network::Twin& twin, const sets::InputSet& set, const Measure& measure, const AttackResult& found) {
  measure.validate(twin.output_size());
  const AttackOptions options;
  return Search(twin, set, measure, options).improve(found);
}

}  // namespace twincert::attack
