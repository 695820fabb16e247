// The elementwise loops of an iteration, compiled for several instruction sets and chosen when the program starts.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::solver {

using core::Index;

// out = 2 x - z + weight c; c may be null.
void reflect_column(const double* x, const double* z, const double* c, double weight, double* out, Index count);

// a = b = (a + b) / 2.
void average_columns(double* a, double* b, Index count);

// What one column contributes to |P - X|^2 and |X|^2, P = clip(p, low, high).
struct ColumnNorms {
  double distance;
  double size;
};

// step = alpha (clip(p) - x), p = clip(p).
ColumnNorms clip_column(const double* x, const double* low, const double* high, double alpha, double* p, double* step, Index count);

// a.b and a.c in single precision.
struct DotPair {
  float first;
  float second;
};
DotPair dot_pair(const float* a, const float* b, const float* c, Index count);

// y -= weight a.
void subtract_scaled(const float* a, double weight, double* y, Index count);

}  // namespace twincert::solver
