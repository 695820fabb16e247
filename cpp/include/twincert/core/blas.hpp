// The few BLAS and LAPACK kernels the library uses: Eigen's by default, an OpenBLAS borrowed at run time when registered.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::core {

// Fortran-convention entry points (LP64), as in scipy.linalg.cython_blas and cython_lapack. Those of symmetric eigenproblems:
template <class Scalar>
struct LapackEigen {
  void (*sytrd)(char*, int*, Scalar*, int*, Scalar*, Scalar*, Scalar*, Scalar*, int*, int*) = nullptr;
  void (*stedc)(char*, int*, Scalar*, Scalar*, Scalar*, int*, Scalar*, int*, int*, int*, int*) = nullptr;
  void (*ormtr)(char*, char*, char*, int*, int*, Scalar*, int*, Scalar*, Scalar*, int*, Scalar*, int*, int*) = nullptr;
};

template <class Scalar>
struct BlasRoutines {
  void (*gemm)(char*, char*, int*, int*, int*, Scalar*, Scalar*, int*, Scalar*, int*, Scalar*, Scalar*, int*) = nullptr;
  void (*syrk)(char*, char*, int*, int*, Scalar*, Scalar*, int*, Scalar*, Scalar*, int*) = nullptr;
  void (*symm)(char*, char*, int*, int*, Scalar*, Scalar*, int*, Scalar*, int*, Scalar*, Scalar*, int*) = nullptr;
  LapackEigen<Scalar> eigen;
};

// Null pointers: use Eigen.
struct BlasTable {
  BlasRoutines<double> doubles;
  BlasRoutines<float> floats;
  void (*dtrsm)(char*, char*, char*, char*, int*, int*, double*, double*, int*, double*, int*) = nullptr;
  void (*dpotrf)(char*, int*, double*, int*, int*) = nullptr;
};

// Call once, before other threads run. The library must then be limited to one thread by the caller.
void register_blas(const BlasTable& table);
bool blas_registered();

// Those that are registered, for double and float.
template <class Scalar>
const LapackEigen<Scalar>& lapack_eigen();

// A dimension as BLAS takes it; ShapeError when it is too large.
int blas_int(Index value);

enum class Transpose { no, yes };

// A product is m x n, k are summed. ShapeError when the factors do not fit.
struct ProductSize {
  Index m, n, k;
};
ProductSize product_size(Transpose trans_a, Transpose trans_b, const Matrix& a, const Matrix& b);

// C = alpha op(A) op(B) + beta C. No allocation when C has its size already (Eigen fallback may use its stack buffers).
void gemm(Transpose trans_a, Transpose trans_b, double alpha, const Matrix& a, const Matrix& b, double beta, Matrix& c);

// The kernels below that are templates exist for double and float.

// The same on blocks of larger matrices, column by column with the given strides. C may not overlap A or B.
template <class Scalar>
void gemm_block(Transpose trans_a, Transpose trans_b, ProductSize size, Scalar alpha, const Scalar* a, Index stride_a, const Scalar* b,
                Index stride_b, Scalar beta, Scalar* c, Index stride_c);

// C = alpha A A^T + beta C on the first `columns` columns of A; only the lower triangle of C is written.
template <class Scalar>
void syrk_lower(Scalar alpha, const Scalar* a, Index rows, Index columns, Index stride, Scalar beta, MatrixOf<Scalar>& c);

// C = A B with B symmetric (its lower triangle is read).
template <class Scalar>
void symm_right_lower(const MatrixOf<Scalar>& a, const MatrixOf<Scalar>& b, MatrixOf<Scalar>& c);

// The lower triangle of a symmetric block becomes its Cholesky factor. False when the block is not positive definite.
bool cholesky_block(double* a, Index size, Index stride);

// B = B L^-T for the lower triangle L of a block of `size`; B has `rows` rows.
void divide_by_transpose(const double* lower, Index size, Index stride, double* b, Index rows, Index stride_b);

}  // namespace twincert::core
