// Cholesky factorisation on all cores, built on the matrix products of blas.hpp.
#pragma once

#include "twincert/core/parallel.hpp"
#include "twincert/core/types.hpp"

namespace twincert::core {

// Overwrites the lower triangle of `matrix`, which alone is read, with L, matrix = L L^T; the rest is unspecified. False when a pivot is
// not positive or not finite (the matrix is unspecified then).
bool cholesky_lower(Matrix& matrix, ThreadPool& pool);

// (L L^T)^-1 of a lower triangular L, whose upper triangle is not read.
Matrix cholesky_inverse(const Matrix& lower, ThreadPool& pool);

}  // namespace twincert::core
