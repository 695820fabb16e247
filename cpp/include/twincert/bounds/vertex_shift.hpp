// The step that every plane over a polygon ends with, and the only one that its soundness rests on. Inlined into loops that are compiled
// for several instruction sets.
#pragma once

#include <cmath>

#include "twincert/bounds/kernels.hpp"

namespace twincert::bounds {

inline constexpr Index row_chunk = 64;  // rows at a time, at most

// Rows p F + q G become by_f a_f + by_g a_g, with the largest violation at the polygon's vertices added to their constants. `touched`, if
// given, gets the number of the vertex where it is.
[[gnu::always_inline]] inline void shift_above_vertices(const PolygonTable& polygon, Index size, const double* by_f, const double* by_g,
                                                        double* p, double* q, double* constant, double* load, double* touched) {
  alignas(64) double violation[row_chunk];
  for (std::size_t j = 0; j < polygon.vertices; ++j) {
    const double a_f = polygon.a_f[j], a_g = polygon.a_g[j], f = polygon.f[j], g = polygon.g[j];
    const auto number = static_cast<double>(j);
    if (j == 0) {
#pragma omp simd
      for (Index r = 0; r < size; ++r) violation[r] = p[r] * f + q[r] * g - by_f[r] * a_f - by_g[r] * a_g;
      for (Index r = 0; touched && r < size; ++r) touched[r] = number;
    } else if (touched) {
#pragma omp simd
      for (Index r = 0; r < size; ++r) {
        const double excess = p[r] * f + q[r] * g - by_f[r] * a_f - by_g[r] * a_g;
        touched[r] = excess > violation[r] ? number : touched[r];
        violation[r] = excess > violation[r] ? excess : violation[r];
      }
    } else {
#pragma omp simd
      for (Index r = 0; r < size; ++r) {
        const double excess = p[r] * f + q[r] * g - by_f[r] * a_f - by_g[r] * a_g;
        violation[r] = excess > violation[r] ? excess : violation[r];
      }
    }
  }
  const double reference_load = polygon.reference_load, compressed_load = polygon.compressed_load;
#pragma omp simd
  for (Index r = 0; r < size; ++r) {
    load[r] += (std::abs(p[r]) + std::abs(by_f[r])) * reference_load + (std::abs(q[r]) + std::abs(by_g[r])) * compressed_load;
    constant[r] += violation[r];
    p[r] = by_f[r];
    q[r] = by_g[r];
  }
}

}  // namespace twincert::bounds
