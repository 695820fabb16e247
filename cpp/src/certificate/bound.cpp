#include "twincert/certificate/bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "twincert/certificate/gram.hpp"
#include "twincert/core/blas.hpp"
#include "twincert/relax/support.hpp"

namespace twincert::certificate {
namespace {

// Covers the rounding of the error sums themselves, all of nonnegative terms.
constexpr double inflation = 1.0 + 1e-9;
constexpr double infinity = std::numeric_limits<double>::infinity();

bool is_symmetric(const Matrix& matrix) {
  constexpr Index width = 32;  // blocks that the first cache holds
  const Index n = matrix.rows();
  for (Index j = 0; j < n; j += width) {
    for (Index i = j; i < n; i += width) {
      const Index rows = std::min(width, n - i), columns = std::min(width, n - j);
      if (matrix.block(i, j, rows, columns) != matrix.block(j, i, columns, rows).transpose()) return false;
    }
  }
  return true;
}

bool fits(const relax::Clique& clique, const CliqueProof& proof) {
  const Index n = clique.T.rows(), v = clique.T.cols();
  return proof.multiplier.rows() == n && proof.multiplier.cols() == n && proof.factor.rows() == v && proof.factor.cols() == v &&
         proof.multiplier.allFinite() && proof.factor.allFinite() && is_symmetric(proof.multiplier);
}

// |multiplier| vector.
Vector magnitudes(const Matrix& multiplier, const Vector& vector) {
  Vector sum = Vector::Zero(multiplier.rows());
  for (Index j = 0; j < multiplier.cols(); ++j) {
    if (vector[j] != 0.0) sum += vector[j] * multiplier.col(j).cwiseAbs();
  }
  return sum;
}

// Upper bound, outward rounded, of -<multiplier, M> over the matrices M = E[r r^T] of a clique, for any factor: with G = T^T multiplier T
// and E = G - factor factor^T, <G, Y> >= -sum |E_ij| |Y_ij|, and |Y_ij| <= variable_magnitude_i variable_magnitude_j. Includes the rows'
// own rounding. `gram` is G as computed.
double semidefinite_charge(const relax::Clique& clique, const Matrix& multiplier, const Matrix& factor, Matrix gram) {
  const Index n = clique.T.rows(), v = clique.T.cols();
  const Vector& reach = clique.variable_magnitude;
  // r = T v + e: the terms with e.
  const Vector rows = relax::row_magnitude(clique) + clique.error;
  const Vector charged = magnitudes(multiplier, clique.error);
  double charge = 2.0 * charged.dot(rows) + charged.dot(clique.error);
  // Rounding of G: two products of lengths n.
  const Vector product_reach = clique.T.cwiseAbs() * reach;
  charge += core::gamma(2 * n + 8) * product_reach.dot(magnitudes(multiplier, product_reach));
  // Rounding of factor factor^T and of the difference.
  const Vector factor_reach = factor.cwiseAbs().transpose() * reach;
  charge += core::gamma(v + 8) * factor_reach.squaredNorm();
  core::gemm(core::Transpose::no, core::Transpose::yes, -1.0, factor, factor, 1.0, gram);
  charge += reach.dot(gram.cwiseAbs() * reach);
  // Underflow, by at most 2^-1075 in each of far fewer than 2^70 products of any two of these.
  const double sizes = 1.0 + reach.sum() + product_reach.sum() + rows.sum();
  const double total = core::next_up(charge * inflation + 0x1p-1000 * sizes * sizes);
  return std::isnan(total) ? std::numeric_limits<double>::infinity() : total;
}

// A factor that makes the charge small: Cholesky of G with the smallest diagonal shift that succeeds.
Matrix semidefinite_factor(const Matrix& gram) {
  const double scale = gram.diagonal().cwiseAbs().maxCoeff();
  for (double shift = 1e-15; shift < 1.0; shift *= 4.0) {
    Matrix shifted = gram;
    shifted.diagonal().array() += shift * scale;
    const Eigen::LLT<Matrix> factorisation(shifted);
    if (factorisation.info() == Eigen::Success) return factorisation.matrixL();
  }
  return Matrix::Zero(gram.rows(), gram.cols());
}

}  // namespace

double chordal_bound(const relax::ChordalProblem& problem, const relax::ChordalObjective& objective,
                     const std::vector<CliqueProof>& cliques) {
  if (cliques.size() != problem.cliques.size()) return infinity;
  std::vector<Matrix> multipliers;
  double charge = 0.0;
  for (std::size_t k = 0; k < cliques.size(); ++k) {
    const relax::Clique& clique = problem.cliques[k];
    if (!fits(clique, cliques[k])) return infinity;
    const auto& [multiplier, factor] = cliques[k];
    multipliers.push_back(multiplier);
    charge = core::next_up(charge + semidefinite_charge(clique, multiplier, factor, gram(clique.T, multiplier)));
  }
  return core::next_up(relax::support_bound(problem, objective, multipliers) + charge);
}

double objective_bound(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const std::vector<CliqueProof>& cliques) {
  return terms.finish(chordal_bound(relaxation, terms, cliques));
}

ProvenProblem prove(const relax::ChordalProblem& problem, const relax::ChordalObjective& objective,
                    const std::vector<Matrix>& multipliers) {
  ProvenProblem proven{infinity, {}};
  double charge = 0.0;
  for (std::size_t k = 0; k < multipliers.size(); ++k) {
    const relax::Clique& clique = problem.cliques[k];
    Matrix product = gram(clique.T, multipliers[k]);
    proven.cliques.push_back({multipliers[k], semidefinite_factor(product)});
    if (!fits(clique, proven.cliques.back())) return proven;
    charge = core::next_up(charge + semidefinite_charge(clique, multipliers[k], proven.cliques.back().factor, std::move(product)));
  }
  proven.bound = core::next_up(relax::support_bound(problem, objective, multipliers) + charge);
  return proven;
}

ObjectiveProof prove(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const relax::Objective& objective,
                     const std::vector<Matrix>& multipliers, double cancelled) {
  ProvenProblem proven = prove(relaxation, terms, multipliers);
  const double bound = terms.finish(proven.bound);
  return {objective, core::next_up(bound + 1e-12 * (std::abs(bound) + cancelled)), std::move(proven.cliques)};
}

}  // namespace twincert::certificate
