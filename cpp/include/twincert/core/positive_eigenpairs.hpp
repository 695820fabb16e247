// Eigenvalues above zero of symmetric matrices, with their eigenvectors.
#pragma once

#include <memory>

#include "twincert/core/types.hpp"

namespace twincert::core {

// With preallocated workspace, for double and float. Above size 32 LAPACK's divide and conquer if a BLAS is registered (design: numerics
// measurements), with the eigenvectors of positive eigenvalues only transformed back from the tridiagonal matrix.
template <class Scalar>
class PositiveEigenpairs {
 public:
  explicit PositiveEigenpairs(Index size);

  // Overwrites `matrix`, of which the lower triangle is read. False when the decomposition did not converge or the matrix holds NaN or
  // infinity. Allocates nothing, except that without a registered BLAS Eigen allocates one vector above size 32.
  bool find(MatrixOf<Scalar>& matrix);

  // What the last find() found, in ascending order of eigenvalue.
  Index count() const { return count_; }
  auto values() { return values_.tail(count_); }
  auto vectors() { return vectors_.rightCols(count_); }  // columns

 private:
  bool decompose(MatrixOf<Scalar>& matrix);
  void keep_positive();

  Index size_, count_ = 0;
  VectorOf<Scalar> values_;
  MatrixOf<Scalar> vectors_;
  VectorOf<Scalar> off_diagonal_, reflectors_, work_;
  Eigen::VectorXi integer_work_;
  std::unique_ptr<Eigen::SelfAdjointEigenSolver<MatrixOf<Scalar>>> eigen_;  // Eigen's own may not be moved before its first use
};

}  // namespace twincert::core
