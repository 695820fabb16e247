#include "twincert/solver/splitting.hpp"

#include <algorithm>
#include <cmath>

#include "twincert/core/blas.hpp"
#include "twincert/solver/kernels.hpp"
#include "twincert/solver/packed_triangle.hpp"

namespace twincert::solver {
namespace {

using core::Transpose;

// Below this, what an objective is divided by could not be inverted.
constexpr double smallest_scale = 1e-280;

// |X - Z| / |X| where rho is best (docs/benchmarks.md, variants of the solver).
constexpr double balanced = 2.5;
constexpr double negligible_change = 1.4;
constexpr double largest_change = 10.0;
constexpr double least_rho = 1e-9;
constexpr double most_rho = 1e9;

// Orthonormal basis of the columns of T, which have full rank because every variable has a row of its own.
core::Matrix orthonormal_basis(const core::Matrix& T) {
  core::Matrix basis = T;
  for (int pass = 0; pass < 2; ++pass) {  // Cholesky QR twice (Yamamoto et al. 2015)
    core::Matrix gram(T.cols(), T.cols());
    core::gemm(Transpose::yes, Transpose::no, 1.0, basis, basis, 0.0, gram);
    gram.llt().matrixU().solveInPlace<Eigen::OnTheRight>(basis);
  }
  return basis;
}

template <class Scalar>
core::VectorOf<Scalar> packed_lower(const core::Matrix& matrix, double factor = 1.0) {
  const Index n = matrix.rows();
  core::VectorOf<Scalar> packed(triangle(n));
  Index position = 0;
  for (Index j = 0; j < n; position += n - j, ++j)
    packed.segment(position, n - j) = (factor * matrix.col(j).tail(n - j)).template cast<Scalar>();
  return packed;
}

template <class Scalar>
void unpack_lower(const Scalar* packed, core::MatrixOf<Scalar>& matrix) {
  const Index n = matrix.rows();
  for (Index j = 0; j < n; packed += n - j, ++j) std::copy(packed, packed + n - j, matrix.col(j).data() + j);
}

// C = A B^T for symmetric C, of which only the lower triangle and what is near its diagonal is written; all have the same stride.
template <class Scalar>
void lower_product(Index size, Index inner, const Scalar* a, const Scalar* b, Index stride, Scalar* c) {
  constexpr Index small = 128;
  if (size <= small) {
    core::gemm_block(Transpose::no, Transpose::yes, {size, size, inner}, Scalar(1), a, stride, b, stride, Scalar(0), c, stride);
    return;
  }
  const Index half = (size / 2 + 15) / 16 * 16;
  lower_product(half, inner, a, b, stride, c);
  core::gemm_block(Transpose::no, Transpose::yes, {size - half, half, inner}, Scalar(1), a + half, stride, b, stride, Scalar(0), c + half,
                   stride);
  lower_product(size - half, inner, a + half, b + half, stride, c + half * stride + half);
}

}  // namespace

template <class Scalar>
Splitting<Scalar>::Splitting(const relax::ChordalProblem& problem, const Settings& settings, core::ThreadPool& pool)
    : problem_(problem),
      pool_(pool),
      agreement_(problem),
      adaptive_(settings.adaptive_rho),
      penalty_{settings.rho},
      alpha_(static_cast<Scalar>(settings.relaxation)),
      acceleration_(0, 0) {
  Index reduced = 0;
  blocks_.reserve(problem.cliques.size());
  for (const relax::Clique& clique : problem.cliques) {
    const Index n = clique.T.rows(), v = clique.T.cols();
    blocks_.push_back({n, v, moments_, reduced, orthonormal_basis(clique.T).transpose().template cast<Scalar>(),
                       packed_lower<Scalar>(clique.lower), packed_lower<Scalar>(clique.upper), Vector(), Matrix(), Matrix(n, n),
                       Matrix(n, n), Matrix(v, v), Matrix(v, v), Matrix(v, n), core::PositiveEigenpairs<Scalar>(v),
                       SparseProduct<Scalar>(n)});
    moments_ += triangle(n);
    reduced += triangle(v);
  }
  for (Block& block : blocks_) block.reduced_offset += moments_;
  packed_point_.resize(moments_ + reduced);
  packed_step_.resize(packed_point_.size());
  acceleration_ = Acceleration<Scalar>(packed_point_.size(), settings.memory);
  cold_start();
}

template <class Scalar>
double Splitting<Scalar>::memory_estimate(const std::vector<relax::CliqueSize>& sizes, Index acceleration_memory) {
  double bytes = 0.0;
  for (const relax::CliqueSize& size : sizes) {
    const double rows = static_cast<double>(size.rows), variables = static_cast<double>(size.variables);
    const double entries = 0.5 * (rows * rows + variables * variables);
    bytes += sizeof(Scalar) * (12.0 * entries + 3.0 * rows * rows + 2.0 * rows * variables + 6.0 * variables * variables) +
             SparseProduct<Scalar>::memory_estimate(size.rows) + 8.0 * static_cast<double>(acceleration_memory) * entries;
  }
  return bytes;
}

template <class Scalar>
void Splitting<Scalar>::cold_start() {
  packed_point_.setZero();
  for (const Block& block : blocks_) {
    packed_point_[block.offset] = 1;
    Index position = block.reduced_offset;
    for (Index j = 0; j < block.variables; ++j) {
      for (Index i = j; i < block.variables; ++i) packed_point_[position++] = block.basis(i, 0) * block.basis(j, 0);
    }
  }
}

template <class Scalar>
void Splitting<Scalar>::start(const core::Vector& point, const Penalty& penalty) {
  use_rho(penalty.rho);
  penalty_ = penalty;
  packed_point_.head(moments_) = point.template cast<Scalar>();
  pool_.run(static_cast<Index>(blocks_.size()), [&](Index k) { reduce_point(blocks_[static_cast<std::size_t>(k)]); });
  acceleration_.reset();
}

// G = Q^T Z Q.
template <class Scalar>
void Splitting<Scalar>::reduce_point(Block& block) {
  unpack_lower(packed_point_.data() + block.offset, block.reflected);
  core::symm_right_lower(block.basis, block.reflected, block.product);
  product_by_basis(block);
  Index position = block.reduced_offset;
  for (Index j = 0; j < block.variables; ++j) {
    for (Index i = j; i < block.variables; ++i) packed_point_[position++] = block.small(i, j);
  }
}

// The lower triangle of product times Q goes to where G has been.
template <class Scalar>
void Splitting<Scalar>::product_by_basis(Block& block) const {
  const Index v = block.variables;
  lower_product(v, block.rows, block.product.data(), block.basis.data(), v, block.small.data());
}

template <class Scalar>
void Splitting<Scalar>::set_objective(const relax::ChordalObjective& objective) {
  double scale = 0.0;
  for (const core::Matrix& matrix : objective.matrices) scale = std::max(scale, matrix.size() > 0 ? matrix.cwiseAbs().maxCoeff() : 0.0);
  objective_scale_ = scale > smallest_scale && std::isfinite(scale) ? scale : 1.0;
  for (std::size_t k = 0; k < blocks_.size(); ++k) {
    Block& block = blocks_[k];
    const core::Matrix& matrix = objective.matrices[k];
    block.objective = packed_lower<Scalar>(matrix, 1.0 / (objective_scale_ * penalty_.rho));
    block.reduced_objective.setZero(block.variables, block.variables);
    if (matrix.size() == 0) continue;
    unpack_lower(block.objective.data(), block.reflected);
    core::symm_right_lower(block.basis, block.reflected, block.product);
    product_by_basis(block);
    block.reduced_objective = block.small;
  }
  penalty_ = {penalty_.rho};
  acceleration_.reset();
}

template <class Scalar>
void Splitting<Scalar>::use_rho(double rho) {
  const auto factor = static_cast<Scalar>(penalty_.rho / rho);
  penalty_.rho = rho;
  if (factor == Scalar(1)) return;
  for (Block& block : blocks_) {
    block.objective *= factor;
    block.reduced_objective *= factor;
  }
}

// The residuals of X and of the multipliers are |X - P| and rho |X - P|: relative to their sizes they are as large where rho is
// |multipliers| / |X|, which is |X - Z| / |X| times what it is. The reviews become ever more seldom, so that rho settles.
template <class Scalar>
void Splitting<Scalar>::review() {
  penalty_.review *= 2;
  double dual = 0.0, size = 0.0;
  for (const Block& block : blocks_) {
    size += block.size;
    for (Index j = 0; j < block.rows; ++j) dual += static_cast<double>(block.projected.col(j).tail(block.rows - j).squaredNorm());
  }
  const double ratio = std::sqrt(dual / size) / balanced;
  if (dual == 0.0 || !(ratio > negligible_change || ratio < 1.0 / negligible_change) || !std::isfinite(ratio)) return;
  const double rho = std::clamp(penalty_.rho * std::clamp(ratio, 1.0 / largest_change, largest_change), least_rho, most_rho);
  penalty_.change = rho / penalty_.rho;
}

// Z and G for another rho, of the same X and multipliers.
template <class Scalar>
void Splitting<Scalar>::rescale(Block& block, Scalar change) {
  const Index n = block.rows, v = block.variables;
  const auto move = [&](Index offset, const Matrix& positive, Index size) {
    Index position = offset;
    for (Index j = 0; j < size; position += size - j, ++j) {
      auto column = packed_point_.segment(position, size - j);
      column = positive.col(j).tail(size - j) + (column - positive.col(j).tail(size - j)) / change;
    }
  };
  move(block.offset, block.projected, n);
  move(block.reduced_offset, block.reduced, v);
}

template <class Scalar>
void Splitting<Scalar>::project(Block& block) {
  const Index n = block.rows, v = block.variables;
  unpack_lower(packed_point_.data() + block.reduced_offset, block.small);
  block.solved = block.eigenpairs.find(block.small);
  if (!block.solved) return;
  auto vectors = block.eigenpairs.vectors();
  const Index rank = vectors.cols();
  for (Index j = 0; j < rank; ++j) vectors.col(j) *= std::sqrt(block.eigenpairs.values()[j]);
  core::syrk_lower(Scalar(1), vectors.data(), v, rank, v, Scalar(0), block.reduced);
  core::gemm_block(Transpose::yes, Transpose::no, {n, rank, v}, Scalar(1), block.basis.data(), v, vectors.data(), v, Scalar(0),
                   block.product.data(), n);
  core::syrk_lower(Scalar(1), block.product.data(), n, rank, n, Scalar(0), block.projected);
}

template <class Scalar>
void Splitting<Scalar>::reflect(Block& block) const {
  const Index n = block.rows;
  const Scalar* z = packed_point_.data() + block.offset;
  const Scalar* c = block.objective.size() > 0 ? block.objective.data() : nullptr;
  for (Index j = 0; j < n; ++j) {
    reflect_column(block.projected.col(j).data() + j, z, c, block.reflected.col(j).data() + j, n - j);
    z += n - j;
    if (c) c += n - j;
  }
}

// Projects the diagonal entries of a ball's rows onto {t >= 0, sum t <= cap}.
template <class Scalar>
void Splitting<Scalar>::clip_ball(const relax::Clique& clique, Block& block) const {
  const auto entry = [&](Index i) { return std::max(0.0, static_cast<double>(block.reflected(i, i))); };
  double total = 0.0, largest = 0.0;
  for (const Index i : clique.ball_rows) {
    total += entry(i);
    largest = std::max(largest, entry(i));
  }
  if (total <= clique.ball_cap) return;
  double low = 0.0, high = largest;
  for (int step = 0; step < 60; ++step) {
    const double shift = 0.5 * (low + high);
    double sum = 0.0;
    for (const Index i : clique.ball_rows) sum += std::max(0.0, entry(i) - shift);
    (sum > clique.ball_cap ? low : high) = shift;
  }
  for (const Index i : clique.ball_rows) block.reflected(i, i) = static_cast<Scalar>(std::max(0.0, entry(i) - high));
}

template <class Scalar>
void Splitting<Scalar>::clip(const relax::Clique& clique, Block& block) {
  if (!clique.ball_rows.empty()) clip_ball(clique, block);
  const Index n = block.rows;
  const Scalar* c = block.objective.size() > 0 ? block.objective.data() : nullptr;
  double distance = 0.0, size = 0.0, taken = 0.0;
  Index position = 0;
  for (Index j = 0; j < n; position += n - j, ++j) {
    const ClipColumn<Scalar> column{block.projected.col(j).data() + j,
                                    packed_point_.data() + block.offset + position,
                                    c ? c + position : nullptr,
                                    block.lower.data() + position,
                                    block.upper.data() + position,
                                    block.reflected.col(j).data() + j,
                                    packed_step_.data() + block.offset + position};
    const ColumnSums<Scalar> sums = clip_column(column, alpha_, n - j);
    distance += static_cast<double>(sums.distance);
    size += static_cast<double>(sums.size);
    taken += static_cast<double>(sums.taken);
  }
  block.distance = distance;
  block.size = size;
  reduce(block, taken <= static_cast<double>(SparseProduct<Scalar>::most(n)));
}

// The step of G.
template <class Scalar>
void Splitting<Scalar>::reduce(Block& block, bool sparse) {
  if (sparse) {
    block.sparse.multiply(block.basis, block.reflected, block.product);
  } else {
    core::symm_right_lower(block.basis, block.reflected, block.product);
  }
  product_by_basis(block);
  const Index v = block.variables;
  Index position = block.reduced_offset;
  for (Index j = 0; j < v; position += v - j, ++j) {
    packed_step_.segment(position, v - j) = alpha_ * (block.reduced.col(j).tail(v - j) + block.reduced_objective.col(j).tail(v - j) -
                                                      block.small.col(j).tail(v - j) - packed_point_.segment(position, v - j));
  }
}

template <class Scalar>
bool Splitting<Scalar>::iterate() {
  const Index count = static_cast<Index>(blocks_.size());
  auto at = [](Index k) { return static_cast<std::size_t>(k); };
  const double change = penalty_.change;
  pool_.run(count, [&](Index k) {
    Block& block = blocks_[at(k)];
    project(block);
    if (block.solved && change == 1.0) reflect(block);
  });
  for (const Block& block : blocks_) {
    if (!block.solved) return false;
  }
  if (change != 1.0) {
    use_rho(penalty_.rho * change);
    penalty_.change = 1.0;
    acceleration_.reset();
    pool_.run(count, [&](Index k) {
      rescale(blocks_[at(k)], static_cast<Scalar>(change));
      reflect(blocks_[at(k)]);
    });
  }
  agreement_.average([this](Index k) -> Matrix& { return blocks_[static_cast<std::size_t>(k)].reflected; });
  pool_.run(count, [&](Index k) { clip(problem_.cliques[at(k)], blocks_[at(k)]); });
  double distance = 0.0, size = 0.0;
  for (const Block& block : blocks_) {
    distance += block.distance;
    size += block.size;
  }
  residual_ = std::sqrt(distance / std::max(size, 1.0));
  acceleration_.advance(packed_point_, packed_step_, pool_);
  if (++penalty_.steps == penalty_.review && adaptive_) review();
  return true;
}

template <class Scalar>
void Splitting<Scalar>::multipliers(std::vector<core::Matrix>& out) const {
  out.resize(blocks_.size());
  const double factor = penalty_.rho * objective_scale_;
  for (std::size_t k = 0; k < blocks_.size(); ++k) {
    const Block& block = blocks_[k];
    out[k].resize(block.rows, block.rows);
    for (Index j = 0; j < block.rows; ++j) {
      for (Index i = j; i < block.rows; ++i) out[k](i, j) = out[k](j, i) = factor * static_cast<double>(block.projected(i, j));
    }
  }
}

template class Splitting<double>;
template class Splitting<float>;

}  // namespace twincert::solver
