#include "twincert/solver/kernels.hpp"

#include <algorithm>

#include "twincert/core/clones.hpp"

namespace twincert::solver {

TWINCERT_CLONES void reflect_column(const double* x, const double* z, const double* c, double weight, double* out, Index count) {
  if (c) {
#pragma omp simd
    for (Index i = 0; i < count; ++i) out[i] = 2.0 * x[i] - z[i] + weight * c[i];
  } else {
#pragma omp simd
    for (Index i = 0; i < count; ++i) out[i] = 2.0 * x[i] - z[i];
  }
}

TWINCERT_CLONES void average_columns(double* a, double* b, Index count) {
#pragma omp simd
  for (Index i = 0; i < count; ++i) a[i] = b[i] = 0.5 * (a[i] + b[i]);
}

TWINCERT_CLONES ColumnNorms clip_column(const double* x, const double* low, const double* high, double alpha, double* p, double* step,
                                        Index count) {
  double distance = 0.0, size = 0.0;
#pragma omp simd reduction(+ : distance, size)
  for (Index i = 0; i < count; ++i) {
    const double raised = p[i] > low[i] ? p[i] : low[i];
    const double clipped = raised < high[i] ? raised : high[i];
    const double gap = clipped - x[i];
    p[i] = clipped;
    step[i] = alpha * gap;
    distance += gap * gap;
    size += x[i] * x[i];
  }
  return {distance, size};
}

TWINCERT_CLONES DotPair dot_pair(const float* a, const float* b, const float* c, Index count) {
  float first = 0.0F, second = 0.0F;
#pragma omp simd reduction(+ : first, second)
  for (Index i = 0; i < count; ++i) {
    first += a[i] * b[i];
    second += a[i] * c[i];
  }
  return {first, second};
}

TWINCERT_CLONES void subtract_scaled(const float* a, double weight, double* y, Index count) {
#pragma omp simd
  for (Index i = 0; i < count; ++i) y[i] -= weight * static_cast<double>(a[i]);
}

}  // namespace twincert::solver
