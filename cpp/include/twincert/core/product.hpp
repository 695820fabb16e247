// Matrix products on all cores.
#pragma once

#include "twincert/core/blas.hpp"
#include "twincert/core/parallel.hpp"

namespace twincert::core {

// op(A) op(B). Must not be called from within pool.run(). The result's last bits do not depend on the number of threads.
Matrix product(ThreadPool& pool, const Matrix& a, const Matrix& b, Transpose trans_a = Transpose::no, Transpose trans_b = Transpose::no);

// The lower triangle, copied to the upper one.
void mirror_lower(ThreadPool& pool, Matrix& matrix);

}  // namespace twincert::core
