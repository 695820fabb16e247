#include "twincert/bounds/sectors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "twincert/core/clones.hpp"
#include "twincert/core/interval.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Sums of products of numbers up to these do not overflow.
constexpr double largest_reach = 0x1p500;
constexpr double largest_ratio = 0x1p100;  // beyond, a sector is taken to have no end
constexpr std::size_t lanes = 4;

double outwards(double x) { return x == 0.0 ? 0.0 : core::next_up(x * (1.0 + 8.0 * core::unit_roundoff)); }
double inwards(double x) { return x == 0.0 ? 0.0 : core::next_down(x * (1.0 - 8.0 * core::unit_roundoff)); }

// gamma(8) reach and denormals, for a reach that was summed up with a few roundings.
double raise(double reach) { return core::gamma(16) * reach + 16.0 * core::underflow_unit; }

}  // namespace

// S_j and D_j of one facet for positive signs, as computed, and what both are raised by.
struct PolygonSectors::Violations {
  static constexpr std::size_t capacity = 32;
  alignas(32) std::array<double, capacity> s, d;
  std::size_t count;  // a multiple of `lanes`: the last vertex is repeated
  double s_reach, d_reach, s_error, d_error;

  Violations(const PolygonTable& polygon, const SectorFacet& facet) {
    const double reference = polygon.reference_load, compressed = polygon.compressed_load;
    s_reach = reference + std::abs(facet.f_by_f) * reference + std::abs(facet.f_by_g) * compressed;
    d_reach = reference + compressed + std::abs(facet.change_by_f) * reference + std::abs(facet.change_by_g) * compressed;
    s_error = raise(s_reach);
    d_error = raise(d_reach);
    for (std::size_t j = 0; j < polygon.vertices; ++j) {
      s[j] = polygon.f[j] - facet.f_by_f * polygon.a_f[j] - facet.f_by_g * polygon.a_g[j];
      d[j] = polygon.f[j] - polygon.g[j] - facet.change_by_f * polygon.a_f[j] - facet.change_by_g * polygon.a_g[j];
    }
    count = polygon.vertices;
    for (; count % lanes != 0; ++count) {
      s[count] = s[count - 1];
      d[count] = d[count - 1];
    }
  }

  // An upper bound of the largest S_j.
  double largest_s(double sign) const {
    double largest = -infinity;
    for (std::size_t j = 0; j < count; ++j) largest = std::max(largest, sign * s[j]);
    return core::add_up(largest, s_error);
  }
};

namespace {

// An upper bound of x (S_j - by_s) + D_j over all vertices, for x = x1 and x = x2.
TWINCERT_CLONES double largest_excess(std::size_t count, const double* s, const double* d, double s_sign, double d_sign, double s_error,
                                      double d_error, double by_s, double x1, double x2) {
  std::array<double, lanes> largest;
  largest.fill(-infinity);
  for (std::size_t j = 0; j < count; j += lanes) {
    for (std::size_t l = 0; l < lanes; ++l) {
      const double difference = s_sign * s[j + l] - by_s;
      const double raised = difference + s_error, scale = std::abs(difference) + s_error;
      const double by_d = d_sign * d[j + l] + d_error, d_scale = std::abs(by_d);
      // Six roundings, each of a number that is part of x scale + d_scale; d_error's denormals pay for underflow.
      const double first = x1 * raised + by_d + 8.0 * core::unit_roundoff * (x1 * scale + d_scale);
      const double second = x2 * raised + by_d + 8.0 * core::unit_roundoff * (x2 * scale + d_scale);
      const double larger = first > second ? first : second;
      largest[l] = larger > largest[l] ? larger : largest[l];
    }
  }
  return std::max({largest[0], largest[1], largest[2], largest[3]});
}

}  // namespace

// Kept between searches, as FacetSearch keeps its workspace.
std::vector<PolygonSectors::Violations>& PolygonSectors::own_violations() {
  thread_local std::vector<Violations> violations;
  return violations;
}

void PolygonSectors::build(const PolygonTable& polygon, const std::vector<SectorFacet>& facets, const std::vector<std::size_t>& above,
                           const std::vector<std::size_t>& below) {
  planes_.clear();
  planes_.reserve(plane_size * (above.size() + below.size() + 2));
  load_floor_ = 0x1p-1000;
  std::vector<Violations>& violations = own_violations();
  violations.clear();
  for (const SectorFacet& facet : facets) violations.emplace_back(polygon, facet);
  add_chain(facets, violations, above, 1.0, above_);
  first_below_ = planes_.size() / plane_size;
  add_chain(facets, violations, below, -1.0, below_);
}

// Facets give way to each other at s / |t| = -sign (change in C) / (change in F), which grows along the chain.
void PolygonSectors::add_chain(const std::vector<SectorFacet>& facets, const std::vector<Violations>& violations,
                               const std::vector<std::size_t>& order, double t_sign, Thresholds& thresholds) {
  std::array<std::size_t, facet_capacity> chain;
  std::size_t length = 0;
  for (const std::size_t k : order) {
    // Of two that are as far to the right one is never better.
    if (length > 0 && !(facets[k].f > facets[chain[length - 1]].f)) {
      if (!(t_sign * facets[k].change > t_sign * facets[chain[length - 1]].change)) continue;
      --length;
    }
    if (length < facet_capacity) chain[length++] = k;
  }
  // Facet n is used from from[n] to from[n + 1].
  std::array<double, facet_capacity + 1> from;
  from[0] = -infinity;
  for (std::size_t n = 1; n < length; ++n) {
    const SectorFacet &left = facets[chain[n - 1]], &right = facets[chain[n]];
    const double ratio = -t_sign * (right.change - left.change) / (right.f - left.f);
    from[n] = std::max(from[n - 1], std::abs(ratio) < largest_ratio ? ratio : std::copysign(largest_ratio, ratio));
  }
  from[length] = infinity;
  thresholds.count = 0;
  double begin = -infinity;
  for (std::size_t n = 0; n < length; ++n) {
    const Violations& own = violations[chain[n]];
    const SectorFacet& facet = facets[chain[n]];
    const auto add = [&](double end) {
      const bool positive = begin >= 0.0;
      add_sector(own, facet, positive ? 1.0 : -1.0, t_sign, positive ? begin : -end, positive ? end : -begin);
      if (end < infinity) thresholds.at[thresholds.count++] = end;
      begin = end;
    };
    if (begin < 0.0 && from[n + 1] > 0.0) add(0.0);
    add(from[n + 1]);
  }
  // Nothing is above infinity.
  while (thresholds.count % lanes != 0) thresholds.at[thresholds.count++] = infinity;
}

void PolygonSectors::add_sector(const Violations& violations, const SectorFacet& facet, double s_sign, double t_sign, double x1,
                                double x2) {
  double by_s = infinity, by_t = infinity;
  if (violations.s_reach <= largest_reach && violations.d_reach <= largest_reach) {
    x1 = inwards(x1);
    if (x2 < largest_ratio) {
      x2 = outwards(x2);
      by_s = s_sign * violations.s[facet.touched[0]];
      for (const std::size_t j : facet.touched) by_s = std::max(by_s, s_sign * violations.s[j]);
      by_s += 4.0 * violations.s_error;  // so that rounding of s does not look like a violation
    } else {
      by_s = violations.largest_s(s_sign);
      x2 = x1;
    }
    by_t = largest_excess(violations.count, violations.s.data(), violations.d.data(), s_sign, t_sign, violations.s_error,
                          violations.d_error, by_s, x1, x2);
  }
  const double s_load = violations.s_reach + std::abs(by_s), t_load = violations.d_reach + std::abs(by_t);
  planes_.insert(planes_.end(), {s_sign * facet.f_by_f, s_sign * facet.f_by_g, by_s, s_load, t_sign * facet.change_by_f,
                                 t_sign * facet.change_by_g, by_t, t_load});
  load_floor_ = std::max(load_floor_, 0x1p-1000 * (1.0 + s_load + t_load));
}

SectorTable PolygonSectors::table() const {
  return {above_.count, above_.at.data(), below_.count, below_.at.data(), planes_.data(), static_cast<double>(first_below_), load_floor_};
}

}  // namespace twincert::bounds
