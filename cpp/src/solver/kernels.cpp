#include "twincert/solver/kernels.hpp"

#include <algorithm>

#include "twincert/core/clones.hpp"

namespace twincert::solver {
namespace {

// 32 bytes that are worked on at once, wherever they lie in memory.
template <class Scalar>
struct Pack {
  typedef Scalar type __attribute__((vector_size(32), aligned(alignof(Scalar)), may_alias));
  static constexpr Index size = 32 / sizeof(Scalar);
};

template <class Scalar>
[[gnu::always_inline]] inline void reflect(const Scalar* x, const Scalar* z, const Scalar* c, Scalar* out, Index count) {
  if (c) {
#pragma omp simd
    for (Index i = 0; i < count; ++i) out[i] = 2 * x[i] - z[i] + c[i];
  } else {
#pragma omp simd
    for (Index i = 0; i < count; ++i) out[i] = 2 * x[i] - z[i];
  }
}

template <class Scalar>
[[gnu::always_inline]] inline void average(Scalar* a, Scalar* b, Index count) {
#pragma omp simd
  for (Index i = 0; i < count; ++i) a[i] = b[i] = Scalar(0.5) * (a[i] + b[i]);
}

template <bool has_objective, class Scalar>
[[gnu::always_inline]] inline ColumnSums<Scalar> clip(const ClipColumn<Scalar>& column, Scalar alpha, Index count) {
  const auto [x, z, c, low, high, p, step] = column;
  Scalar distance = 0, size = 0, taken = 0;
#pragma omp simd reduction(+ : distance, size, taken)
  for (Index i = 0; i < count; ++i) {
    const Scalar reflected = has_objective ? 2 * x[i] - z[i] + c[i] : 2 * x[i] - z[i];
    const Scalar raised = p[i] > low[i] ? p[i] : low[i];
    const Scalar clipped = raised < high[i] ? raised : high[i];
    const Scalar gap = clipped - x[i], cut = reflected - clipped;
    distance += gap * gap;
    size += x[i] * x[i];
    taken += cut != 0 ? Scalar(1) : Scalar(0);
    step[i] = alpha * gap;
    p[i] = cut;
    x[i] -= z[i];
  }
  return {distance, size, taken};
}

template <Index packs, class Scalar>
[[gnu::always_inline]] inline void combine_block(const Scalar* columns, Index stride, const std::int32_t* which, const Scalar* weights,
                                                 Index count, Scalar* out) {
  using Type = typename Pack<Scalar>::type;
  Type sum[packs] = {};
  for (Index k = 0; k < count; ++k) {
    const auto* column = reinterpret_cast<const Type*>(columns + which[k] * stride);
    for (Index j = 0; j < packs; ++j) sum[j] += weights[k] * column[j];
  }
  for (Index j = 0; j < packs; ++j) reinterpret_cast<Type*>(out)[j] = sum[j];
}

template <class Scalar>
[[gnu::always_inline]] inline void combine(const Scalar* columns, Index stride, const std::int32_t* which, const Scalar* weights,
                                           Index count, Scalar* out, Index length) {
  constexpr Index pack = Pack<Scalar>::size;
  Index i = 0;
  for (; i + 8 * pack <= length; i += 8 * pack) combine_block<8>(columns + i, stride, which, weights, count, out + i);
  for (; i + pack <= length; i += pack) combine_block<1>(columns + i, stride, which, weights, count, out + i);
  for (; i < length; ++i) {
    Scalar sum = 0;
    for (Index k = 0; k < count; ++k) sum += weights[k] * columns[which[k] * stride + i];
    out[i] = sum;
  }
}

}  // namespace

TWINCERT_CLONES void reflect_column(const double* x, const double* z, const double* c, double* out, Index count) {
  reflect(x, z, c, out, count);
}
TWINCERT_CLONES void reflect_column(const float* x, const float* z, const float* c, float* out, Index count) {
  reflect(x, z, c, out, count);
}

TWINCERT_CLONES void average_columns(double* a, double* b, Index count) { average(a, b, count); }
TWINCERT_CLONES void average_columns(float* a, float* b, Index count) { average(a, b, count); }

TWINCERT_CLONES ColumnSums<double> clip_column(const ClipColumn<double>& column, double alpha, Index count) {
  return column.c ? clip<true>(column, alpha, count) : clip<false>(column, alpha, count);
}
TWINCERT_CLONES ColumnSums<float> clip_column(const ClipColumn<float>& column, float alpha, Index count) {
  return column.c ? clip<true>(column, alpha, count) : clip<false>(column, alpha, count);
}

TWINCERT_CLONES void combine_columns(const double* columns, Index stride, const std::int32_t* which, const double* weights, Index count,
                                     double* out, Index length) {
  combine(columns, stride, which, weights, count, out, length);
}
TWINCERT_CLONES void combine_columns(const float* columns, Index stride, const std::int32_t* which, const float* weights, Index count,
                                     float* out, Index length) {
  combine(columns, stride, which, weights, count, out, length);
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
TWINCERT_CLONES void subtract_scaled(const float* a, double weight, float* y, Index count) {
  const auto factor = static_cast<float>(weight);
#pragma omp simd
  for (Index i = 0; i < count; ++i) y[i] -= factor * a[i];
}

}  // namespace twincert::solver
