#include "twincert/core/cholesky.hpp"

#include <algorithm>

#include "twincert/core/blas.hpp"

namespace twincert::core {

bool cholesky_lower(Matrix& matrix, ThreadPool& pool) {
  constexpr Index width = 96;
  const Index n = matrix.rows();
  const auto count = [](Index size) { return (size + width - 1) / width; };
  for (Index k = 0; k < n; k += width) {
    const Index size = std::min(width, n - k), next = k + size, rest = n - next;
    const Eigen::LLT<Matrix> factor(matrix.block(k, k, size, size));
    if (factor.info() != Eigen::Success || !factor.matrixLLT().diagonal().allFinite()) return false;
    matrix.block(k, k, size, size) = factor.matrixL();
    if (rest == 0) break;
    const Matrix inverse = factor.matrixL().solve(Matrix::Identity(size, size));
    pool.run(count(rest), [&](Index task) {
      const Index begin = next + task * width, rows = std::min(width, n - begin);
      const Matrix panel = matrix.block(begin, k, rows, size);
      gemm_block(Transpose::no, Transpose::yes, {rows, size, size}, 1.0, panel.data(), rows, inverse.data(), size, 0.0,
                 matrix.col(k).data() + begin, n);
    });
    pool.run(count(rest), [&](Index task) {
      const Index begin = next + task * width, columns = std::min(width, n - begin);
      gemm_block(Transpose::no, Transpose::yes, {n - begin, columns, size}, -1.0, matrix.col(k).data() + begin, n,
                 matrix.col(k).data() + begin, n, 1.0, matrix.col(begin).data() + begin, n);
    });
  }
  return true;
}

}  // namespace twincert::core
