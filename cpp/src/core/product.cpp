#include "twincert/core/product.hpp"

namespace twincert::core {
namespace {

// Columns that one thread takes at a time. Wide blocks repay the packing of the other factor, narrow ones share small products out evenly.
Index block_width(Index columns) { return columns < 2048 ? 64 : 256; }

}  // namespace

Matrix product(ThreadPool& pool, const Matrix& a, const Matrix& b, Transpose trans_a, Transpose trans_b) {
  const auto [rows, columns, inner] = product_size(trans_a, trans_b, a, b);
  Matrix c(rows, columns);
  pool.run_blocks(columns, block_width(columns), [&, rows = rows, inner = inner](Index begin, Index count) {
    const double* right = trans_b == Transpose::yes ? b.data() + begin : b.data() + begin * b.rows();
    gemm_block(trans_a, trans_b, {rows, count, inner}, 1.0, a.data(), a.rows(), right, b.rows(), 0.0, c.data() + begin * rows, rows);
  });
  return c;
}

void mirror_lower(ThreadPool& pool, Matrix& matrix) {
  constexpr Index mirrored = 64;
  const Index n = matrix.rows();
  pool.run_blocks(n, mirrored, [&](Index begin, Index count) {
    matrix.block(begin, begin, count, count).triangularView<Eigen::StrictlyUpper>() = matrix.block(begin, begin, count, count).transpose();
    const Index below = begin + count;
    matrix.block(begin, below, count, n - below) = matrix.block(below, begin, n - below, count).transpose();
  });
}

}  // namespace twincert::core
