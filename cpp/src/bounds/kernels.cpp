#include "twincert/bounds/kernels.hpp"

#include <algorithm>
#include <cmath>

#include "twincert/bounds/vertex_shift.hpp"
#include "twincert/core/clones.hpp"

namespace twincert::bounds {
TWINCERT_CLONES void polygon_rows(const PolygonTable& polygon, Index count, double* p_rows, double* q_rows, double* constant,
                                  double* load) {
  alignas(64) double best[row_chunk], by_f[row_chunk], by_g[row_chunk];
  const std::size_t facets = polygon.facets;
  for (Index first = 0; first < count; first += row_chunk) {
    const Index size = std::min(row_chunk, count - first);
    double* const p = p_rows + first;
    double* const q = q_rows + first;
    for (std::size_t k = 0; k < facets; ++k) {
      const double value_f = polygon.value_f[k], value_g = polygon.value_g[k];
      const double f_by_f = polygon.f_by_f[k], f_by_g = polygon.f_by_g[k];
      const double g_by_f = polygon.g_by_f[k], g_by_g = polygon.g_by_g[k];
      if (k == 0) {
#pragma omp simd
        for (Index r = 0; r < size; ++r) {
          best[r] = p[r] * value_f + q[r] * value_g;
          by_f[r] = p[r] * f_by_f + q[r] * g_by_f;
          by_g[r] = p[r] * f_by_g + q[r] * g_by_g;
        }
        continue;
      }
#pragma omp simd
      for (Index r = 0; r < size; ++r) {
        const double value = p[r] * value_f + q[r] * value_g;
        const double new_f = p[r] * f_by_f + q[r] * g_by_f;
        const double new_g = p[r] * f_by_g + q[r] * g_by_g;
        const bool better = value > best[r];
        best[r] = better ? value : best[r];
        by_f[r] = better ? new_f : by_f[r];
        by_g[r] = better ? new_g : by_g[r];
      }
    }
    shift_above_vertices(polygon, size, by_f, by_g, p, q, constant + first, load + first, nullptr);
  }
}

TWINCERT_CLONES void line_rows(double lower_slope, double lower_intercept, double upper_slope, double upper_intercept, double line_load,
                               Index count, double* p, double* constant, double* load) {
#pragma omp simd
  for (Index r = 0; r < count; ++r) {
    const double positive = p[r] > 0.0 ? p[r] : 0.0;
    const double negative = p[r] < 0.0 ? p[r] : 0.0;
    load[r] += std::abs(p[r]) * line_load;
    constant[r] += positive * upper_intercept + negative * lower_intercept;
    p[r] = positive * upper_slope + negative * lower_slope;
  }
}

TWINCERT_CLONES void affine_rows(double bias, double weight, Index count, const double* p, double* shift, double* load) {
#pragma omp simd
  for (Index r = 0; r < count; ++r) {
    shift[r] += p[r] * bias;
    load[r] += std::abs(p[r]) * weight;
  }
}

}  // namespace twincert::bounds
