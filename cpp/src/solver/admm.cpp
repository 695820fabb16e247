#include "twincert/solver/admm.hpp"

#include <algorithm>
#include <cmath>

#include "twincert/solver/kernels.hpp"
#include "twincert/solver/packed_triangle.hpp"

namespace twincert::solver {
namespace {

// Orthonormal basis of the columns of T, which have full rank because every variable has a row of its own.
Matrix orthonormal_basis(const Matrix& T) {
  Matrix basis = T;
  for (int pass = 0; pass < 2; ++pass) {  // Cholesky QR twice (Yamamoto et al. 2015)
    Matrix gram(T.cols(), T.cols());
    core::gemm(core::Transpose::yes, core::Transpose::no, 1.0, basis, basis, 0.0, gram);
    gram.llt().matrixU().solveInPlace<Eigen::OnTheRight>(basis);
  }
  return basis;
}

Index packed_size(const relax::ChordalProblem& problem) {
  Index total = 0;
  for (const relax::Clique& clique : problem.cliques) total += triangle(clique.T.rows());
  return total;
}

}  // namespace

Admm::Admm(const relax::ChordalProblem& problem, const Settings& settings, core::ThreadPool& pool)
    : problem_(problem),
      pool_(pool),
      agreement_(problem),
      rho_(settings.rho),
      alpha_(settings.relaxation),
      bound_every_(settings.bound_every),
      packed_point_(packed_size(problem)),
      packed_step_(packed_point_.size()),
      acceleration_(packed_point_.size(), settings.memory) {
  Index offset = 0;
  for (const relax::Clique& clique : problem.cliques) {
    const Index n = clique.T.rows(), v = clique.T.cols();
    blocks_.push_back({orthonormal_basis(clique.T), Matrix::Zero(n, n), Matrix::Zero(n, n), Matrix::Zero(n, n), Matrix(n, v), Matrix(v, v),
                       Vector(v), core::SymmetricEigensolver(v), offset});
    offset += triangle(n);
  }
  objective_.resize(problem.cliques.size());
  reset();
}

double Admm::memory_estimate(const std::vector<relax::CliqueSize>& sizes, Index acceleration_memory) {
  double bytes = 0.0;
  for (const relax::CliqueSize& size : sizes) {
    const double rows = static_cast<double>(size.rows), variables = static_cast<double>(size.variables);
    bytes += 8.0 * (11.0 * rows * rows + 6.0 * rows * variables) + 4.0 * static_cast<double>(acceleration_memory) * rows * rows;
  }
  return bytes;
}

void Admm::reset() {
  packed_point_.setZero();
  for (const Block& block : blocks_) packed_point_[block.offset] = 1.0;
  acceleration_.reset();
}

void Admm::start(const Vector& point) {
  packed_point_ = point;
  acceleration_.reset();
}

void Admm::set_objective(const relax::ChordalObjective& objective) {
  double scale = 0.0;
  for (const Matrix& matrix : objective.matrices) scale = std::max(scale, matrix.size() > 0 ? matrix.cwiseAbs().maxCoeff() : 0.0);
  objective_scale_ = scale > 0.0 && std::isfinite(scale) ? scale : 1.0;
  for (std::size_t k = 0; k < objective_.size(); ++k) objective_[k] = objective.matrices[k] / objective_scale_;
  acceleration_.reset();
}

void Admm::project(Block& block) const {
  core::symm_lower(block.point, block.basis, block.product);
  core::gemm(core::Transpose::yes, core::Transpose::no, 1.0, block.basis, block.product, 0.0, block.reduced);
  block.solved = block.eigensolver.solve(block.reduced, block.eigenvalues);
  if (!block.solved) return;
  const Index size = block.eigenvalues.size();
  Index first = size;
  while (first > 0 && block.eigenvalues[first - 1] > 0.0) --first;
  for (Index j = first; j < size; ++j) block.reduced.col(j) *= std::sqrt(block.eigenvalues[j]);
  core::gemm_columns(block.basis, block.reduced, first, size - first, block.product);
  core::syrk_lower(1.0, block.product.data(), block.product.rows(), size - first, block.product.rows(), 0.0, block.projected);
}

void Admm::reflect(std::size_t k) {
  Block& block = blocks_[k];
  const Index n = block.point.rows();
  const Matrix& objective = objective_[k];
  for (Index j = 0; j < n; ++j) {
    reflect_column(block.projected.col(j).data() + j, block.point.col(j).data() + j,
                   objective.size() > 0 ? objective.col(j).data() + j : nullptr, 1.0 / rho_, block.reflected.col(j).data() + j, n - j);
  }
}

// Projects the diagonal entries of a ball's rows onto {t >= 0, sum t <= cap}.
void Admm::clip_ball(const relax::Clique& clique, Block& block) const {
  double total = 0.0, largest = 0.0;
  for (const Index i : clique.ball_rows) {
    total += std::max(0.0, block.reflected(i, i));
    largest = std::max(largest, block.reflected(i, i));
  }
  if (total <= clique.ball_cap) return;
  double low = 0.0, high = largest;
  for (int step = 0; step < 60; ++step) {
    const double shift = 0.5 * (low + high);
    double sum = 0.0;
    for (const Index i : clique.ball_rows) sum += std::max(0.0, block.reflected(i, i) - shift);
    (sum > clique.ball_cap ? low : high) = shift;
  }
  for (const Index i : clique.ball_rows) block.reflected(i, i) = std::max(0.0, block.reflected(i, i) - high);
}

void Admm::clip(std::size_t k) {
  Block& block = blocks_[k];
  const relax::Clique& clique = problem_.cliques[k];
  if (!clique.ball_rows.empty()) clip_ball(clique, block);
  const Index n = block.point.rows();
  double distance = 0.0, size = 0.0;
  double* step = packed_step_.data() + block.offset;
  for (Index j = 0; j < n; ++j) {
    double* p = block.reflected.col(j).data() + j;
    const ColumnNorms norms = clip_column(block.projected.col(j).data() + j, clique.lower.col(j).data() + j, clique.upper.col(j).data() + j,
                                          alpha_, p, step, n - j);
    distance += norms.distance;
    size += norms.size;
    step += n - j;
  }
  block.distance = distance;
  block.size = size;
}

void Admm::unpack(std::size_t k) {
  Block& block = blocks_[k];
  const Index n = block.point.rows();
  Index position = block.offset;
  for (Index j = 0; j < n; ++j) {
    block.point.col(j).tail(n - j) = packed_point_.segment(position, n - j);
    position += n - j;
  }
}

bool Admm::iterate(const std::function<bool()>&) {
  const Index count = static_cast<Index>(blocks_.size());
  auto at = [](Index k) { return static_cast<std::size_t>(k); };
  pool_.run(count, [&](Index k) {
    unpack(at(k));
    project(blocks_[at(k)]);
    if (blocks_[at(k)].solved) reflect(at(k));
  });
  for (const Block& block : blocks_) {
    if (!block.solved) return false;
  }
  agreement_.average([this](Index k) -> Matrix& { return blocks_[static_cast<std::size_t>(k)].reflected; });
  pool_.run(count, [&](Index k) { clip(at(k)); });
  double distance = 0.0, size = 0.0;
  for (const Block& block : blocks_) {
    distance += block.distance;
    size += block.size;
  }
  residual_ = std::sqrt(distance / std::max(size, 1.0));
  acceleration_.advance(packed_point_, packed_step_, pool_);
  return true;
}

void Admm::multipliers(std::vector<Matrix>& out) const {
  out.resize(blocks_.size());
  for (std::size_t k = 0; k < blocks_.size(); ++k) {
    const Block& block = blocks_[k];
    const Index n = block.point.rows();
    out[k].resize(n, n);
    const double factor = rho_ * objective_scale_;
    for (Index j = 0; j < n; ++j) {
      for (Index i = j; i < n; ++i) out[k](i, j) = out[k](j, i) = factor * (block.projected(i, j) - block.point(i, j));
    }
  }
}

}  // namespace twincert::solver
