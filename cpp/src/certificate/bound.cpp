#include "twincert/certificate/bound.hpp"

#include <cmath>
#include <limits>

#include "twincert/core/blas.hpp"
#include "twincert/relax/support.hpp"

namespace twincert::certificate {
namespace {

// Covers the rounding of the error sums themselves, all of nonnegative terms.
constexpr double inflation = 1.0 + 1e-9;

Matrix congruence(const Matrix& T, const Matrix& multiplier) {
  Matrix product(T.rows(), T.cols()), result(T.cols(), T.cols());
  core::gemm(core::Transpose::no, core::Transpose::no, 1.0, multiplier, T, 0.0, product);
  core::gemm(core::Transpose::yes, core::Transpose::no, 1.0, T, product, 0.0, result);
  return result;
}

bool fits(const relax::Clique& clique, const CliqueProof& proof) {
  const Index n = clique.T.rows(), v = clique.T.cols();
  return proof.multiplier.rows() == n && proof.multiplier.cols() == n && proof.factor.rows() == v && proof.factor.cols() == v &&
         proof.multiplier.allFinite() && proof.factor.allFinite() && proof.multiplier == proof.multiplier.transpose();
}

}  // namespace

double semidefinite_charge(const relax::Clique& clique, const CliqueProof& proof) {
  const Index n = clique.T.rows(), v = clique.T.cols();
  const Vector& reach = clique.variable_magnitude;
  const Matrix magnitude = proof.multiplier.cwiseAbs();
  // r = T v + e: the terms with e.
  const Vector rows = relax::row_magnitude(clique) + clique.error;
  const Vector charged = magnitude * clique.error;
  double charge = 2.0 * charged.dot(rows) + charged.dot(clique.error);
  // Rounding of G: two products of lengths n.
  const Vector product_reach = clique.T.cwiseAbs() * reach;
  charge += core::gamma(2 * n + 8) * product_reach.dot(magnitude * product_reach);
  // Rounding of factor factor^T and of the difference.
  const Vector factor_reach = proof.factor.cwiseAbs().transpose() * reach;
  charge += core::gamma(v + 8) * factor_reach.squaredNorm();
  Matrix gap = congruence(clique.T, proof.multiplier);
  core::gemm(core::Transpose::no, core::Transpose::yes, -1.0, proof.factor, proof.factor, 1.0, gap);
  charge += reach.dot(gap.cwiseAbs() * reach);
  // Underflow, by at most 2^-1075 in each of far fewer than 2^70 products of any two of these.
  const double sizes = 1.0 + reach.sum() + product_reach.sum() + rows.sum();
  const double total = core::next_up(charge * inflation + 0x1p-1000 * sizes * sizes);
  return std::isnan(total) ? std::numeric_limits<double>::infinity() : total;
}

Matrix semidefinite_factor(const relax::Clique& clique, const Matrix& multiplier) {
  Matrix gram = congruence(clique.T, multiplier);
  const double scale = gram.diagonal().cwiseAbs().maxCoeff();
  for (double shift = 1e-15; shift < 1.0; shift *= 4.0) {
    Matrix shifted = gram;
    shifted.diagonal().array() += shift * scale;
    const Eigen::LLT<Matrix> factorisation(shifted);
    if (factorisation.info() == Eigen::Success) return factorisation.matrixL();
  }
  return Matrix::Zero(gram.rows(), gram.cols());
}

double chordal_bound(const relax::ChordalProblem& problem, const relax::ChordalObjective& objective,
                     const std::vector<CliqueProof>& cliques) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (cliques.size() != problem.cliques.size()) return infinity;
  std::vector<Matrix> multipliers;
  double charge = 0.0;
  for (std::size_t k = 0; k < cliques.size(); ++k) {
    if (!fits(problem.cliques[k], cliques[k])) return infinity;
    multipliers.push_back(cliques[k].multiplier);
    charge = core::next_up(charge + semidefinite_charge(problem.cliques[k], cliques[k]));
  }
  return core::next_up(relax::support_bound(problem, objective, multipliers) + charge);
}

double objective_bound(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const std::vector<CliqueProof>& cliques) {
  return terms.finish(chordal_bound(relaxation, terms, cliques));
}

std::vector<CliqueProof> clique_proofs(const relax::ChordalProblem& problem, const std::vector<Matrix>& multipliers) {
  std::vector<CliqueProof> proofs;
  for (std::size_t k = 0; k < multipliers.size(); ++k) {
    proofs.push_back({multipliers[k], semidefinite_factor(problem.cliques[k], multipliers[k])});
  }
  return proofs;
}

ObjectiveProof prove(const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const relax::Objective& objective,
                     const std::vector<Matrix>& multipliers, double cancelled) {
  ObjectiveProof proof{objective, std::numeric_limits<double>::infinity(), clique_proofs(relaxation, multipliers)};
  const double bound = objective_bound(relaxation, terms, proof.cliques);
  proof.bound = core::next_up(bound + 1e-12 * (std::abs(bound) + cancelled));
  return proof;
}

}  // namespace twincert::certificate
