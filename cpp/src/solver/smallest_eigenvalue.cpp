#include "twincert/solver/smallest_eigenvalue.hpp"

#include <algorithm>
#include <cmath>

namespace twincert::solver {

using core::Index;
using core::Matrix;
using core::Vector;

double smallest_eigenvalue(const Matrix& lower, const Matrix& direction) {
  constexpr Index most_steps = 40;
  const Index n = lower.rows(), steps = std::min(n, most_steps);
  Matrix basis(n, steps);
  Vector diagonal(steps), below(steps);
  Vector v(n);
  for (Index i = 0; i < n; ++i) v[i] = 1.0 + 0.5 * std::sin(static_cast<double>(7 * i + 1));  // any start that is not special
  v.normalize();
  double estimate = 0.0;
  for (Index k = 0; k < steps; ++k) {
    basis.col(k) = v;
    Vector w = lower.triangularView<Eigen::Lower>().transpose().solve(v);
    w = direction.selfadjointView<Eigen::Lower>() * w;
    lower.triangularView<Eigen::Lower>().solveInPlace(w);
    diagonal[k] = v.dot(w);
    for (int pass = 0; pass < 2; ++pass) w -= basis.leftCols(k + 1) * (basis.leftCols(k + 1).transpose() * w);
    below[k] = w.norm();
    const bool last = k + 1 == steps || !(below[k] > 1e-12);
    if (last || k % 5 == 4) {
      Eigen::SelfAdjointEigenSolver<Matrix> ritz;
      ritz.computeFromTridiagonal(diagonal.head(k + 1), below.head(k));
      const double value = ritz.eigenvalues()[0], error = below[k] * std::abs(ritz.eigenvectors()(k, 0));
      estimate = value - (last && !(below[k] > 1e-12) ? 0.0 : error);
      if (last || error < 0.02 * std::abs(value)) break;
    }
    v = w / below[k];
  }
  return estimate;
}

}  // namespace twincert::solver
