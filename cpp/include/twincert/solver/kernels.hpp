// The loops of an iteration that no BLAS has, compiled for several instruction sets and chosen when the program starts. In double and
// single precision alike.
#pragma once

#include <cstdint>

#include "twincert/core/types.hpp"

namespace twincert::solver {

using core::Index;

// out = 2 x - z + c; c may be null.
void reflect_column(const double* x, const double* z, const double* c, double* out, Index count);
void reflect_column(const float* x, const float* z, const float* c, float* out, Index count);

// a = b = (a + b) / 2.
void average_columns(double* a, double* b, Index count);
void average_columns(float* a, float* b, Index count);

// One column of a step. `p` is the reflected point after averaging, `x` the projected one; they become what clipping and averaging took
// away from the reflected point, and x - z.
template <class Scalar>
struct ClipColumn {
  Scalar* x;
  const Scalar* z;
  const Scalar* c;  // may be null
  const Scalar* low;
  const Scalar* high;
  Scalar* p;
  Scalar* step;  // alpha (clip(p) - x)
};

// What it contributes to |clip(P) - X|^2 and |X|^2, and how many entries of p are not zero afterwards.
template <class Scalar>
struct ColumnSums {
  Scalar distance;
  Scalar size;
  Scalar taken;
};
ColumnSums<double> clip_column(const ClipColumn<double>& column, double alpha, Index count);
ColumnSums<float> clip_column(const ClipColumn<float>& column, float alpha, Index count);

// out = the sum of weights[k] times column which[k].
void combine_columns(const double* columns, Index stride, const std::int32_t* which, const double* weights, Index count, double* out,
                     Index length);
void combine_columns(const float* columns, Index stride, const std::int32_t* which, const float* weights, Index count, float* out,
                     Index length);

// a.b and a.c in single precision.
struct DotPair {
  float first;
  float second;
};
DotPair dot_pair(const float* a, const float* b, const float* c, Index count);

// y -= weight a.
void subtract_scaled(const float* a, double weight, double* y, Index count);
void subtract_scaled(const float* a, double weight, float* y, Index count);

}  // namespace twincert::solver
