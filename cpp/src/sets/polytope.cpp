#include "twincert/sets/polytope.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "twincert/core/blas.hpp"

namespace twincert::sets {
namespace {

using core::add_up;
using core::mul_up;
using core::Transpose;

constexpr int sweeps = 6;
// Multiplications spent on a guess of the multipliers, in each of two products.
constexpr double full_work = 1e9;
constexpr double little_work = 1e8;
constexpr int margin_halvings = 60;
constexpr int projection_sweeps = 100;

// Minimises m b_k + max over the bounds of (residual - m a_k) x over m >= 0, exactly up to rounding, by walking its breakpoints.
class CoordinateMinimiser {
 public:
  explicit CoordinateMinimiser(const Polytope& polytope) : polytope_(polytope) {}

  double operator()(Index k, const Vector& residual) {
    breakpoints_.clear();
    double slope = polytope_.b[k];
    for (Index j = 0; j < residual.size(); ++j) {
      const double a = polytope_.A(k, j);
      if (a == 0.0) continue;
      const bool at_upper = residual[j] > 0.0 || (residual[j] == 0.0 && a < 0.0);
      slope -= a * (at_upper ? polytope_.bounds.upper[j] : polytope_.bounds.lower[j]);
      const double turn = residual[j] / a;
      const double width = polytope_.bounds.upper[j] - polytope_.bounds.lower[j];
      if (turn > 0.0 && width > 0.0) breakpoints_.emplace_back(turn, std::abs(a) * width);
    }
    if (slope >= 0.0) return 0.0;
    std::sort(breakpoints_.begin(), breakpoints_.end());
    for (const auto& [position, jump] : breakpoints_) {
      slope += jump;
      if (slope >= 0.0) return position;
    }
    // Unbounded below: the constraint contradicts the bounds, any large multiplier shows it.
    return breakpoints_.empty() ? 1.0 : 2.0 * breakpoints_.back().first;
  }

 private:
  const Polytope& polytope_;
  std::vector<std::pair<double, double>> breakpoints_;
};

// Coordinate-wise minimisation from given multipliers; it may stop at a kink where only a joint change would go on.
Vector descend(const Polytope& polytope, const Vector& objective, Vector found, CoordinateMinimiser& minimise) {
  Vector residual = objective - polytope.A.transpose() * found;
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    bool changed = false;
    for (Index k = 0; k < found.size(); ++k) {
      const double previous = found[k];
      residual += previous * polytope.A.row(k).transpose();
      found[k] = minimise(k, residual);
      if (!std::isfinite(found[k])) found[k] = 0.0;
      residual -= found[k] * polytope.A.row(k).transpose();
      changed = changed || found[k] != previous;
    }
    if (!changed) break;
  }
  return found;
}

// Multipliers for all rows at once by the primal-dual hybrid gradient method (Chambolle and Pock 2011), in coordinates where the bounds
// are [-1, 1] and constraints and objectives have norm 1; the mean of the second half of the iterates. Only a guess is needed.
Matrix primal_dual(const Polytope& polytope, const Matrix& coefficients, double work) {
  const Vector center = 0.5 * polytope.bounds.lower + 0.5 * polytope.bounds.upper;
  const Vector half_width = 0.5 * polytope.bounds.upper - 0.5 * polytope.bounds.lower;
  Matrix constraints = polytope.A * half_width.asDiagonal();
  Matrix objectives = coefficients * half_width.asDiagonal();
  const auto inverse_norms = [](const Matrix& rows) -> Vector {
    const Vector norms = rows.rowwise().stableNorm();
    return norms.unaryExpr([](double norm) { return norm > 0.0 ? 1.0 / norm : 0.0; });
  };
  const Vector constraint_scale = inverse_norms(constraints);
  const Vector objective_scale = inverse_norms(objectives);
  constraints = constraint_scale.asDiagonal() * constraints;
  objectives = objective_scale.asDiagonal() * objectives;
  const Vector room = constraint_scale.cwiseProduct(polytope.b - polytope.A * center);
  const double step = 0.95 / std::sqrt(static_cast<double>(constraints.rows()));
  const double size = static_cast<double>(constraints.size()) * static_cast<double>(coefficients.rows());
  const int iterations = static_cast<int>(std::clamp(work / size, 30.0, 600.0));
  Matrix primal = Matrix::Zero(coefficients.rows(), coefficients.cols());
  Matrix dual = Matrix::Zero(coefficients.rows(), constraints.rows());
  Matrix mean = dual;
  Matrix ascent, slack, ahead;
  for (int iteration = 0; iteration < iterations; ++iteration) {
    ascent = objectives;
    core::gemm(Transpose::no, Transpose::no, -1.0, dual, constraints, 1.0, ascent);
    ascent = (primal + step * ascent).cwiseMax(-1.0).cwiseMin(1.0);
    ahead = 2.0 * ascent - primal;
    primal.swap(ascent);
    core::gemm(Transpose::no, Transpose::yes, 1.0, ahead, constraints, 0.0, slack);
    dual = (dual + step * (slack.rowwise() - room.transpose())).cwiseMax(0.0);
    if (iteration >= iterations / 2) mean += dual;
  }
  mean /= static_cast<double>(iterations - iterations / 2);
  for (Index i = 0; i < mean.rows(); ++i) {
    mean.row(i) = mean.row(i).cwiseProduct(constraint_scale.transpose()) / objective_scale[i];
    // An objective of zero has no scale.
    if (!mean.row(i).allFinite()) mean.row(i).setZero();
  }
  return mean;
}

// The rigorous bound that multipliers (one row per objective, not negative) give.
Vector dual_bound(const Polytope& polytope, const Matrix& coefficients, const Matrix& dual) {
  Matrix residual = coefficients;
  core::gemm(Transpose::no, Transpose::no, -1.0, dual, polytope.A, 1.0, residual);
  // |residual - (C - m A)| <= gamma (|C| + m |A|) + underflow, entrywise; summed against max |x|.
  const Vector magnitude = polytope.bounds.magnitude();
  const Index terms = polytope.b.size() + 1;
  const core::IntervalVector magnitudes{magnitude, magnitude};
  const Vector residual_maximum = core::linear_maximum(residual, polytope.bounds);
  const Vector objective_size = core::linear_maximum(coefficients.cwiseAbs(), magnitudes);
  const Vector constraint_size = core::linear_maximum(polytope.A.cwiseAbs(), magnitudes);
  const Vector dual_value = core::linear_maximum(dual, {polytope.b, polytope.b});
  const Vector dual_size = core::linear_maximum(dual, {constraint_size, constraint_size});
  const double underflow =
      mul_up(2.0 * static_cast<double>(terms) * core::underflow_unit, core::round_up_sum(magnitude.sum(), magnitude.size()));
  Vector bound(coefficients.rows());
  for (Index i = 0; i < bound.size(); ++i) {
    const double rounding = add_up(mul_up(core::gamma(terms), add_up(objective_size[i], dual_size[i])), underflow);
    bound[i] = add_up(add_up(dual_value[i], residual_maximum[i]), rounding);
  }
  return bound;
}

}  // namespace

Vector polytope_maximum(const Polytope& polytope, const Matrix& coefficients, Effort effort) {
  const Vector bound = core::linear_maximum(coefficients, polytope.bounds);
  const Index constraints = polytope.b.size();
  if (constraints == 0 || coefficients.rows() == 0) return bound;
  // One constraint is minimised exactly at once; several may need joint changes, which the guess provides.
  Matrix dual = constraints > 1 ? primal_dual(polytope, coefficients, effort == Effort::full ? full_work : little_work)
                                : Matrix::Zero(coefficients.rows(), 1);
  CoordinateMinimiser minimise(polytope);
  for (Index i = 0; i < dual.rows() && (constraints == 1 || effort == Effort::full); ++i) {
    dual.row(i) = descend(polytope, coefficients.row(i).transpose(), dual.row(i).transpose(), minimise).transpose();
  }
  return bound.cwiseMin(dual_bound(polytope, coefficients, dual));
}

std::optional<Index> infeasible_row(const Polytope& polytope) {
  const Vector greatest = polytope_maximum(polytope, -polytope.A);
  for (Index k = 0; k < greatest.size(); ++k) {
    if (greatest[k] < -polytope.b[k]) return k;
  }
  return std::nullopt;
}

bool polytope_contains(const Polytope& polytope, const Vector& x) {
  if (!((x.array() >= polytope.bounds.lower.array()) && (x.array() <= polytope.bounds.upper.array())).all()) return false;
  return (core::linear_maximum(polytope.A, {x, x}).array() <= polytope.b.array()).all();
}

std::optional<Vector> polytope_interior(const Polytope& polytope) {
  const Vector center = 0.5 * polytope.bounds.lower + 0.5 * polytope.bounds.upper;
  const Vector norms = polytope.A.rowwise().norm();
  double margin = 0.5 * (polytope.bounds.upper - polytope.bounds.lower).maxCoeff();
  Vector x = center;
  for (int halving = 0; halving <= margin_halvings; ++halving, margin *= 0.5) {
    for (int sweep = 0; sweep < projection_sweeps; ++sweep) {
      bool moved = false;
      for (Index k = 0; k < norms.size(); ++k) {
        if (!(norms[k] > 0.0)) continue;
        const double excess = polytope.A.row(k).dot(x) - polytope.b[k] + margin * norms[k];
        if (excess <= 0.0) continue;
        x -= (excess / norms[k]) * (polytope.A.row(k).transpose() / norms[k]);
        x = x.cwiseMax(polytope.bounds.lower).cwiseMin(polytope.bounds.upper);
        moved = true;
      }
      if (!moved) break;
    }
    // Half the margin counts as success: the projections approach their target from outside.
    const bool deep = ((polytope.A * x + 0.5 * margin * norms).array() <= polytope.b.array()).all();
    if (deep && polytope_contains(polytope, x)) return x;
  }
  return std::nullopt;
}

}  // namespace twincert::sets
