#include "twincert/relax/row_scale.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace twincert::relax {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

void scale_symmetric(Matrix& matrix, const Vector& scale) {
  if (matrix.size() > 0) matrix = scale.asDiagonal() * matrix * scale.asDiagonal();
}

}  // namespace

std::vector<Vector> row_scales(const ChordalProblem& problem) {
  std::vector<std::size_t> begin{0};
  for (const Clique& clique : problem.cliques) begin.push_back(begin.back() + at(clique.T.rows()));
  std::vector<std::size_t> parent(begin.back());
  std::iota(parent.begin(), parent.end(), std::size_t{0});
  const auto root = [&](std::size_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  const auto link = [&](Index k, Index i, Index l, Index j) { parent[root(begin[at(k)] + at(i))] = root(begin[at(l)] + at(j)); };
  for (const Overlap& overlap : problem.overlaps) {
    for (std::size_t i = 0; i < overlap.first_rows.size(); ++i)
      link(overlap.first, overlap.first_rows[i], overlap.second, overlap.second_rows[i]);
  }
  for (std::size_t k = 0; k < problem.cliques.size(); ++k) {
    const std::vector<Index>& ball = problem.cliques[k].ball_rows;
    for (const Index i : ball) link(static_cast<Index>(k), i, static_cast<Index>(k), ball.front());
  }
  std::vector<double> largest(parent.size(), 0.0);  // entry on the diagonal
  for (std::size_t k = 0; k < problem.cliques.size(); ++k) {
    const Matrix& upper = problem.cliques[k].upper;
    for (Index i = 0; i < upper.rows(); ++i) {
      double& group = largest[root(begin[k] + at(i))];
      group = std::max(group, upper(i, i));
    }
  }
  std::vector<Vector> scales;
  for (std::size_t k = 0; k < problem.cliques.size(); ++k) {
    Vector scale(problem.cliques[k].T.rows());
    for (Index i = 0; i < scale.size(); ++i) {
      const double square = largest[root(begin[k] + at(i))];
      int exponent = 0;
      if (square > 0x1p-800 && std::frexp(square, &exponent) == 0.5) --exponent;  // 2^exponent is the first power of two from it on
      scale[i] = std::ldexp(1.0, -static_cast<int>(std::ceil(0.5 * std::clamp(exponent, -800, 800))));
    }
    scales.push_back(std::move(scale));
  }
  return scales;
}

ChordalProblem scaled(ChordalProblem problem, const std::vector<Vector>& scales) {
  for (std::size_t k = 0; k < problem.cliques.size(); ++k) {
    Clique& clique = problem.cliques[k];
    clique.T = scales[k].asDiagonal() * clique.T;
    clique.error.array() *= scales[k].array();
    scale_symmetric(clique.lower, scales[k]);
    scale_symmetric(clique.upper, scales[k]);
    if (!clique.ball_rows.empty()) clique.ball_cap *= scales[k][clique.ball_rows.front()] * scales[k][clique.ball_rows.front()];
  }
  return problem;
}

ChordalObjective scaled(ChordalObjective objective, const std::vector<Vector>& scales) {
  for (std::size_t k = 0; k < objective.matrices.size(); ++k) scale_symmetric(objective.matrices[k], scales[k].cwiseInverse());
  return objective;
}

std::vector<Matrix> unscaled(std::vector<Matrix> multipliers, const std::vector<Vector>& scales) {
  for (std::size_t k = 0; k < multipliers.size(); ++k) scale_symmetric(multipliers[k], scales[k]);
  return multipliers;
}

}  // namespace twincert::relax
