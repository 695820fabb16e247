#include "twincert/core/small_product.hpp"

#include "twincert/core/blas.hpp"
#include "twincert/core/clones.hpp"
#include "twincert/core/lanes.hpp"

namespace twincert::core {
namespace {

// A block of C that fits into registers: 4 `vectors` rows, `columns` columns.
template <Index vectors, Index columns>
[[gnu::always_inline]] inline void block(Index m, Index k, const double* a, const double* b, double* c) {
  Lanes sum[columns][vectors] = {};
  for (Index i = 0; i < k; ++i) {
    Lanes left[vectors];
    for (Index v = 0; v < vectors; ++v) left[v] = *reinterpret_cast<const Lanes*>(a + i * m + lanes * v);
    for (Index j = 0; j < columns; ++j) {
      for (Index v = 0; v < vectors; ++v) sum[j][v] += left[v] * b[j * k + i];
    }
  }
  for (Index j = 0; j < columns; ++j) {
    for (Index v = 0; v < vectors; ++v) *reinterpret_cast<Lanes*>(c + j * m + lanes * v) = sum[j][v];
  }
}

template <Index columns>
[[gnu::always_inline]] inline void column_block(Index m, Index k, const double* a, const double* b, double* c) {
  Index i = 0;
  for (; i + 3 * lanes <= m && i + 4 * lanes != m; i += 3 * lanes) block<3, columns>(m, k, a + i, b, c + i);
  for (; i + 2 * lanes <= m; i += 2 * lanes) block<2, columns>(m, k, a + i, b, c + i);
  for (; i + lanes <= m; i += lanes) block<1, columns>(m, k, a + i, b, c + i);
  if (i < m && m >= lanes) {
    // Some rows once more: the sums are the same.
    block<1, columns>(m, k, a + m - lanes, b, c + m - lanes);
    return;
  }
  for (; i < m; ++i) {
    double sum[columns] = {};
    for (Index l = 0; l < k; ++l) {
      for (Index j = 0; j < columns; ++j) sum[j] += a[l * m + i] * b[j * k + l];
    }
    for (Index j = 0; j < columns; ++j) c[j * m + i] = sum[j];
  }
}

}  // namespace

TWINCERT_FMA_CLONES void small_product(Index m, Index n, Index k, const double* a, const double* b, double* c) {
  Index j = 0;
  // Of so few rows that sums would wait for each other, more columns at a time.
  for (; m < 2 * lanes && j + 8 <= n; j += 8) column_block<8>(m, k, a, b + j * k, c + j * m);
  for (; j + 4 <= n; j += 4) column_block<4>(m, k, a, b + j * k, c + j * m);
  for (; j < n; ++j) column_block<1>(m, k, a, b + j * k, c + j * m);
}

void product(const Matrix& a, const Matrix& b, Matrix& c) {
  if (a.rows() > few_rows) {
    gemm(Transpose::no, Transpose::no, 1.0, a, b, 0.0, c);
  } else {
    const ProductSize size = product_size(Transpose::no, Transpose::no, a, b);
    c.resize(size.m, size.n);
    small_product(size.m, size.n, size.k, a.data(), b.data(), c.data());
  }
}

}  // namespace twincert::core
