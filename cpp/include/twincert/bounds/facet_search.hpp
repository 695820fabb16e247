// Finds the facets that PolygonPair chooses from. Nothing here is trusted: a poor facet costs tightness only.
#pragma once

#include <vector>

#include "twincert/bounds/envelope.hpp"

namespace twincert::bounds {

class FacetSearch {
 public:
  explicit FacetSearch(PolygonPair& pair) : pair_(pair) {}
  void run();

 private:
  // A vertex relative to the reference point, axes (a_f, difference) scaled to the polygon's widths; F = act(a_f), change = F - act(a_g).
  struct Point {
    double x, y, f, change;
    std::size_t vertex;
  };
  // A convex combination of up to three vertices whose mean is the reference point: its f and change. Of a segment c is b; of a point
  // all three are the same.
  struct Corner {
    double f, change;
    std::size_t a, b, c;
  };

  // Kept between searches: thousands of them run in every pass over a part of the input set.
  struct Workspace {
    std::vector<Point> points;
    std::vector<Corner> corners;
    std::vector<double> cross;  // of all pairs of points
    std::vector<double> x, y;   // corners in the plane of the hull, axes scaled; the last one is repeated to fill lanes
    std::vector<std::size_t> hull;
    std::vector<SectorFacet> facets;
    std::vector<std::size_t> above, below;  // of the facets, as PolygonSectors takes them
  };
  static Workspace& own_workspace();

  void collect_points();
  void collect_triangles();
  void collect_segments();
  void add_hull(std::size_t a, std::size_t b);
  void find_hull();
  void add_facets();
  SectorFacet facet_of(const Corner& corner) const;

  PolygonPair& pair_;
  Workspace& workspace_ = own_workspace();
  std::vector<Point>& points_ = workspace_.points;
  std::vector<Corner>& corners_ = workspace_.corners;
  std::size_t lower_hull_ = 0;  // so many corners of the hull lead from the left to before the right
  double x_width_ = 0.0;        // zero: the polygon has no extent in that direction
  double y_width_ = 0.0;
};

}  // namespace twincert::bounds
