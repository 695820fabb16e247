#include "twincert/solver/slope_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace twincert::solver {
namespace {

constexpr double spacing = 0.15;  // new slopes stay away from known ones by this fraction of the interval between them

}  // namespace

SlopeSearch::SlopeSearch(double weight_x, double weight, double largest_q, std::vector<std::pair<double, double>> attained)
    : weight_x_(weight_x),
      weight_(weight),
      largest_q_(largest_q),
      best_(std::numeric_limits<double>::infinity()),
      attained_(std::move(attained)) {}

void SlopeSearch::add(double slope, double bound) {
  const Point point{slope, weight_x_ * slope + weight_ * std::max(0.0, bound)};
  best_ = std::min(best_, point.value);
  points_.insert(std::find_if(points_.begin(), points_.end(), [slope](const Point& p) { return p.slope > slope; }), point);
}

double SlopeSearch::attained(double slope) const {
  double bound = 0.0;
  for (const auto& [q, square] : attained_) bound = std::max(bound, square - slope * q);
  return weight_x_ * slope + weight_ * bound;
}

double SlopeSearch::extended(std::size_t first, std::size_t second, double slope) const {
  const Point &p = points_[first], &q = points_[second];
  return p.value + (q.value - p.value) / (q.slope - p.slope) * (slope - p.slope);
}

double SlopeSearch::below(std::size_t right, double slope) const {
  double bound = attained(slope);
  if (right >= 2) bound = std::max(bound, extended(right - 2, right - 1, slope));
  if (right + 1 < points_.size()) bound = std::max(bound, extended(right, right + 1, slope));
  return bound;
}

SlopeSearch::Point SlopeSearch::valley(double left, double right, std::size_t position) const {
  const double low = left, high = right;
  for (int step = 0; step < 100; ++step) {  // convex
    const double a = left + (right - left) / 3.0, b = right - (right - left) / 3.0;
    (below(position, a) <= below(position, b) ? right : left) = below(position, a) <= below(position, b) ? b : a;
  }
  const double slope = 0.5 * (left + right), value = below(position, slope);
  const double margin = spacing * (high - low);
  return {std::clamp(slope, position == 0 ? low : low + margin, position < points_.size() ? high - margin : high), value};
}

std::optional<double> SlopeSearch::next(double tolerance) const {
  if (weight_x_ >= weight_ * largest_q_) return points_.empty() ? std::optional<double>(0.0) : std::nullopt;
  if (points_.empty()) return valley(0.0, attained(0.0) / weight_x_, 0).slope;
  if (!(best_ > 0.0 && std::isfinite(best_))) return std::nullopt;
  Point lowest{0.0, best_};
  for (std::size_t right = 0; right <= points_.size(); ++right) {
    const double from = right == 0 ? 0.0 : points_[right - 1].slope;
    const double to =
        right < points_.size() ? points_[right].slope : best_ / weight_x_;  // beyond it h exceeds the best by weight_x s alone
    if (!(from < to)) continue;
    const Point found = valley(from, to, right);
    if (found.value < lowest.value) lowest = found;
  }
  if (!(best_ - lowest.value > tolerance * best_)) return std::nullopt;
  return lowest.slope;
}

}  // namespace twincert::solver
