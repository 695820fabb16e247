#include "twincert/bounds/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "twincert/core/clones.hpp"
#include "twincert/core/lanes.hpp"

namespace twincert::bounds {
namespace {

constexpr Index sector_chunk = 64;  // rows at a time

// Four thresholds at once: fewer passes over the rows' counts.
[[gnu::always_inline]] inline void count_passed(std::size_t thresholds, const double* at, Index size, const double* s, const double* t,
                                                double* passed) {
  for (std::size_t i = 0; i < thresholds; i += 4) {
    const double at0 = at[i], at1 = at[i + 1], at2 = at[i + 2], at3 = at[i + 3];
#pragma omp simd
    for (Index r = 0; r < size; ++r) {
      const double first = (s[r] > at0 * t[r] ? 1.0 : 0.0) + (s[r] > at1 * t[r] ? 1.0 : 0.0);
      const double second = (s[r] > at2 * t[r] ? 1.0 : 0.0) + (s[r] > at3 * t[r] ? 1.0 : 0.0);
      passed[r] += first + second;
    }
  }
}

// The planes of four rows, each of which gives one number of every kind.
template <class Numbers>
[[gnu::always_inline]] inline void take_planes(const Numbers& numbers, Index first, const double* s, const double* t, double load_floor,
                                               double* p, double* q, double* constant, double* load) {
  using core::Lanes;
  Lanes row[core::lanes];
  for (Index l = 0; l < core::lanes; ++l) {
    const Lanes* const plane = reinterpret_cast<const Lanes*>(numbers(first + l));
    row[l] = s[first + l] * plane[0] + t[first + l] * plane[1];
  }
  using Places [[gnu::vector_size(32)]] = std::int64_t;
  const Lanes even_low = __builtin_shuffle(row[0], row[1], Places{0, 4, 2, 6}),
              odd_low = __builtin_shuffle(row[0], row[1], Places{1, 5, 3, 7});
  const Lanes even_high = __builtin_shuffle(row[2], row[3], Places{0, 4, 2, 6}),
              odd_high = __builtin_shuffle(row[2], row[3], Places{1, 5, 3, 7});
  const auto at = [first](double* values) -> Lanes& { return *reinterpret_cast<Lanes*>(values + first); };
  at(p) = __builtin_shuffle(even_low, even_high, Places{0, 1, 4, 5});
  at(q) = __builtin_shuffle(odd_low, odd_high, Places{0, 1, 4, 5});
  at(constant) += __builtin_shuffle(even_low, even_high, Places{2, 3, 6, 7});
  at(load) += __builtin_shuffle(odd_low, odd_high, Places{2, 3, 6, 7}) + load_floor;
}

}  // namespace

TWINCERT_CLONES void sector_rows(const SectorTable& sectors, Index count, double* p_rows, double* q_rows, double* constant, double* load) {
  alignas(64) double s[sector_chunk], t[sector_chunk], above[sector_chunk], below[sector_chunk];
  for (Index first = 0; first < count; first += sector_chunk) {
    const Index size = std::min(sector_chunk, count - first);
    double* const p = p_rows + first;
    double* const q = q_rows + first;
    double* const own_constant = constant + first;
    double* const own_load = load + first;
#pragma omp simd
    for (Index r = 0; r < size; ++r) {
      s[r] = p[r] + q[r];
      t[r] = std::abs(q[r]);
      above[r] = 0.0;
      below[r] = sectors.first_below;
    }
    count_passed(sectors.above, sectors.above_at, size, s, t, above);
    count_passed(sectors.below, sectors.below_at, size, s, t, below);
#pragma omp simd
    for (Index r = 0; r < size; ++r) {
      above[r] = q[r] > 0.0 ? below[r] : above[r];
      s[r] = std::abs(s[r]);
    }
    const auto numbers = [&](Index r) {
      return sectors.planes + static_cast<std::ptrdiff_t>(plane_size) * static_cast<std::ptrdiff_t>(above[r]);
    };
    Index r = 0;
    for (; r + core::lanes <= size; r += core::lanes) take_planes(numbers, r, s, t, sectors.load_floor, p, q, own_constant, own_load);
    for (; r < size; ++r) {
      const double* const plane = numbers(r);
      const auto value = [&](Index l) { return s[r] * plane[l] + t[r] * plane[4 + l]; };
      p[r] = value(0);
      q[r] = value(1);
      own_constant[r] += value(2);
      own_load[r] += value(3) + sectors.load_floor;
    }
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

// Four columns at once: fewer passes over the sums.
TWINCERT_CLONES void affine_rows(Index columns, const double* bias, const double* weight, Index count, const double* rows, double* shift,
                                 double* load) {
  std::fill(shift, shift + count, 0.0);
  std::fill(load, load + count, 0.0);
  Index j = 0;
  for (; j + 4 <= columns; j += 4) {
    const double *const p0 = rows + j * count, *const p1 = p0 + count, *const p2 = p1 + count, *const p3 = p2 + count;
    const double *const b = bias + j, *const w = weight + j;
#pragma omp simd
    for (Index r = 0; r < count; ++r) {
      shift[r] += (p0[r] * b[0] + p1[r] * b[1]) + (p2[r] * b[2] + p3[r] * b[3]);
      load[r] += (std::abs(p0[r]) * w[0] + std::abs(p1[r]) * w[1]) + (std::abs(p2[r]) * w[2] + std::abs(p3[r]) * w[3]);
    }
  }
  for (; j < columns; ++j) {
    const double* const p = rows + j * count;
    const double b = bias[j], w = weight[j];
#pragma omp simd
    for (Index r = 0; r < count; ++r) {
      shift[r] += p[r] * b;
      load[r] += std::abs(p[r]) * w;
    }
  }
}

}  // namespace twincert::bounds
