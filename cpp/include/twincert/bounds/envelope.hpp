// Best upper planes of p act_f(a_f) + q act_g(a_g) for a neuron of f and its partner in g (design notes, bounds.md).
#pragma once

#include <array>
#include <variant>
#include <vector>

#include "twincert/bounds/relaxation.hpp"
#include "twincert/bounds/sectors.hpp"
#include "twincert/network/bracket.hpp"

namespace twincert::bounds {

// One neuron's share of a backward pass, for all rows of a batch. On entry p and q are the coefficients of act_f(a_f) and act_g(a_g); on
// return those of a_f and a_g, with  p act_f(a_f) + q act_g(a_g) <= p' a_f + q' a_g + t + gamma(neuron_rounding) e  on the neuron's domain;
// t is added to `constant` and e to `load`.
struct PairRows {
  Index count;
  double* p;
  double* q;
  double* constant;
  double* load;
};
inline constexpr Index neuron_rounding = 16;

// Both activations are affine on their intervals: the plane is the function itself.
struct AffinePair {
  Line reference;
  Line compressed;
  double reference_load;
  double compressed_load;

  void relax(const PairRows& rows) const;
};

// Continuous piecewise-linear activations over the polygon {a_f in F, a_g in G, a_f - a_g in D}.
//
// h(a_f, a_g) = p act_f(a_f) + q act_g(a_g) is affine on the cells that the lines a_f = kink of act_f, a_g = kink of act_g cut out of the
// polygon, so a plane that is above h at the cells' vertices is above it everywhere. The relaxation takes the facet of h's concave envelope
// above a reference point and then shifts it up by a bound of its largest violation at the vertices: only the shift is trusted
// (sectors.hpp).
//
// Choice of the facet. The envelope at the reference point r is max sum_j w_j h(v_j) over convex combinations of the vertices with
// mean r. For all (p, q) at once that is the support function of a polygon in the plane of (sum w F, sum w G), F = act_f(a_f), G =
// act_g(a_g); its corners belong to triangles of vertices around r. They are found once per neuron; the direction of (p, q) then tells a
// row's corner.
class PolygonPair {
 public:
  PolygonPair(const Activation& f, const Activation& g, Interval reference, Interval compressed, Interval difference);

  // True when the three intervals contradict each other: they were no enclosures.
  bool empty() const { return vertices_ == 0; }
  PolygonTable table() const;
  void relax(const PairRows& rows) const;

 private:
  friend class FacetSearch;

  static constexpr std::size_t vertex_capacity = 32;  // 4 x 4 + 4 x 2 + 4 x 2 intersections of lines
  static constexpr std::size_t facet_capacity = PolygonSectors::facet_capacity;

  using FacetColumn = std::array<double, facet_capacity>;

  void add_facet(const SectorFacet& facet);
  void add_vertex(const Activation& f, const Activation& g, double a_f, double a_g, double difference, bool at_kink);

  std::size_t vertices_ = 0;
  std::size_t facets_ = 0;
  std::array<double, vertex_capacity> a_f_, a_g_, difference_, f_, g_;
  std::array<bool, vertex_capacity> at_kink_;
  // Values at the reference point and the gradients of the interpolated F and G.
  FacetColumn value_f_, value_g_, f_by_f_, f_by_g_, g_by_f_, g_by_g_;
  double reference_load_ = 0.0;   // max |a_f|, |act_f(a_f)| over the vertices
  double compressed_load_ = 0.0;  // the same for g
  PolygonSectors sectors_;
};

// One staircase or two: each lies between the continuous functions of its bracket (network/bracket.hpp), and which of them counts depends
// on the signs of p and q. So up to four polygons, and p and q times the brackets' offsets.
class StaircasePair {
 public:
  StaircasePair(const network::Bracket& f, const network::Bracket& g, Interval reference, Interval compressed, Interval difference);

  bool empty() const { return polygons_.front().empty(); }
  void relax(const PairRows& rows) const;

 private:
  std::vector<PolygonPair> polygons_;  // for p >= 0 and p < 0 where f is a staircase, times the same for g
  bool by_f_;
  bool by_g_;
  double f_offset_;
  double g_offset_;
};

// The same smooth activation on both sides: act(a_f) - act(a_g) = s (a_f - a_g) with s a slope on the hull, combined with one network's
// lines; or both networks' lines, whichever plane is lowest at the centre of the domain.
class SmoothPair {
 public:
  SmoothPair(const Activation& activation, Interval reference, Interval compressed, Interval difference, const LinePair& reference_lines,
             const LinePair& compressed_lines);

  void relax(const PairRows& rows) const;

 private:
  LinePair reference_;
  LinePair compressed_;
  LinePair change_;  // encloses act(a_f) - act(a_g) by lines in a_f - a_g
  double center_f_;
  double center_g_;
};

using PairRelaxation = std::variant<AffinePair, PolygonPair, StaircasePair, SmoothPair>;

// The lines are enclosing_lines() of the two neurons. The activations are equal, or both piecewise linear.
PairRelaxation pair_relaxation(const Activation& f, const Activation& g, Interval reference, Interval compressed, Interval difference,
                               const LinePair& reference_lines, const LinePair& compressed_lines);

// The lines of a single network's neuron applied to a batch; the same contract as PairRows with q absent.
void relax_single(const LinePair& lines, Index count, double* p, double* constant, double* load);

}  // namespace twincert::bounds
