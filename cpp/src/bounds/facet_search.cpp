#include "twincert/bounds/facet_search.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "twincert/core/clones.hpp"
#include "twincert/core/lanes.hpp"

namespace twincert::bounds {
namespace {

constexpr double flat = 1e-9;             // relative area below which a triangle is a segment
constexpr double same = 1e-9;             // relative distance below which two vertices are one
constexpr double rounding_width = 1e-13;  // widths below this share of the magnitudes are rounding noise

double cross(double ax, double ay, double bx, double by) { return ax * by - ay * bx; }

struct Highest {
  double height;
  std::size_t corner;
};

// The corner farthest to the right of the line from a to b.
TWINCERT_CLONES Highest highest(const double* x, const double* y, std::size_t count, std::size_t a, std::size_t b) {
  using core::Lanes;
  const double normal_x = y[b] - y[a], normal_y = x[a] - x[b], at_a = normal_x * x[a] + normal_y * y[a];
  const Lanes first{0.0, 1.0, 2.0, 3.0};
  Lanes height = Lanes{} - 1.0, corner = first, number = first;
  for (std::size_t k = 0; k < count; k += core::lanes) {
    const Lanes other = normal_x * *reinterpret_cast<const Lanes*>(x + k) + normal_y * *reinterpret_cast<const Lanes*>(y + k) - at_a;
    corner = other > height ? number : corner;
    height = other > height ? other : height;
    number += 4.0;
  }
  std::size_t best = 0;
  for (std::size_t l = 1; l < core::lanes; ++l) {
    if (height[l] > height[best]) best = l;
  }
  return {height[best], static_cast<std::size_t>(corner[best])};
}

}  // namespace

FacetSearch::Workspace& FacetSearch::own_workspace() {
  thread_local Workspace workspace;
  return workspace;
}

void FacetSearch::run() {
  points_.clear();
  corners_.clear();
  collect_points();
  collect_triangles();
  if (corners_.empty()) collect_segments();
  if (corners_.empty()) corners_.push_back({points_.front().f, points_.front().change, 0, 0, 0});
  find_hull();
  add_facets();
  pair_.sectors_.build(pair_.table(), workspace_.facets, workspace_.above, workspace_.below);
}

// The hull runs from the left along the bottom to the right and along the top back.
void FacetSearch::add_facets() {
  Workspace& w = workspace_;
  const std::size_t count = std::min(w.hull.size(), PolygonPair::facet_capacity);
  const std::size_t right = std::min(lower_hull_, count - 1);
  w.facets.clear();
  w.above.clear();
  w.below.clear();
  for (std::size_t k = 0; k < count; ++k) {
    w.facets.push_back(facet_of(corners_[w.hull[k]]));
    pair_.add_facet(w.facets.back());
    if (k <= right) w.below.push_back(k);
  }
  w.above.push_back(0);
  for (std::size_t k = count - 1; k >= right && k > 0; --k) w.above.push_back(k);
}

void FacetSearch::collect_points() {
  const std::size_t count = pair_.vertices_;
  const auto width = [count](const auto& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
    return *high - *low;
  };
  const double noise = rounding_width * std::max(pair_.reference_load_, pair_.compressed_load_);
  x_width_ = width(pair_.a_f_) > noise ? width(pair_.a_f_) : 0.0;
  y_width_ = width(pair_.difference_) > noise ? width(pair_.difference_) : 0.0;
  // The reference point: the centroid of the vertices, those on the kinks counted half (measured: better than the plain centroid and
  // the middle of the box). Slightly uneven weights keep it off the diagonals between vertices.
  double x = 0.0;
  double y = 0.0;
  double total = 0.0;
  for (std::size_t j = 0; j < count; ++j) {
    const double a_f = pair_.a_f_[j] - pair_.a_f_[0];
    const double difference = pair_.difference_[j] - pair_.difference_[0];
    const Point point{x_width_ > 0.0 ? a_f / x_width_ : 0.0, y_width_ > 0.0 ? difference / y_width_ : 0.0, pair_.f_[j],
                      pair_.f_[j] - pair_.g_[j], j};
    const auto close = [&](const Point& other) { return std::abs(other.x - point.x) < same && std::abs(other.y - point.y) < same; };
    if (std::any_of(points_.begin(), points_.end(), close)) continue;
    const double position = 0.6180339887498949 * static_cast<double>(j + 1);
    const double weight = (pair_.at_kink_[j] ? 0.5 : 1.0) + 0.02 * (position - std::floor(position));
    x += weight * point.x;
    y += weight * point.y;
    total += weight;
    points_.push_back(point);
  }
  for (Point& point : points_) {
    point.x -= x / total;
    point.y -= y / total;
  }
}

void FacetSearch::collect_triangles() {
  const std::size_t count = points_.size();
  std::vector<double>& crosses = workspace_.cross;
  crosses.resize(count * count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) crosses[i * count + j] = cross(points_[i].x, points_[i].y, points_[j].x, points_[j].y);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double* const from_i = crosses.data() + i * count;
    for (std::size_t j = i + 1; j < count; ++j) {
      const double* const from_j = crosses.data() + j * count;
      const double ab = from_i[j];
      const double side = ab > 0.0 ? 1.0 : ab < 0.0 ? -1.0 : 0.0;
      for (std::size_t k = j + 1; k < count; ++k) {
        const double bc = from_j[k];
        const double ca = -from_i[k];
        if (std::min(side * bc, side * ca) < 0.0) continue;  // most triangles
        const double area = ab + bc + ca;
        if (!(std::abs(area) > flat) || ab * area < 0.0 || bc * area < 0.0 || ca * area < 0.0) continue;
        const Point &a = points_[i], &b = points_[j], &c = points_[k];
        const double inverse = 1.0 / area;
        corners_.push_back(
            {(bc * a.f + ca * b.f + ab * c.f) * inverse, (bc * a.change + ca * b.change + ab * c.change) * inverse, i, j, k});
      }
    }
  }
}

// All vertices on a line (one of the three widths is zero): pairs of vertices around the reference point.
void FacetSearch::collect_segments() {
  for (std::size_t i = 0; i < points_.size(); ++i) {
    for (std::size_t j = i + 1; j < points_.size(); ++j) {
      const Point& a = points_[i];
      const Point& b = points_[j];
      const double dx = b.x - a.x;
      const double dy = b.y - a.y;
      const double share = -(a.x * dx + a.y * dy) / (dx * dx + dy * dy);
      if (!(share >= 0.0 && share <= 1.0)) continue;
      corners_.push_back({a.f + share * (b.f - a.f), a.change + share * (b.change - a.change), i, j, j});
    }
  }
}

// Corner `a`, then what the hull has between it and `b` on the right of the line from `a` to `b`. All corners are looked at every time:
// that is cheaper than to find out which ones could be there.
void FacetSearch::add_hull(std::size_t a, std::size_t b) {
  Workspace& w = workspace_;
  const Highest c = highest(w.x.data(), w.y.data(), w.x.size(), a, b);
  if (c.height > same && c.corner != a && c.corner != b && w.hull.size() < PolygonPair::facet_capacity) {
    add_hull(a, c.corner);
    add_hull(c.corner, b);
  } else {
    w.hull.push_back(a);
  }
}

// The corners of the convex hull of all (f, change): no other combination is ever the best for a row.
void FacetSearch::find_hull() {
  double f_low = corners_[0].f, f_high = f_low, c_low = corners_[0].change, c_high = c_low;
  for (const Corner& corner : corners_) {
    f_low = std::min(f_low, corner.f);
    f_high = std::max(f_high, corner.f);
    c_low = std::min(c_low, corner.change);
    c_high = std::max(c_high, corner.change);
  }
  const double f_scale = f_high - f_low > rounding_width * pair_.reference_load_ ? 1.0 / (f_high - f_low) : 0.0;
  const double c_scale = c_high - c_low > rounding_width * rounding_width * pair_.reference_load_ ? 1.0 / (c_high - c_low) : 0.0;
  Workspace& w = workspace_;
  const std::size_t count = corners_.size(), filled = (count + core::lanes - 1) / core::lanes * core::lanes;
  w.x.resize(filled);
  w.y.resize(filled);
  for (std::size_t k = 0; k < filled; ++k) {
    const Corner& corner = corners_[std::min(k, count - 1)];
    w.x[k] = (corner.f - f_low) * f_scale;
    w.y[k] = (corner.change - c_low) * c_scale;
  }
  const auto first = [count](const std::vector<double>& values, double value) {
    return static_cast<std::size_t>(std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count - 1), value) -
                                    values.begin());
  };
  const std::size_t left = first(w.x, 0.0), right = first(w.x, (f_high - f_low) * f_scale);
  w.hull.clear();
  if (left != right) {
    add_hull(left, right);
    lower_hull_ = w.hull.size();
    add_hull(right, left);
  } else {
    // A vertical segment: its bottom is the left end and its top the right one, which PolygonSectors puts right.
    const std::size_t bottom = first(w.y, 0.0), top = first(w.y, (c_high - c_low) * c_scale);
    w.hull.push_back(bottom);
    lower_hull_ = top != bottom ? 1 : 0;
    if (top != bottom) w.hull.push_back(top);
  }
}

// The affine interpolations of f and change over the triangle, or along the segment.
SectorFacet FacetSearch::facet_of(const Corner& corner) const {
  const Point &a = points_[corner.a], &b = points_[corner.b], &c = points_[corner.c];
  double f_by_x = 0.0, f_by_y = 0.0, change_by_x = 0.0, change_by_y = 0.0;
  if (corner.b != corner.c) {
    const double inverse = 1.0 / cross(b.x - a.x, b.y - a.y, c.x - a.x, c.y - a.y);
    const auto by_x = [&](double fa, double fb, double fc) { return ((fb - fa) * (c.y - a.y) - (fc - fa) * (b.y - a.y)) * inverse; };
    const auto by_y = [&](double fa, double fb, double fc) { return ((fc - fa) * (b.x - a.x) - (fb - fa) * (c.x - a.x)) * inverse; };
    f_by_x = by_x(a.f, b.f, c.f);
    f_by_y = by_y(a.f, b.f, c.f);
    change_by_x = by_x(a.change, b.change, c.change);
    change_by_y = by_y(a.change, b.change, c.change);
  } else if (corner.a != corner.b) {
    const double dx = b.x - a.x;
    const double dy = b.y - a.y;
    const double square = dx * dx + dy * dy;
    f_by_x = (b.f - a.f) * dx / square;
    f_by_y = (b.f - a.f) * dy / square;
    change_by_x = (b.change - a.change) * dx / square;
    change_by_y = (b.change - a.change) * dy / square;
  }
  const auto per = [](double gradient, double width) { return width > 0.0 ? gradient / width : 0.0; };
  const double f_by_af = per(f_by_x, x_width_);
  const double f_by_d = per(f_by_y, y_width_);
  const double change_by_af = per(change_by_x, x_width_);
  const double change_by_d = per(change_by_y, y_width_);
  // A function of (a_f, a_f - a_g) has the gradient (by a_f + by difference, -by difference) in (a_f, a_g).
  return {corner.f, corner.change, f_by_af + f_by_d, -f_by_d, change_by_af + change_by_d, -change_by_d, {a.vertex, b.vertex, c.vertex}};
}

}  // namespace twincert::bounds
