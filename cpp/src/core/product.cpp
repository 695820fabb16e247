#include "twincert/core/product.hpp"

#include <algorithm>
#include <string>

#include "twincert/core/error.hpp"

namespace twincert::core {

Matrix product(ThreadPool& pool, const Matrix& a, const Matrix& b, Transpose trans_a, Transpose trans_b) {
  constexpr Index width = 64;
  const bool flip_a = trans_a == Transpose::yes, flip_b = trans_b == Transpose::yes;
  const Index rows = flip_a ? a.cols() : a.rows(), inner = flip_a ? a.rows() : a.cols(), columns = flip_b ? b.rows() : b.cols();
  if (inner != (flip_b ? b.cols() : b.rows())) {
    throw ShapeError("product: a " + std::to_string(a.rows()) + " x " + std::to_string(a.cols()) + " matrix does not fit a " +
                     std::to_string(b.rows()) + " x " + std::to_string(b.cols()) + " one");
  }
  Matrix c(rows, columns);
  pool.run((columns + width - 1) / width, [&](Index task) {
    const Index begin = task * width, count = std::min(width, columns - begin);
    const double* right = flip_b ? b.data() + begin : b.data() + begin * b.rows();
    gemm_block(trans_a, trans_b, {rows, count, inner}, 1.0, a.data(), a.rows(), right, b.rows(), 0.0, c.data() + begin * rows, rows);
  });
  return c;
}

}  // namespace twincert::core
