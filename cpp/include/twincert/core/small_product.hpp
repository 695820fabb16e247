// Products of small matrices or of few rows, for which a BLAS spends as much time on copies as on sums.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::core {

// Up to this n and k, nothing is gained by a BLAS that rearranges its factors for the cache.
inline constexpr Index small_product_limit = 96;

// C = A B with A (m x k), B (k x n) and C (m x n), column by column without gaps; C may not overlap A or B. Every entry is one sum of k
// products in order, with or without fused multiply-add.
void small_product(Index m, Index n, Index k, const double* a, const double* b, double* c);

// C = A B, by a BLAS where A has more rows than these.
inline constexpr Index few_rows = 32;
void product(const Matrix& a, const Matrix& b, Matrix& c);

}  // namespace twincert::core
