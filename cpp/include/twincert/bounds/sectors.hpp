// Which plane over a polygon a row p F + q G takes, and how far it has to be shifted, by the direction of (p, q): no row looks at the
// polygon's vertices.
//
// With s = p + q, t = -q and C = F - G a row is s F + t C. The facet that is best for it at the reference point depends on s / t alone. So
// the directions are cut into sectors: by the signs of s and t, and where one facet gives way to the next. A sector has a plane
// (A_f, A_g) a for F and (B_f, B_g) a for C, the facet's gradients. Let vertex j have S_j = sign(s) (F_j - A_f a_f - A_g a_g) and
// D_j = sign(t) (C_j - B_f a_f - B_g a_g), so that the plane |s| A + |t| B violates it by |s| S_j + |t| D_j.
//
// Theorem. Let the sector contain the directions with x1 |t| <= |s| <= x2 |t|. If x S_j + D_j <= x T_s + T_t at x = x1 and at x = x2, for
// all j (for infinite x2: S_j <= T_s), then |s| S_j + |t| D_j <= |s| T_s + |t| T_t for all j and all rows of the sector: the left side is
// linear, and (|s|, |t|) a nonnegative combination of (x1, 1) and (x2, 1), or of (x1, 1) and (1, 0).
//
// So any T_s is sound with the T_t that these inequalities ask for. With T_s the facet's own value nothing is lost: on its sector the
// facet is above all vertices and touches its own, so the largest violation is linear there.
//
// Rounding. (1) The exact S_j and D_j are at most gamma(6) X0 and gamma(6) Y0 (and a few denormals) above the computed ones, with X0 and Y0
// the sums of the absolute values of their terms: three roundings of a term, the rounded vertex (one coordinate is off by u; activations
// are 1-Lipschitz) and the rounded slope of leaky ReLU. The sectors are built from numbers raised by gamma(8) of the computed X0 and Y0.
// (2) s is rounded, and so is what it is compared with, threshold |t|: a row's exact |s| is within 3 u of the range of its sector, so x1
// and x2 are moved outwards by more than that. Comparing s with zero is exact. (3) The row's numbers |s| A + |t| B and |s| T_s + |t| T_t
// are off by gamma(3) E in all, E = |s| X + |t| Y, X = X0 + |T_s|, Y = Y0 + |T_t|. The load e = E / 4 + |s T_s| + |t T_t| is at least
// what a row adds to its constant, and gamma(neuron_rounding) e at least 4 u E, as PairRows asks. Denormals of products meet values of size
// X and Y and have their share in the load: 2^-1000 (1 + X + Y).
#pragma once

#include <array>
#include <vector>

#include "twincert/bounds/kernels.hpp"

namespace twincert::bounds {

// F and C at the reference point, their gradients by a_f and a_g, and three vertices that the facet touches.
struct SectorFacet {
  double f, change;
  double f_by_f, f_by_g, change_by_f, change_by_g;
  std::array<std::size_t, 3> touched;
};

class PolygonSectors {
 public:
  static constexpr std::size_t facet_capacity = 16;

  // `above` are the facets that have the largest F + t C for a t > 0, `below` those for a t < 0, as indices and in the order of growing F;
  // at most facet_capacity each. Nothing about facets and order is trusted.
  void build(const PolygonTable& polygon, const std::vector<SectorFacet>& facets, const std::vector<std::size_t>& above,
             const std::vector<std::size_t>& below);
  SectorTable table() const;

 private:
  std::size_t first_below_ = 0;
  std::size_t above_ = 0, below_ = 0;  // thresholds, filled up with infinity to a multiple of four
  std::vector<double> numbers_;        // plane_size of each sector, then the thresholds
  double load_floor_ = 0.0;
};

}  // namespace twincert::bounds
