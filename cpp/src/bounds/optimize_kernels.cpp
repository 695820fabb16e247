#include "twincert/bounds/optimize_kernels.hpp"

#include <cmath>

#include "twincert/bounds/vertex_shift.hpp"
#include "twincert/core/clones.hpp"

namespace twincert::bounds {
namespace {

constexpr double tiny = 1e-300;

}  // namespace

TWINCERT_CLONES void box_rows(double lower, double upper, Index count, const double* p, double* point, double* value) {
#pragma omp simd
  for (Index r = 0; r < count; ++r) {
    const double at = p[r] > 0.0 ? upper : lower;
    point[r] = at;
    value[r] += p[r] * at;
  }
}

TWINCERT_CLONES void take_rows(Index count, const double* better, const double* found, double* kept) {
#pragma omp simd
  for (Index r = 0; r < count; ++r) kept[r] = better[r] != 0.0 ? found[r] : kept[r];
}

// Rounding as in PolygonPair::relax, with the breakpoints as vertices: e = (|p| + |p'|) max |a|.
TWINCERT_CLONES void free_rows(const FreeNeuron& neuron, Index count, const double* alpha, const double* code, const double* push,
                               double* p, double* constant, double* load) {
  const double lower = neuron.lower, upper = neuron.upper, slope = neuron.slope, chord = neuron.chord;
  const double magnitude = -lower > upper ? -lower : upper;
#pragma omp simd
  for (Index r = 0; r < count; ++r) {
    const double relaxed = p[r] > 0.0 ? chord : alpha[r];
    const double side = code[r] > 0.0 ? 1.0 : slope;
    const double by_a = p[r] * (code[r] == 0.0 ? relaxed : side) + push[r];
    const double low = code[r] > 0.0 ? 0.0 : lower;
    const double high = code[r] < 0.0 ? 0.0 : upper;
    const double at_low = p[r] * (slope * low) - by_a * low;
    const double at_high = p[r] * high - by_a * high;
    const double at_ends = at_low > at_high ? at_low : at_high;
    constant[r] += at_ends > 0.0 ? at_ends : 0.0;
    load[r] += (std::abs(p[r]) + std::abs(by_a)) * magnitude;
    p[r] = by_a;
  }
}

TWINCERT_CLONES void free_points(const FreeNeuron& neuron, const AdamStep& step, Index count, const double* p, const double* code,
                                 double* alpha, double* first, double* second, double* values) {
  const double slope = neuron.slope, chord = neuron.chord;
  const double offset = (1.0 - chord) * neuron.upper;
  const AdamStep adam = step;
#pragma omp simd
  for (Index r = 0; r < count; ++r) {
    const double a = values[r];
    const bool fixed = code[r] != 0.0;
    const double side = code[r] > 0.0 ? 1.0 : slope;
    const double relaxed = p[r] > 0.0 ? chord * a + offset : alpha[r] * a;
    values[r] = fixed ? side * a : relaxed;
    const double gradient = fixed || p[r] >= 0.0 ? 0.0 : p[r] * a;
    first[r] = adam.decay1 * first[r] + (1.0 - adam.decay1) * gradient;
    second[r] = adam.decay2 * second[r] + (1.0 - adam.decay2) * gradient * gradient;
    const double moved = alpha[r] - adam.rate * (first[r] * adam.correction1) / (std::sqrt(second[r] * adam.correction2) + tiny);
    const double above = moved > slope ? moved : slope;
    alpha[r] = above < 1.0 ? above : 1.0;
  }
}

TWINCERT_CLONES void plane_rows(const PlaneTable& table, Index count, PlaneRows planes, double* p_rows, double* q_rows,
                                double* touched_rows, double* constant, double* load) {
  alignas(64) double by_f[row_chunk], by_g[row_chunk];
  const PolygonTable& polygon = table.polygon;
  for (Index start = 0; start < count; start += row_chunk) {
    const Index size = count - start < row_chunk ? count - start : row_chunk;
    double* const p = p_rows + start;
    double* const q = q_rows + start;
    const double *const f_by_x = planes.f_by_x + start, *const f_by_y = planes.f_by_y + start;
    const double *const d_by_x = planes.d_by_x + start, *const d_by_y = planes.d_by_y + start;
    const double x_scale = table.x_scale, y_scale = table.y_scale;
#pragma omp simd
    for (Index r = 0; r < size; ++r) {
      const double sum = p[r] + q[r];
      const double by_x = (sum * f_by_x[r] - q[r] * d_by_x[r]) * x_scale;
      const double by_y = (sum * f_by_y[r] - q[r] * d_by_y[r]) * y_scale;
      by_f[r] = by_x + by_y;
      by_g[r] = -by_y;
    }
    shift_above_vertices(polygon, size, by_f, by_g, p, q, constant + start, load + start, touched_rows + start);
  }
}

TWINCERT_CLONES void plane_points(const PlaneTable& table, const AdamStep& step, Index count, const double* p, const double* q,
                                  const double* touched, PlaneRows planes, double* moments, double* a_f, double* difference) {
  const AdamStep adam = step;
  alignas(64) double dx[row_chunk], dy[row_chunk];
  double* const parameters[4] = {planes.f_by_x, planes.f_by_y, planes.d_by_x, planes.d_by_y};
  for (Index start = 0; start < count; start += row_chunk) {
    const Index size = count - start < row_chunk ? count - start : row_chunk;
    const double *const f_by_x = planes.f_by_x + start, *const f_by_y = planes.f_by_y + start;
    const double *const d_by_x = planes.d_by_x + start, *const d_by_y = planes.d_by_y + start;
    const double x0 = table.x0, y0 = table.y0, x_scale = table.x_scale, y_scale = table.y_scale;
    for (Index r = 0; r < size; ++r) {
      const auto v = static_cast<std::size_t>(touched[start + r]);
      dx[r] = (a_f[start + r] - x0) * x_scale - table.x[v];
      dy[r] = (difference[start + r] - y0) * y_scale - table.y[v];
      a_f[start + r] = table.f[v] + f_by_x[r] * dx[r] + f_by_y[r] * dy[r];
      difference[start + r] = table.d[v] + d_by_x[r] * dx[r] + d_by_y[r] * dy[r];
    }
    for (Index k = 0; k < 4; ++k) {
      double* const parameter = parameters[k] + start;
      double* const first = moments + 2 * k * count + start;
      double* const second = moments + (2 * k + 1) * count + start;
      const double* const along = k % 2 == 0 ? dx : dy;
      const double p_share = k < 2 ? 1.0 : 0.0;
      const double q_share = k < 2 ? 1.0 : -1.0;
      const double rate = adam.rate * (k < 2 ? table.x_width : table.y_width);
#pragma omp simd
      for (Index r = 0; r < size; ++r) {
        const double gradient = (p_share * p[start + r] + q_share * q[start + r]) * along[r];
        first[r] = adam.decay1 * first[r] + (1.0 - adam.decay1) * gradient;
        second[r] = adam.decay2 * second[r] + (1.0 - adam.decay2) * gradient * gradient;
        parameter[r] -= rate * (first[r] * adam.correction1) / (std::sqrt(second[r] * adam.correction2) + tiny);
      }
    }
  }
}

}  // namespace twincert::bounds
