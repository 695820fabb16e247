#include "twincert/solver/slope_search.hpp"

#include <algorithm>
#include <cmath>

namespace twincert::solver {
namespace {

constexpr core::Index settled_window = 400;  // iterations before which no verdict is passed

}  // namespace

bool settled(const std::vector<std::pair<core::Index, double>>& sums, double tolerance) {
  const auto& [iteration, sum] = sums.back();
  if (iteration < settled_window) return false;
  const auto half = std::find_if(sums.rbegin(), sums.rend(), [&](const auto& entry) { return 2 * entry.first <= iteration; });
  return half != sums.rend() && half->second - sum < tolerance * sum;
}

void SlopeSearch::add(double slope, double bound) {
  const Point point{slope, weight_x_ * slope + weight_ * std::max(0.0, bound)};
  if (points_.empty() || point.value < best_) {
    best_ = point.value;
    best_slope_ = slope;
  }
  points_.insert(std::find_if(points_.begin(), points_.end(), [slope](const Point& p) { return p.slope > slope; }), point);
}

std::optional<double> SlopeSearch::next(double tolerance) const {
  if (points_.empty()) return 0.0;
  if (!(best_ > 0.0 && std::isfinite(best_)) || weight_x_ >= weight_ * largest_q_) return std::nullopt;
  Point lowest{0.0, best_};
  for (std::size_t left = 0; left < points_.size(); ++left) {
    const Point found = valley(left);
    if (found.value < lowest.value) lowest = found;
  }
  if (!(best_ - lowest.value > tolerance * best_)) return std::nullopt;
  return lowest.slope;
}

SlopeSearch::Point SlopeSearch::valley(std::size_t left) const {
  const Point& a = points_[left];
  // Beyond the end h exceeds the best value by weight_x s alone.
  const bool last = left + 1 == points_.size();
  const double end = last ? std::max(best_ / weight_x_, a.slope) : points_[left + 1].slope;
  std::vector<Line> lines{{0.0, 0.0, weight_x_}};
  const auto through = [&](const Point& p, const Point& q) { lines.push_back({p.slope, p.value, (q.value - p.value) / (q.slope - p.slope)}); };
  if (left > 0) {
    through(a, points_[left - 1]);
  } else {
    lines.push_back({a.slope, a.value, weight_x_ - weight_ * largest_q_});
  }
  if (left + 2 < points_.size()) through(points_[left + 1], points_[left + 2]);
  const auto below = [&](double slope) {
    double value = 0.0;
    for (const Line& line : lines) value = std::max(value, line(slope));
    return value;
  };
  Point lowest{a.slope, below(a.slope)};
  const auto consider = [&](double slope) {
    if (slope > a.slope && slope < end && below(slope) < lowest.value) lowest = {slope, below(slope)};
  };
  for (const Line& p : lines) {
    for (const Line& q : lines) {
      if (p.rise != q.rise) consider((q(0.0) - p(0.0)) / (p.rise - q.rise));
    }
  }
  // Not next to a slope that is known.
  const double margin = 0.1 * (end - a.slope);
  lowest.slope = std::clamp(lowest.slope, a.slope + (left == 0 ? 0.0 : margin), last ? end : end - margin);
  return lowest;
}

}  // namespace twincert::solver
