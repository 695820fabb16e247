#include "twincert/core/cholesky.hpp"

#include <algorithm>

#include "twincert/core/blas.hpp"
#include "twincert/core/product.hpp"

namespace twincert::core {
namespace {

constexpr Index width = 96;
// A single block up to here: the routine's own blocks are better, and there is not enough work to share.
constexpr Index single = 320;

}  // namespace

bool cholesky_lower(Matrix& matrix, ThreadPool& pool) {
  const Index n = matrix.rows();
  for (Index k = 0; k < n;) {
    const Index size = n - k <= single ? n - k : width, next = k + size, rest = n - next;
    double* corner = matrix.col(k).data() + k;
    if (!cholesky_block(corner, size, n)) return false;
    pool.run_blocks(rest, width,
                    [&](Index first, Index rows) { divide_by_transpose(corner, size, n, matrix.col(k).data() + next + first, rows, n); });
    pool.run_blocks(rest, width, [&](Index first, Index columns) {
      const Index begin = next + first;
      gemm_block(Transpose::no, Transpose::yes, {n - begin, columns, size}, -1.0, matrix.col(k).data() + begin, n,
                 matrix.col(k).data() + begin, n, 1.0, matrix.col(begin).data() + begin, n);
    });
    k = next;
  }
  return true;
}

Matrix cholesky_inverse(const Matrix& lower, ThreadPool& pool) {
  const Index n = lower.rows();
  Matrix inverse = Matrix::Zero(n, n), result(n, n);  // of L, of L L^T
  pool.run_blocks(n, width, [&](Index begin, Index count) {
    const Index rest = n - begin;
    auto columns = inverse.block(begin, begin, rest, count);
    columns.topRows(count).setIdentity();
    lower.block(begin, begin, rest, rest).triangularView<Eigen::Lower>().solveInPlace(columns);
  });
  pool.run_blocks(n, width, [&](Index begin, Index count) {
    const Index rest = n - begin;
    const double* corner = inverse.col(begin).data() + begin;
    gemm_block(Transpose::yes, Transpose::no, {rest, count, rest}, 1.0, corner, n, corner, n, 0.0, result.col(begin).data() + begin, n);
  });
  mirror_lower(pool, result);
  return result;
}

}  // namespace twincert::core
