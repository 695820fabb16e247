#include "twincert/core/product.hpp"

#include <algorithm>

namespace twincert::core {

Matrix product(ThreadPool& pool, const Matrix& a, const Matrix& b, Transpose trans_a, Transpose trans_b) {
  constexpr Index width = 64;
  const auto [rows, columns, inner] = product_size(trans_a, trans_b, a, b);
  Matrix c(rows, columns);
  pool.run((columns + width - 1) / width, [&, rows = rows, columns = columns, inner = inner](Index task) {
    const Index begin = task * width, count = std::min(width, columns - begin);
    const double* right = trans_b == Transpose::yes ? b.data() + begin : b.data() + begin * b.rows();
    gemm_block(trans_a, trans_b, {rows, count, inner}, 1.0, a.data(), a.rows(), right, b.rows(), 0.0, c.data() + begin * rows, rows);
  });
  return c;
}

}  // namespace twincert::core
