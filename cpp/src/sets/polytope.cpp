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

Vector multipliers(const Polytope& polytope, const Vector& objective, CoordinateMinimiser& minimise) {
  Vector found = Vector::Zero(polytope.b.size());
  Vector residual = objective;
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

}  // namespace

Vector polytope_maximum(const Polytope& polytope, const Matrix& coefficients) {
  Vector bound = core::linear_maximum(coefficients, polytope.bounds);
  const Index constraints = polytope.b.size();
  if (constraints == 0) return bound;
  CoordinateMinimiser minimise(polytope);
  Matrix dual(coefficients.rows(), constraints);
  for (Index i = 0; i < coefficients.rows(); ++i)
    dual.row(i) = multipliers(polytope, coefficients.row(i).transpose(), minimise).transpose();
  Matrix residual = coefficients;
  core::gemm(Transpose::no, Transpose::no, -1.0, dual, polytope.A, 1.0, residual);
  // |residual - (C - m A)| <= gamma (|C| + m |A|) + underflow, entrywise; summed against max |x|.
  const Vector magnitude = polytope.bounds.magnitude();
  const Index terms = constraints + 1;
  const Vector residual_maximum = core::linear_maximum(residual, polytope.bounds);
  const core::IntervalVector magnitudes{magnitude, magnitude};
  const Vector objective_size = core::linear_maximum(coefficients.cwiseAbs(), magnitudes);
  const Vector constraint_size = core::linear_maximum(polytope.A.cwiseAbs(), magnitudes);
  const Vector dual_value = core::linear_maximum(dual, {polytope.b, polytope.b});
  const Vector dual_size = core::linear_maximum(dual, {constraint_size, constraint_size});
  const double underflow =
      mul_up(2.0 * static_cast<double>(terms) * core::underflow_unit, core::round_up_sum(magnitude.sum(), magnitude.size()));
  for (Index i = 0; i < bound.size(); ++i) {
    const double rounding = add_up(mul_up(core::gamma(terms), add_up(objective_size[i], dual_size[i])), underflow);
    const double candidate = add_up(add_up(dual_value[i], residual_maximum[i]), rounding);
    bound[i] = std::min(bound[i], candidate);
  }
  return bound;
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
