#include "twincert/bounds/facet_search.hpp"

#include <algorithm>
#include <cmath>

#include "twincert/bounds/kernels.hpp"

namespace twincert::bounds {
namespace {

constexpr double flat = 1e-9;             // relative area below which a triangle is a segment
constexpr double same = 1e-9;             // relative distance below which two vertices are one
constexpr double rounding_width = 1e-13;  // widths below this share of the magnitudes are rounding noise

double cross(double ax, double ay, double bx, double by) { return ax * by - ay * bx; }

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
  keep_hull();
  if (corners_.empty()) {
    // A single point: the constant.
    corners_.push_back({points_.front().f, points_.front().change, 0.0, 0.0, 0.0, 0.0});
  }
  for (const Corner& corner : corners_) pair_.add_facet(facet_of(corner));
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
                      pair_.f_[j] - pair_.g_[j]};
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
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) {
      const Point& a = points_[i];
      const Point& b = points_[j];
      const double ab = cross(a.x, a.y, b.x, b.y);
      for (std::size_t k = j + 1; k < count; ++k) {
        const Point& c = points_[k];
        const double bc = cross(b.x, b.y, c.x, c.y);
        const double ca = cross(c.x, c.y, a.x, a.y);
        const double area = ab + bc + ca;
        if (!(std::abs(area) > flat) || ab * area < 0.0 || bc * area < 0.0 || ca * area < 0.0) continue;
        const double inverse = 1.0 / area;
        const auto gradient_x = [&](double fa, double fb, double fc) {
          return ((fb - fa) * (c.y - a.y) - (fc - fa) * (b.y - a.y)) * inverse;
        };
        const auto gradient_y = [&](double fa, double fb, double fc) {
          return ((fc - fa) * (b.x - a.x) - (fb - fa) * (c.x - a.x)) * inverse;
        };
        corners_.push_back({(bc * a.f + ca * b.f + ab * c.f) * inverse, (bc * a.change + ca * b.change + ab * c.change) * inverse,
                            gradient_x(a.f, b.f, c.f), gradient_y(a.f, b.f, c.f), gradient_x(a.change, b.change, c.change),
                            gradient_y(a.change, b.change, c.change)});
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
      const double square = dx * dx + dy * dy;
      const double share = -(a.x * dx + a.y * dy) / square;
      if (!(share >= 0.0 && share <= 1.0)) continue;
      const double f = b.f - a.f;
      const double change = b.change - a.change;
      corners_.push_back(
          {a.f + share * f, a.change + share * change, f * dx / square, f * dy / square, change * dx / square, change * dy / square});
    }
  }
}

// Quickhull: corner `a`, then what the hull has between it and `b` on the right of the line from `a` to `b`.
void FacetSearch::add_hull(std::size_t a, std::size_t b) {
  Workspace& w = workspace_;
  const double normal_x = w.y[b] - w.y[a], normal_y = w.x[a] - w.x[b];
  const std::size_t c = farthest_point(w.x.data(), w.y.data(), static_cast<Index>(w.x.size()), normal_x, normal_y);
  const double height = normal_x * (w.x[c] - w.x[a]) + normal_y * (w.y[c] - w.y[a]);
  if (height > same && w.hull.size() < PolygonPair::facet_capacity) {
    add_hull(a, c);
    add_hull(c, b);
  } else {
    w.hull.push_back(a);
  }
}

// Keeps the corners of the convex hull of all (f, change): no other combination is ever the best for a row.
void FacetSearch::keep_hull() {
  if (corners_.size() < 2) return;
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
  w.x.clear();
  w.y.clear();
  for (const Corner& corner : corners_) {
    w.x.push_back((corner.f - f_low) * f_scale);
    w.y.push_back((corner.change - c_low) * c_scale);
  }
  w.hull.clear();
  const auto farthest = [&w](double normal_x, double normal_y) {
    return farthest_point(w.x.data(), w.y.data(), static_cast<Index>(w.x.size()), normal_x, normal_y);
  };
  const std::size_t left = farthest(-1.0, 0.0), right = farthest(1.0, 0.0);
  if (w.x[left] < w.x[right]) {
    add_hull(left, right);
    add_hull(right, left);
  } else {
    w.hull.push_back(farthest(0.0, -1.0));
    w.hull.push_back(farthest(0.0, 1.0));
  }
  std::vector<Corner>& kept = w.kept;
  kept.clear();
  for (const std::size_t k : w.hull) kept.push_back(corners_[k]);
  corners_.swap(kept);
}

PolygonPair::Facet FacetSearch::facet_of(const Corner& corner) const {
  const auto per = [](double gradient, double width) { return width > 0.0 ? gradient / width : 0.0; };
  const double f_by_af = per(corner.f_by_x, x_width_);
  const double f_by_d = per(corner.f_by_y, y_width_);
  const double g_by_af = f_by_af - per(corner.change_by_x, x_width_);
  const double g_by_d = f_by_d - per(corner.change_by_y, y_width_);
  // A function of (a_f, a_f - a_g) has the gradient (by a_f + by difference, -by difference) in (a_f, a_g).
  return {corner.f, corner.f - corner.change, f_by_af + f_by_d, -f_by_d, g_by_af + g_by_d, -g_by_d};
}

}  // namespace twincert::bounds
