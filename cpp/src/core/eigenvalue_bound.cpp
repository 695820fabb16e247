#include "twincert/core/eigenvalue_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "twincert/core/interval.hpp"

namespace twincert::core {
namespace {

constexpr int power_iterations = 200;

// Approximately, from below. The trace is a scale in which squares neither vanish nor overflow.
double largest_eigenvalue(const Matrix& lower, double trace) {
  const Matrix scaled = lower / trace;
  Vector vector = Vector::LinSpaced(lower.rows(), 1.0, 2.0).normalized();
  double value = 0.0;
  for (int step = 0; step < power_iterations; ++step) {
    const Vector next = scaled.selfadjointView<Eigen::Lower>() * vector;
    const double quotient = vector.dot(next);
    const double norm = next.norm();
    if (!(norm > 0.0)) break;
    vector = next / norm;
    const bool settled = std::abs(quotient - value) <= 1e-11 * quotient;
    value = quotient;
    if (settled) break;
  }
  return trace * value;
}

}  // namespace

double largest_eigenvalue_upper(const Matrix& lower) {
  const Index n = lower.rows();
  const double trace = lower.trace();
  if (trace == 0.0) return 0.0;
  if (!(trace > 0.0) || !std::isfinite(trace)) return std::numeric_limits<double>::infinity();
  const double guess = largest_eigenvalue(lower, trace);
  for (double excess = 1e-5; excess < 1e6; excess *= 2.0) {
    const double nu = guess * (1.0 + excess);
    Matrix shifted = -lower;
    shifted.diagonal().array() += nu;
    // Not a borrowed LAPACK's, which may multiply by inverses of blocks.
    const Eigen::LLT<Matrix> factor(shifted);
    if (factor.info() != Eigen::Success || !factor.matrixLLT().diagonal().allFinite()) continue;
    // The trace of A is at most n nu; the diagonal's rounding adds u nu.
    const double lost = (2.0 * gamma(n + 2) + 4.0 * unit_roundoff) * static_cast<double>(n) * nu;
    return round_up_sum(nu + lost + static_cast<double>(8 * n * n) * underflow_unit, 8);
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace twincert::core
