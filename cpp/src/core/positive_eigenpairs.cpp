#include "twincert/core/positive_eigenpairs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "twincert/core/blas.hpp"
#include "twincert/core/error.hpp"

namespace twincert::core {
namespace {

constexpr Index eigen_limit = 32;

// Powers of two by which matrices are multiplied that LAPACK's iterations might let underflow or overflow; syevd has the same limits.
template <class Scalar>
Scalar scale_of(Scalar largest) {
  using Limits = std::numeric_limits<Scalar>;
  const Scalar least = std::sqrt(Limits::min() / Limits::epsilon());
  if (largest == Scalar(0) || (largest >= least && largest <= Scalar(1) / least)) return Scalar(1);
  return std::ldexp(Scalar(1), std::min(-std::ilogb(largest), Limits::max_exponent - 1));
}

}  // namespace

template <class Scalar>
PositiveEigenpairs<Scalar>::PositiveEigenpairs(Index size) : size_(size), values_(size), vectors_(size, size) {
  if (size <= eigen_limit) return;
  if (blas_registered()) {
    off_diagonal_.resize(size - 1);
    reflectors_.resize(size - 1);
    // LAPACK's own formulas for stedc with eigenvectors; the other routines are content with less.
    work_.resize(1 + 4 * size + size * size);
    integer_work_.resize(3 + 5 * size);
    blas_int(work_.size());
  } else {
    eigen_ = std::make_unique<Eigen::SelfAdjointEigenSolver<MatrixOf<Scalar>>>(size);
  }
}

template <class Scalar>
bool PositiveEigenpairs<Scalar>::find(MatrixOf<Scalar>& matrix) {
  if (matrix.rows() != size_ || matrix.cols() != size_) {
    throw ShapeError("PositiveEigenpairs of size " + std::to_string(size_) + " got a " + std::to_string(matrix.rows()) + " x " +
                     std::to_string(matrix.cols()) + " matrix");
  }
  count_ = 0;
  if (size_ == 0) return true;
  // Eigen's and LAPACK's iterations need not end on NaN or infinity.
  Scalar largest = 0;
  for (Index j = 0; j < size_; ++j) {
    if (!matrix.col(j).tail(size_ - j).allFinite()) return false;
    largest = std::max(largest, matrix.col(j).tail(size_ - j).cwiseAbs().maxCoeff());
  }
  const Scalar scale = scale_of(largest);
  if (scale != Scalar(1)) matrix *= scale;
  if (!decompose(matrix)) return false;
  if (scale != Scalar(1)) values_ /= scale;
  return true;
}

// Ascending eigenvalues, and the last columns' eigenvectors.
template <class Scalar>
bool PositiveEigenpairs<Scalar>::decompose(MatrixOf<Scalar>& matrix) {
  if (size_ <= eigen_limit) {
    // A bounded size keeps Eigen's workspace on the stack.
    using SmallMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, eigen_limit, eigen_limit>;
    const SmallMatrix small = matrix;
    const Eigen::SelfAdjointEigenSolver<SmallMatrix> solver(small);
    if (solver.info() != Eigen::Success) return false;
    vectors_ = solver.eigenvectors();
    values_ = solver.eigenvalues();
    keep_positive();
    return true;
  }
  if (eigen_) {
    eigen_->compute(matrix);
    if (eigen_->info() != Eigen::Success) return false;
    vectors_ = eigen_->eigenvectors();
    values_ = eigen_->eigenvalues();
    keep_positive();
    return true;
  }
  const LapackEigen<Scalar>& lapack = lapack_eigen<Scalar>();
  char lower = 'L', of_tridiagonal = 'I', left = 'L', plain = 'N';
  int n = blas_int(size_), work_size = blas_int(work_.size()), integer_work_size = blas_int(integer_work_.size()), info = 0;
  lapack.sytrd(&lower, &n, matrix.data(), &n, values_.data(), off_diagonal_.data(), reflectors_.data(), work_.data(), &work_size, &info);
  if (info != 0) return false;
  lapack.stedc(&of_tridiagonal, &n, values_.data(), off_diagonal_.data(), vectors_.data(), &n, work_.data(), &work_size,
               integer_work_.data(), &integer_work_size, &info);
  if (info != 0) return false;
  keep_positive();
  if (count_ == 0) return true;
  int columns = blas_int(count_);
  lapack.ormtr(&left, &lower, &plain, &n, &columns, matrix.data(), &n, reflectors_.data(), vectors().data(), &n, work_.data(), &work_size,
               &info);
  if (info != 0) count_ = 0;
  return info == 0;
}

template <class Scalar>
void PositiveEigenpairs<Scalar>::keep_positive() {
  count_ = std::count_if(values_.begin(), values_.end(), [](Scalar value) { return value > Scalar(0); });
}

template class PositiveEigenpairs<double>;
template class PositiveEigenpairs<float>;

}  // namespace twincert::core
