#include "twincert/bounds/sectors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "twincert/core/clones.hpp"
#include "twincert/core/interval.hpp"
#include "twincert/core/lanes.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Sums of products of numbers up to these do not overflow.
constexpr double largest_reach = 0x1p500;
constexpr double largest_ratio = 0x1p100;
constexpr std::size_t lanes = core::lanes;
constexpr double load_share = 0.25;

double outwards(double x) { return x == 0.0 ? 0.0 : core::next_up(x * (1.0 + 8.0 * core::unit_roundoff)); }
double inwards(double x) { return x == 0.0 ? 0.0 : core::next_down(x * (1.0 - 8.0 * core::unit_roundoff)); }

double raise(double reach) { return core::gamma(8) * reach + 16.0 * core::underflow_unit; }

TWINCERT_CLONES void fill_violations(const PolygonTable& polygon, const SectorFacet& facet, double* s, double* d) {
  const double *const a_f = polygon.a_f, *const a_g = polygon.a_g, *const f = polygon.f, *const g = polygon.g;
  for (std::size_t j = 0; j < polygon.vertices; ++j) {
    s[j] = f[j] - facet.f_by_f * a_f[j] - facet.f_by_g * a_g[j];
    d[j] = f[j] - g[j] - facet.change_by_f * a_f[j] - facet.change_by_g * a_g[j];
  }
}

// S_j and D_j of one facet for positive signs, as computed, and what both are raised by.
struct Violations {
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
    fill_violations(polygon, facet, s.data(), d.data());
    count = polygon.vertices;
    for (; count % lanes != 0; ++count) {
      s[count] = s[count - 1];
      d[count] = d[count - 1];
    }
  }

  // Beyond this |s| / |t| a sector is taken to have no end: there S is known too little to tell where it would be.
  double longest() const { return 0x1p36 * (d_reach / s_reach); }
  bool usable() const { return s_reach <= largest_reach && d_reach <= largest_reach; }

  // The largest S_j or D_j of the facet's own vertices, raised by more than rounding, which is to look like no violation.
  double own(const std::array<double, capacity>& values, double sign, double error, const SectorFacet& facet) const {
    double largest = sign * values[facet.touched[0]];
    for (const std::size_t j : facet.touched) largest = std::max(largest, sign * values[j]);
    return largest + error;
  }

  // An upper bound of the largest S_j.
  double largest_s(double sign) const {
    double largest = -infinity;
    for (std::size_t j = 0; j < count; ++j) largest = std::max(largest, sign * s[j]);
    return core::add_up(largest, s_error);
  }
};

// An upper bound of x (S_j - by_s) + D_j over all vertices, for x = x1 and x = x2.
TWINCERT_CLONES double largest_excess(std::size_t count, const double* s, const double* d, double s_sign, double d_sign, double s_error,
                                      double d_error, double by_s, double x1, double x2) {
  using core::Lanes;
  Lanes largest = Lanes{} - infinity;
  for (std::size_t j = 0; j < count; j += lanes) {
    const Lanes difference = s_sign * *reinterpret_cast<const Lanes*>(s + j) - by_s;
    const Lanes raised = difference + s_error, scale = (difference < 0.0 ? -difference : difference) + s_error;
    const Lanes by_d = d_sign * *reinterpret_cast<const Lanes*>(d + j) + d_error, d_scale = by_d < 0.0 ? -by_d : by_d;
    // Six roundings, each of a number that is part of x scale + d_scale; d_error's denormals pay for underflow.
    const Lanes first = x1 * raised + by_d + 8.0 * core::unit_roundoff * (x1 * scale + d_scale);
    const Lanes second = x2 * raised + by_d + 8.0 * core::unit_roundoff * (x2 * scale + d_scale);
    const Lanes larger = first > second ? first : second;
    largest = larger > largest ? larger : largest;
  }
  return std::max({largest[0], largest[1], largest[2], largest[3]});
}

// T_s and T_t of a sector.
struct Shift {
  double by_s, by_t;
};

// A facet in the quadrant of directions with given signs of s and t.
struct Quadrant {
  const Violations& violations;
  const SectorFacet& facet;
  double s_sign, t_sign;

  // What the facet needs where it is above all vertices.
  Shift own() const {
    return {violations.own(violations.s, s_sign, 8.0 * violations.s_error, facet),
            violations.own(violations.d, t_sign, 4.0 * violations.d_error, facet)};
  }

  Shift between(double x1, double x2, double own_s) const {
    if (!violations.usable()) return {infinity, infinity};
    const bool bounded = x2 < violations.longest();
    const double by_s = bounded ? own_s : std::max(own_s, violations.largest_s(s_sign));
    x1 = inwards(x1);
    return {by_s, largest_excess(violations.count, violations.s.data(), violations.d.data(), s_sign, t_sign, violations.s_error,
                                 violations.d_error, by_s, x1, bounded ? outwards(x2) : x1)};
  }

  // The x where x S_j + D_j <= x own.by_s + own.by_t for all vertices, nearly.
  std::array<double, 2> range(const Shift& own) const {
    std::array<double, 2> ends{0.0, infinity};
    for (std::size_t j = 0; j < violations.count; ++j) {
      const double s = s_sign * violations.s[j] - own.by_s, d = own.by_t - t_sign * violations.d[j];
      if (s > 0.0) ends[1] = std::min(ends[1], d / s);
      if (s < 0.0) ends[0] = std::max(ends[0], d / s);
    }
    return ends;
  }
};

// Kept between polygons, as FacetSearch keeps its workspace.
struct Workspace {
  std::vector<Violations> violations;
  std::vector<double> above, below, planes;
};

Workspace& own_workspace() {
  thread_local Workspace workspace;
  return workspace;
}

// The sectors for one sign of t, in the order of growing s / |t|.
class Chain {
 public:
  Chain(const std::vector<SectorFacet>& facets, const std::vector<Violations>& violations, double t_sign, std::vector<double>& thresholds,
        std::vector<double>& planes)
      : facets_(facets), violations_(violations), t_sign_(t_sign), thresholds_(thresholds), planes_(planes) {}

  void build(const std::vector<std::size_t>& order, double noise) {
    choose(order, noise);
    thresholds_.clear();
    for (std::size_t n = 0; n < length_; ++n) {
      // Facets give way to each other at s / |t| = -sign(t) (change in C) / (change in F), which grows along the chain.
      double end = infinity;
      if (n + 1 < length_) {
        const SectorFacet &left = facets_[chain_[n]], &right = facets_[chain_[n + 1]];
        const double ratio = -t_sign_ * (right.change - left.change) / (right.f - left.f);
        end = std::max(begin_, std::abs(ratio) < largest_ratio ? ratio : std::copysign(largest_ratio, ratio));
      }
      if (begin_ < 0.0 && end > 0.0) add_facet(chain_[n], 0.0);
      add_facet(chain_[n], end);
    }
    // Nothing is above infinity.
    while (thresholds_.size() % lanes != 0) thresholds_.push_back(infinity);
  }

 private:
  // Of two facets that are as far to the right, but for rounding, one is never better.
  void choose(const std::vector<std::size_t>& order, double noise) {
    for (const std::size_t k : order) {
      if (length_ > 0 && !(facets_[k].f > facets_[chain_[length_ - 1]].f + noise)) {
        if (!(t_sign_ * facets_[k].change > t_sign_ * facets_[chain_[length_ - 1]].change)) continue;
        --length_;
      }
      if (length_ < chain_.size()) chain_[length_++] = k;
    }
  }

  // From begin_ to `end`, which have the same sign. Where a facet is missing, because it was hardly better at the reference point, one
  // beside it may be used in a direction where it is far below some vertex; to charge only those directions for it the sector is cut.
  void add_facet(std::size_t k, double end) {
    const double s_sign = begin_ >= 0.0 ? 1.0 : -1.0;
    const Quadrant quadrant{violations_[k], facets_[k], s_sign, t_sign_};
    const Shift own = quadrant.own();
    const Shift shift = between(quadrant, end, own.by_s);
    if (quadrant.violations.usable() && (shift.by_s > own.by_s || shift.by_t > own.by_t)) {
      std::array<double, 2> cuts = quadrant.range(own);
      if (s_sign < 0.0) cuts = {-cuts[1], -cuts[0]};
      for (const double cut : cuts) {
        if (cut > begin_ && cut < end && std::abs(cut) < quadrant.violations.longest())
          add_sector(quadrant, cut, between(quadrant, cut, own.by_s));
      }
      add_sector(quadrant, end, between(quadrant, end, own.by_s));
    } else {
      add_sector(quadrant, end, shift);
    }
  }

  Shift between(const Quadrant& quadrant, double end, double own_s) const {
    return quadrant.s_sign > 0.0 ? quadrant.between(begin_, end, own_s) : quadrant.between(-end, -begin_, own_s);
  }

  void add_sector(const Quadrant& quadrant, double end, const Shift& shift) {
    const SectorFacet& facet = quadrant.facet;
    const double s_sign = quadrant.s_sign, by_s = shift.by_s, by_t = shift.by_t;
    const double s_load = load_share * (quadrant.violations.s_reach + std::abs(by_s)) + std::abs(by_s);
    const double t_load = load_share * (quadrant.violations.d_reach + std::abs(by_t)) + std::abs(by_t);
    planes_.insert(planes_.end(), {s_sign * facet.f_by_f, s_sign * facet.f_by_g, by_s, s_load, t_sign_ * facet.change_by_f,
                                   t_sign_ * facet.change_by_g, by_t, t_load});
    if (end < infinity) thresholds_.push_back(end);
    begin_ = end;
  }

  const std::vector<SectorFacet>& facets_;
  const std::vector<Violations>& violations_;
  double t_sign_;
  std::vector<double>& thresholds_;
  std::vector<double>& planes_;
  std::array<std::size_t, PolygonSectors::facet_capacity> chain_;
  std::size_t length_ = 0;
  double begin_ = -infinity;
};

}  // namespace

void PolygonSectors::build(const PolygonTable& polygon, const std::vector<SectorFacet>& facets, const std::vector<std::size_t>& above,
                           const std::vector<std::size_t>& below) {
  Workspace& w = own_workspace();
  w.violations.clear();
  w.planes.clear();
  for (const SectorFacet& facet : facets) w.violations.emplace_back(polygon, facet);
  const double noise = 1e-12 * polygon.reference_load;
  Chain(facets, w.violations, 1.0, w.above, w.planes).build(above, noise);
  first_below_ = w.planes.size() / plane_size;
  Chain(facets, w.violations, -1.0, w.below, w.planes).build(below, noise);
  above_ = w.above.size();
  below_ = w.below.size();
  double largest = 1.0;
  for (std::size_t k = 0; k < w.planes.size(); k += plane_size) largest = std::max(largest, w.planes[k + 3] + w.planes[k + 7]);
  load_floor_ = 0x1p-1000 * (1.0 + largest);
  numbers_.reserve(w.planes.size() + above_ + below_);
  for (const std::vector<double>* const values : {&w.planes, &w.above, &w.below}) {
    numbers_.insert(numbers_.end(), values->begin(), values->end());
  }
}

SectorTable PolygonSectors::table() const {
  const double* const above = numbers_.data() + (numbers_.size() - above_ - below_);
  return {above_, above, below_, above + above_, numbers_.data(), static_cast<double>(first_below_), load_floor_};
}

}  // namespace twincert::bounds
