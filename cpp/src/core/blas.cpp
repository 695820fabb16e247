#include "twincert/core/blas.hpp"

#include <limits>
#include <string>
#include <type_traits>

#include "twincert/core/error.hpp"

namespace twincert::core {
namespace {

BlasTable& table() {
  static BlasTable instance;
  return instance;
}

template <class Scalar>
const BlasRoutines<Scalar>& routines() {
  if constexpr (std::is_same_v<Scalar, float>) {
    return table().floats;
  } else {
    return table().doubles;
  }
}

template <class Scalar>
bool complete(const BlasRoutines<Scalar>& entries) {
  return entries.gemm && entries.syrk && entries.symm && entries.eigen.sytrd && entries.eigen.stedc && entries.eigen.ormtr;
}

// BLAS takes pointers to mutable data but only writes the result.
template <class Scalar>
Scalar* mutable_data(const Scalar* data) {
  return const_cast<Scalar*>(data);  // NOLINT
}

template <class Left, class Right>
void check_shapes(const char* name, bool fits, const Left& a, const Right& b) {
  if (fits) return;
  throw ShapeError(std::string(name) + ": a " + std::to_string(a.rows()) + " x " + std::to_string(a.cols()) + " matrix does not fit a " +
                   std::to_string(b.rows()) + " x " + std::to_string(b.cols()) + " one");
}

}  // namespace

void register_blas(const BlasTable& entries) { table() = entries; }

bool blas_registered() {
  const BlasTable& entries = table();
  return complete(entries.doubles) && complete(entries.floats) && entries.dtrsm && entries.dpotrf;
}

int blas_int(Index value) {
  if (value > std::numeric_limits<int>::max())
    throw ShapeError("a matrix dimension of " + std::to_string(value) + " is too large for BLAS");
  return static_cast<int>(value);
}

template <class Scalar>
const LapackEigen<Scalar>& lapack_eigen() {
  return routines<Scalar>().eigen;
}

ProductSize product_size(Transpose trans_a, Transpose trans_b, const Matrix& a, const Matrix& b) {
  const bool flip_a = trans_a == Transpose::yes, flip_b = trans_b == Transpose::yes;
  const Index inner = flip_a ? a.rows() : a.cols();
  check_shapes("product", inner == (flip_b ? b.cols() : b.rows()), a, b);
  return {flip_a ? a.cols() : a.rows(), flip_b ? b.rows() : b.cols(), inner};
}

void gemm(Transpose trans_a, Transpose trans_b, double alpha, const Matrix& a, const Matrix& b, double beta, Matrix& c) {
  const ProductSize size = product_size(trans_a, trans_b, a, b);
  if (beta == 0.0) {
    c.resize(size.m, size.n);
  } else {
    check_shapes("gemm result", c.rows() == size.m && c.cols() == size.n, a, c);
  }
  gemm_block(trans_a, trans_b, size, alpha, a.data(), a.rows(), b.data(), b.rows(), beta, c.data(), size.m);
}

template <class Scalar>
void gemm_block(Transpose trans_a, Transpose trans_b, ProductSize size, Scalar alpha, const Scalar* a, Index stride_a, const Scalar* b,
                Index stride_b, Scalar beta, Scalar* c, Index stride_c) {
  if (size.m == 0 || size.n == 0) return;
  const bool flip_a = trans_a == Transpose::yes, flip_b = trans_b == Transpose::yes;
  if (blas_registered() && size.k > 0) {
    char op_a = flip_a ? 'T' : 'N', op_b = flip_b ? 'T' : 'N';
    int m = blas_int(size.m), n = blas_int(size.n), k = blas_int(size.k);
    int lda = blas_int(stride_a), ldb = blas_int(stride_b), ldc = blas_int(stride_c);
    routines<Scalar>().gemm(&op_a, &op_b, &m, &n, &k, &alpha, mutable_data(a), &lda, mutable_data(b), &ldb, &beta, c, &ldc);
    return;
  }
  using Block = Eigen::Map<const MatrixOf<Scalar>, 0, Eigen::OuterStride<>>;
  const Block left(a, flip_a ? size.k : size.m, flip_a ? size.m : size.k, Eigen::OuterStride<>(stride_a));
  const Block right(b, flip_b ? size.n : size.k, flip_b ? size.k : size.n, Eigen::OuterStride<>(stride_b));
  Eigen::Map<MatrixOf<Scalar>, 0, Eigen::OuterStride<>> result(c, size.m, size.n, Eigen::OuterStride<>(stride_c));
  if (beta == Scalar(0)) {
    result.setZero();
  } else if (beta != Scalar(1)) {
    result *= beta;
  }
  if (flip_a && flip_b) {
    result.noalias() += alpha * left.transpose() * right.transpose();
  } else if (flip_a) {
    result.noalias() += alpha * left.transpose() * right;
  } else if (flip_b) {
    result.noalias() += alpha * left * right.transpose();
  } else {
    result.noalias() += alpha * left * right;
  }
}

template <class Scalar>
void syrk_lower(Scalar alpha, const Scalar* a, Index rows, Index columns, Index stride, Scalar beta, MatrixOf<Scalar>& c) {
  if (beta == Scalar(0)) c.resize(rows, rows);
  if (c.rows() != rows || c.cols() != rows) {
    throw ShapeError("syrk_lower: the result is " + std::to_string(c.rows()) + " x " + std::to_string(c.cols()) + ", expected " +
                     std::to_string(rows) + " x " + std::to_string(rows));
  }
  if (rows == 0) return;
  if (blas_registered() && columns > 0) {
    char lower = 'L';
    char plain = 'N';
    int n = blas_int(rows), k = blas_int(columns), lda = blas_int(stride), ldc = n;
    routines<Scalar>().syrk(&lower, &plain, &n, &k, &alpha, mutable_data(a), &lda, &beta, c.data(), &ldc);
    return;
  }
  const Eigen::Map<const MatrixOf<Scalar>, 0, Eigen::OuterStride<>> factor(a, rows, columns, Eigen::OuterStride<>(stride));
  if (beta == Scalar(0)) {
    c.template triangularView<Eigen::Lower>().setZero();
  } else if (beta != Scalar(1)) {
    c.template triangularView<Eigen::Lower>() *= beta;
  }
  if (columns > 0) c.template selfadjointView<Eigen::Lower>().rankUpdate(factor, alpha);
}

template <class Scalar>
void symm_right_lower(const MatrixOf<Scalar>& a, const MatrixOf<Scalar>& b, MatrixOf<Scalar>& c) {
  check_shapes("symm_right_lower", b.rows() == b.cols() && a.cols() == b.rows(), a, b);
  c.resize(a.rows(), a.cols());
  if (c.size() == 0) return;
  if (!blas_registered()) {
    c.noalias() = a * b.template selfadjointView<Eigen::Lower>();
    return;
  }
  char right = 'R';
  char lower = 'L';
  int m = blas_int(a.rows()), n = blas_int(a.cols());
  Scalar one = 1, zero = 0;
  routines<Scalar>().symm(&right, &lower, &m, &n, &one, mutable_data(b.data()), &n, mutable_data(a.data()), &m, &zero, c.data(), &m);
}

bool cholesky_block(double* a, Index size, Index stride) {
  if (blas_registered() && size > 0) {
    char lower = 'L';
    int n = blas_int(size), lda = blas_int(stride), info = 0;
    table().dpotrf(&lower, &n, a, &lda, &info);
    if (info != 0) return false;
  } else {
    Eigen::Map<Matrix, 0, Eigen::OuterStride<>> block(a, size, size, Eigen::OuterStride<>(stride));
    const Eigen::LLT<Matrix> factor(block);
    if (factor.info() != Eigen::Success) return false;
    block.triangularView<Eigen::Lower>() = factor.matrixLLT();
  }
  // Routines differ in what they make of NaN.
  const Eigen::Map<const Matrix, 0, Eigen::OuterStride<>> factor(a, size, size, Eigen::OuterStride<>(stride));
  return factor.diagonal().allFinite();
}

void divide_by_transpose(const double* lower, Index size, Index stride, double* b, Index rows, Index stride_b) {
  if (size == 0 || rows == 0) return;
  if (blas_registered()) {
    char right = 'R', low = 'L', transposed = 'T', given = 'N';
    int m = blas_int(rows), n = blas_int(size), lda = blas_int(stride), ldb = blas_int(stride_b);
    double one = 1.0;
    table().dtrsm(&right, &low, &transposed, &given, &m, &n, &one, mutable_data(lower), &lda, b, &ldb);
    return;
  }
  const Eigen::Map<const Matrix, 0, Eigen::OuterStride<>> factor(lower, size, size, Eigen::OuterStride<>(stride));
  Eigen::Map<Matrix, 0, Eigen::OuterStride<>> block(b, rows, size, Eigen::OuterStride<>(stride_b));
  factor.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(block);
}

template const LapackEigen<double>& lapack_eigen();
template const LapackEigen<float>& lapack_eigen();
template void gemm_block(Transpose, Transpose, ProductSize, double, const double*, Index, const double*, Index, double, double*, Index);
template void gemm_block(Transpose, Transpose, ProductSize, float, const float*, Index, const float*, Index, float, float*, Index);
template void syrk_lower(double, const double*, Index, Index, Index, double, MatrixOf<double>&);
template void syrk_lower(float, const float*, Index, Index, Index, float, MatrixOf<float>&);
template void symm_right_lower(const MatrixOf<double>&, const MatrixOf<double>&, MatrixOf<double>&);
template void symm_right_lower(const MatrixOf<float>&, const MatrixOf<float>&, MatrixOf<float>&);

}  // namespace twincert::core
