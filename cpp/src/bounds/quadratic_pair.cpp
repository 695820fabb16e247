#include "twincert/bounds/quadratic_pair.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "twincert/bounds/vertex_shift.hpp"
#include "twincert/core/clones.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double tiny = 1e-300;
constexpr double softness = 0.02;  // of the choice between pieces, relative to the parabola's reach
constexpr std::size_t most_vertices = 32;
constexpr std::size_t most_segments = 64;

// The cells of two kinks at zero.
struct Cell {
  bool above_f, above_g;

  bool contains(const PolygonTable& polygon, std::size_t v) const {
    return (above_f ? polygon.a_f[v] >= 0.0 : polygon.a_f[v] <= 0.0) && (above_g ? polygon.a_g[v] >= 0.0 : polygon.a_g[v] <= 0.0);
  }
};
constexpr std::array<Cell, 4> cells{{{true, true}, {true, false}, {false, true}, {false, false}}};

// Where linear - kappa l^2 is largest on the segments between points (l, linear), about.
double best_middle(const double* l, const double* linear, std::size_t count, double kappa) {
  double best = -infinity, at = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i; j < count; ++j) {
      const double step = l[j] - l[i];
      const double curve = 2.0 * kappa * step * step;
      const double share = curve > 0.0 ? std::clamp((linear[j] - linear[i] - 2.0 * kappa * l[i] * step) / curve, 0.0, 1.0) : 0.0;
      for (const double along : {share, linear[j] > linear[i] ? 1.0 : 0.0}) {
        const double middle = l[i] + along * step;
        const double value = linear[i] + along * (linear[j] - linear[i]) - kappa * middle * middle;
        if (value > best) {
          best = value;
          at = middle;
        }
      }
    }
  }
  return at;
}

}  // namespace

PairOffset pair_offset(const PolygonTable& polygon, const PairParabola& parabola, double middle_f, double middle_g) {
  const auto [p, q, by_f, by_g, kappa] = parabola;
  std::array<double, most_vertices> l, linear;
  PairOffset result{-infinity, 0.0};
  double farthest = 0.0;
  for (const Cell& cell : cells) {
    std::size_t count = 0;
    for (std::size_t v = 0; v < polygon.vertices; ++v) {
      if (!cell.contains(polygon, v)) continue;
      l[count] = p * (polygon.a_f[v] - middle_f) + q * (polygon.a_g[v] - middle_g);
      linear[count] = p * polygon.f[v] + q * polygon.g[v] - by_f * polygon.a_f[v] - by_g * polygon.a_g[v];
      ++count;
    }
    const double m = best_middle(l.data(), linear.data(), count, kappa);
    farthest = std::max(farthest, std::abs(m));
    for (std::size_t v = 0; v < count; ++v) {
      const double value = linear[v] - kappa * m * (2.0 * l[v] - m);
      result.value = std::isnan(value) ? infinity : std::max(result.value, value);
    }
  }
  const double size =
      std::abs(p) * (polygon.reference_load + std::abs(middle_f)) + std::abs(q) * (polygon.compressed_load + std::abs(middle_g));
  result.load = (std::abs(p) + std::abs(by_f)) * polygon.reference_load + (std::abs(q) + std::abs(by_g)) * polygon.compressed_load +
                kappa * farthest * (2.0 * size + farthest);
  return result;
}

PairBoundary::PairBoundary(const PolygonTable& polygon, double middle_f, double middle_change)
    : middle_x(middle_f), middle_y(middle_change) {
  const auto end = static_cast<std::ptrdiff_t>(polygon.vertices);
  const auto [x_low, x_high] = std::minmax_element(polygon.a_f, polygon.a_f + end);
  const auto [y_low, y_high] = std::minmax_element(polygon.difference, polygon.difference + end);
  width_x = *x_high - *x_low;
  width_y = *y_high - *y_low;
  const auto on_a_line = [&](std::size_t i, std::size_t j) {
    return polygon.a_f[i] == polygon.a_f[j] || polygon.a_g[i] == polygon.a_g[j] || polygon.difference[i] == polygon.difference[j];
  };
  for (std::size_t i = 0; i < polygon.vertices; ++i) {
    for (std::size_t j = i + 1; j < polygon.vertices && x.size() < most_segments; ++j) {
      const bool together =
          std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) { return cell.contains(polygon, i) && cell.contains(polygon, j); });
      if (!together || !on_a_line(i, j)) continue;
      const double change = polygon.f[i] - polygon.g[i];
      x.push_back(polygon.a_f[i] - middle_x);
      y.push_back(polygon.difference[i] - middle_y);
      f.push_back(polygon.f[i]);
      e.push_back(change);
      dx.push_back(polygon.a_f[j] - polygon.a_f[i]);
      dy.push_back(polygon.difference[j] - polygon.difference[i]);
      df.push_back(polygon.f[j] - polygon.f[i]);
      de.push_back(polygon.f[j] - polygon.g[j] - change);
    }
  }
}

TWINCERT_CLONES void pair_peaks(const PairBoundary& boundary, Index count, const double* s_rows, const double* t_rows,
                                const double* by_x_rows, const double* by_y_rows, const double* kappa_rows, const PairPeaks& peaks) {
  alignas(64) double share[most_segments][row_chunk], value[most_segments][row_chunk];
  alignas(64) double top[row_chunk], reach[row_chunk];
  const std::size_t segments = boundary.x.size();
  const double middle_x = boundary.middle_x, middle_y = boundary.middle_y;
  for (Index start = 0; start < count; start += row_chunk) {
    const Index size = count - start < row_chunk ? count - start : row_chunk;
    const double *const s = s_rows + start, *const t = t_rows + start, *const kappa = kappa_rows + start;
    const double *const by_x = by_x_rows + start, *const by_y = by_y_rows + start;
    for (Index r = 0; r < size; ++r) {
      top[r] = -infinity;
      reach[r] = 0.0;
    }
    for (std::size_t k = 0; k < segments; ++k) {
      const double x = boundary.x[k], y = boundary.y[k], dx = boundary.dx[k], dy = boundary.dy[k];
#pragma omp simd
      for (Index r = 0; r < size; ++r) {
        const double l = s[r] * x + t[r] * y, end = l + s[r] * dx + t[r] * dy;
        const double first = std::abs(l), second = std::abs(end);
        const double larger = first > second ? first : second;
        reach[r] = larger > reach[r] ? larger : reach[r];
      }
    }
    for (std::size_t k = 0; k < segments; ++k) {
      const double x = boundary.x[k], y = boundary.y[k], dx = boundary.dx[k], dy = boundary.dy[k];
      const double f = boundary.f[k], e = boundary.e[k], df = boundary.df[k], de = boundary.de[k];
#pragma omp simd
      for (Index r = 0; r < size; ++r) {
        const double l = s[r] * x + t[r] * y, step = s[r] * dx + t[r] * dy;
        const double linear = s[r] * f + t[r] * e - by_x[r] * (x + middle_x) - by_y[r] * (y + middle_y);
        const double rise = s[r] * df + t[r] * de - by_x[r] * dx - by_y[r] * dy;
        const double curve = kappa[r] * step * step;
        // The maximum's place; an almost straight piece moves it to the middle instead of to an end that rounding would choose.
        const double place = 0.5 + (rise - 2.0 * kappa[r] * l * step - curve) / (2.0 * curve + softness * softness * reach[r] + tiny);
        const double above = place > 0.0 ? place : 0.0;
        const double within = above < 1.0 ? above : 1.0;
        const double at = l + within * step;
        const double peak = linear + within * rise - kappa[r] * at * at;
        share[k][r] = within;
        value[k][r] = peak;
        top[r] = peak > top[r] ? peak : top[r];
      }
    }
    alignas(64) double total[row_chunk] = {}, sum_x[row_chunk] = {}, sum_y[row_chunk] = {}, sum_s[row_chunk] = {}, sum_t[row_chunk] = {},
                       sum_square[row_chunk] = {};
    for (std::size_t k = 0; k < segments; ++k) {
      const double x = boundary.x[k], y = boundary.y[k], dx = boundary.dx[k], dy = boundary.dy[k];
      const double f = boundary.f[k], e = boundary.e[k], df = boundary.df[k], de = boundary.de[k];
#pragma omp simd
      for (Index r = 0; r < size; ++r) {
        const double near = 1.0 - (top[r] - value[k][r]) / (softness * reach[r] + tiny);
        const double weight = near > 0.0 ? near * near : 0.0;
        const double at_x = x + share[k][r] * dx, at_y = y + share[k][r] * dy;
        const double l = s[r] * at_x + t[r] * at_y;
        total[r] += weight;
        sum_x[r] += weight * at_x;
        sum_y[r] += weight * at_y;
        sum_s[r] += weight * (f + share[k][r] * df - 2.0 * kappa[r] * l * at_x);
        sum_t[r] += weight * (e + share[k][r] * de - 2.0 * kappa[r] * l * at_y);
        sum_square[r] += weight * l * l;
      }
    }
#pragma omp simd
    for (Index r = 0; r < size; ++r) {
      const double inverse = 1.0 / total[r];
      peaks.x[start + r] = middle_x + sum_x[r] * inverse;
      peaks.y[start + r] = middle_y + sum_y[r] * inverse;
      peaks.by_s[start + r] = sum_s[r] * inverse;
      peaks.by_t[start + r] = sum_t[r] * inverse;
      peaks.square[start + r] = sum_square[r] * inverse;
      peaks.reach[start + r] = reach[r];
    }
  }
}

}  // namespace twincert::bounds
