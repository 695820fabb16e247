// Best upper planes of p act(a_f) + q act(a_g) for a neuron of f and its partner in g (design notes, bounds.md).
#pragma once

#include <array>
#include <variant>
#include <vector>

#include "twincert/bounds/kernels.hpp"
#include "twincert/bounds/relaxation.hpp"

namespace twincert::bounds {

// One neuron's share of a backward pass, for all rows of a batch. On entry p and q are the coefficients of act(a_f) and act(a_g); on
// return those of a_f and a_g, with  p act(a_f) + q act(a_g) <= p' a_f + q' a_g + t + gamma(neuron_rounding) e  on the neuron's domain;
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

// Piecewise-linear activation over the polygon {a_f in F, a_g in G, a_f - a_g in D}.
//
// h(a_f, a_g) = p act(a_f) + q act(a_g) is affine on the cells that the lines a_f = kink, a_g = kink cut out of the polygon, so a plane
// that is above h at the cells' vertices is above it everywhere. The relaxation takes the facet of h's concave envelope above a
// reference point and then shifts it up by its largest violation at the vertices: only the shift is trusted.
//
// Choice of the facet. The envelope at the reference point r is max sum_j w_j h(v_j) over convex combinations of the vertices with
// mean r. For all (p, q) at once that is the support function of a polygon in the plane of (sum w F, sum w G), F = act(a_f), G = act(a_g);
// its corners belong to triangles of vertices around r. They are found once per neuron; a row then takes the best of a few corners.
class PolygonPair {
 public:
  PolygonPair(const Activation& activation, Interval reference, Interval compressed, Interval difference);

  // True when the three intervals contradict each other: they were no enclosures.
  bool empty() const { return vertices_ == 0; }
  PolygonTable table() const;
  void relax(const PairRows& rows) const;

 private:
  friend class FacetSearch;

  static constexpr std::size_t vertex_capacity = 32;  // 4 x 4 + 4 x 2 + 4 x 2 intersections of lines
  static constexpr std::size_t facet_capacity = 16;

  // Values at the reference point and the gradients of the interpolated F and G, as coefficients (of a_f, of a_g).
  struct Facet {
    double value_f, value_g;
    double f_by_f, f_by_g, g_by_f, g_by_g;
  };
  using FacetColumn = std::array<double, facet_capacity>;

  void add_facet(const Facet& facet);
  void add_vertex(const Activation& activation, double a_f, double a_g, double difference, bool at_kink);

  std::size_t vertices_ = 0;
  std::size_t facets_ = 0;
  std::array<double, vertex_capacity> a_f_{}, a_g_{}, difference_{}, f_{}, g_{};
  std::array<bool, vertex_capacity> at_kink_{};
  FacetColumn value_f_{}, value_g_{}, f_by_f_{}, f_by_g_{}, g_by_f_{}, g_by_g_{};
  double reference_load_ = 0.0;   // max |a_f|, |act(a_f)| over the vertices
  double compressed_load_ = 0.0;  // the same for g
};

// Smooth activation: act(a_f) - act(a_g) = s (a_f - a_g) with s a slope on the hull, combined with one network's lines; or both
// networks' lines, whichever plane is lowest at the centre of the domain.
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

using PairRelaxation = std::variant<AffinePair, PolygonPair, SmoothPair>;

// The lines are enclosing_lines() of the two neurons.
PairRelaxation pair_relaxation(const Activation& activation, Interval reference, Interval compressed, Interval difference,
                               const LinePair& reference_lines, const LinePair& compressed_lines);

// The lines of a single network's neuron applied to a batch; the same contract as PairRows with q absent.
void relax_single(const LinePair& lines, Index count, double* p, double* constant, double* load);

}  // namespace twincert::bounds
