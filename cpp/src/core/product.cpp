#include "twincert/core/product.hpp"

#include <algorithm>
#include <string>

#include "twincert/core/error.hpp"

namespace twincert::core {
namespace {

constexpr Index width = 64;

Index blocks(Index size) { return (size + width - 1) / width; }

}  // namespace

Matrix product(ThreadPool& pool, const Matrix& a, const Matrix& b, Transpose trans_a, Transpose trans_b) {
  const auto [rows, columns, inner] = product_size(trans_a, trans_b, a, b);
  Matrix c(rows, columns);
  pool.run(blocks(columns), [&, rows = rows, columns = columns, inner = inner](Index task) {
    const Index begin = task * width, count = std::min(width, columns - begin);
    const double* right = trans_b == Transpose::yes ? b.data() + begin : b.data() + begin * b.rows();
    gemm_block(trans_a, trans_b, {rows, count, inner}, 1.0, a.data(), a.rows(), right, b.rows(), 0.0, c.data() + begin * rows, rows);
  });
  return c;
}

Matrix symmetric_product(ThreadPool& pool, const Matrix& a, const Matrix& b) {
  const auto [rows, columns, inner] = product_size(Transpose::yes, Transpose::no, a, b);
  if (rows != columns) {
    throw ShapeError("symmetric_product: the result would be " + std::to_string(rows) + " x " + std::to_string(columns));
  }
  Matrix c(rows, rows);
  pool.run(blocks(rows), [&, rows = rows, inner = inner](Index task) {
    const Index begin = task * width, count = std::min(width, rows - begin);
    gemm_block(Transpose::yes, Transpose::no, {rows - begin, count, inner}, 1.0, a.data() + begin * inner, inner, b.data() + begin * inner,
               inner, 0.0, c.data() + begin * rows + begin, rows);
  });
  mirror_lower(pool, c);
  return c;
}

void mirror_lower(ThreadPool& pool, Matrix& matrix) {
  const Index n = matrix.rows();
  pool.run(blocks(n), [&](Index task) {
    const Index begin = task * width, count = std::min(width, n - begin);
    matrix.block(begin, begin, count, count).triangularView<Eigen::StrictlyUpper>() = matrix.block(begin, begin, count, count).transpose();
    const Index below = begin + count;
    matrix.block(begin, below, count, n - below) = matrix.block(below, begin, n - below, count).transpose();
  });
}

}  // namespace twincert::core
