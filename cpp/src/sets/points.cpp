// Points of an input set: membership, sampling, projection.
#include <algorithm>
#include <cmath>
#include <string>

#include "twincert/core/error.hpp"
#include "twincert/core/random.hpp"
#include "twincert/sets/input_set.hpp"
#include "twincert/sets/polytope.hpp"

namespace twincert::sets {
namespace {

using core::Random;

bool inside(const Box& box, const Vector& x) {
  return ((x.array() >= box.bounds.lower.array()) && (x.array() <= box.bounds.upper.array())).all();
}

bool inside(const Ball& ball, const Vector& x) {
  if (ball.radius == 0.0) return (x.array() == ball.center.array()).all();
  // Distances in units of a power of two near the radius: squares neither overflow nor lose what counts.
  const int exponent = std::ilogb(ball.radius);
  const double radius = std::scalbn(ball.radius, -exponent);
  double sum = 0.0;
  for (Index i = 0; i < x.size(); ++i) {
    const double distance = std::max(core::sub_up(x[i], ball.center[i]), core::sub_up(ball.center[i], x[i]));
    const double scaled = distance == 0.0 ? 0.0 : core::next_up(std::scalbn(distance, -exponent));
    sum = core::add_up(sum, core::mul_up(scaled, scaled));
  }
  return sum <= core::mul_down(radius, radius);
}

bool inside(const Polytope& polytope, const Vector& x) { return polytope_contains(polytope, x); }

Vector random_in_box(const IntervalVector& box, Random& random) {
  Vector x(box.size());
  for (Index i = 0; i < x.size(); ++i) {
    const double t = random.uniform();
    x[i] = std::clamp((1.0 - t) * box.lower[i] + t * box.upper[i], box.lower[i], box.upper[i]);
  }
  return x;
}

Vector random_vertex(const IntervalVector& box, Random& random) {
  Vector x(box.size());
  for (Index i = 0; i < x.size(); ++i) x[i] = random.coin() ? box.upper[i] : box.lower[i];
  return x;
}

// The point nearest to `target` on the segment from `start` (inside) that is verified to be inside, up to rounding; `reach` is a first
// guess of how far along it lies.
template <typename Shape>
Vector towards(const Shape& shape, const Vector& start, const Vector& target, double reach) {
  for (double gap = 4.0 * static_cast<double>(start.size() + 4) * core::unit_roundoff; gap < 1.0; gap *= 4.0) {
    const Vector x = start + std::min(1.0, reach * (1.0 - gap)) * (target - start);
    if (inside(shape, x)) return x;
  }
  return start;
}

Vector nearest(const Box& box, const Vector&, const Vector& x) { return x.cwiseMax(box.bounds.lower).cwiseMin(box.bounds.upper); }

Vector nearest(const Ball& ball, const Vector&, const Vector& x) {
  if (inside(ball, x)) return x;
  const Vector offset = x - ball.center;
  const double norm = offset.stableNorm();
  if (!std::isfinite(norm) || norm == 0.0) return ball.center;
  return towards(ball, ball.center, x, ball.radius / norm);
}

Vector nearest(const Polytope& polytope, const Vector& interior, const Vector& x) {
  if (interior.size() == 0) {
    throw core::ParseError(
        "polytope: no point was found that is verified to satisfy every constraint; it is empty or has no interior "
        "(equalities written as two inequalities have none)");
  }
  const Vector target = x.cwiseMax(polytope.bounds.lower).cwiseMin(polytope.bounds.upper);
  if (inside(polytope, target)) return target;
  const Vector room = polytope.b - polytope.A * interior;
  const Vector advance = polytope.A * (target - interior);
  double reach = 1.0;
  for (Index k = 0; k < room.size(); ++k) {
    if (advance[k] > 0.0) reach = std::min(reach, std::max(0.0, room[k]) / advance[k]);
  }
  return towards(polytope, interior, target, reach);
}

Vector random_point(const Box& box, const Vector&, bool boundary, Random& random) {
  return boundary ? random_vertex(box.bounds, random) : random_in_box(box.bounds, random);
}

Vector random_point(const Ball& ball, const Vector& interior, bool boundary, Random& random) {
  Vector direction(ball.center.size());
  for (Index i = 0; i < direction.size(); ++i) direction[i] = random.normal();
  const double norm = direction.stableNorm();
  const double share = boundary ? 1.0 : std::pow(random.uniform(), 1.0 / static_cast<double>(direction.size()));
  if (norm > 0.0) direction *= share * ball.radius / norm;
  return nearest(ball, interior, ball.center + direction);
}

Vector random_point(const Polytope& polytope, const Vector& interior, bool boundary, Random& random) {
  const Vector outer =
      nearest(polytope, interior, boundary ? random_vertex(polytope.bounds, random) : random_in_box(polytope.bounds, random));
  return boundary ? outer : towards(polytope, interior, outer, random.uniform());
}

}  // namespace

bool InputSet::contains(const Vector& x) const {
  if (x.size() != size()) {
    throw core::ShapeError("contains: the point has " + std::to_string(x.size()) + " coordinates, the input set has " +
                           std::to_string(size()));
  }
  if (!x.allFinite() || !((x.array() >= box_.lower.array()) && (x.array() <= box_.upper.array())).all()) return false;
  return std::visit([&](const auto& shape) { return inside(shape, x); }, region_);
}

bool InputSet::contains(const Vector& x, const Vector& y) const {
  if (!contains(x)) return false;
  if (y.size() != size()) {
    throw core::ShapeError("contains: the compressed network's point has " + std::to_string(y.size()) + " coordinates, the input set has " +
                           std::to_string(size()));
  }
  for (Index i = 0; i < y.size(); ++i) {
    // Not negated: a NaN must fail.
    if (!(std::isfinite(y[i]) && core::sub_up(x[i], y[i]) <= difference_[i] && core::sub_up(y[i], x[i]) <= difference_[i])) return false;
  }
  return true;
}

Matrix InputSet::sample(Index count, std::uint64_t seed) const {
  if (count < 0)
    throw core::SettingsError("sample: " + std::to_string(count) + " points asked for, expected a number that is not negative");
  Random random(seed);
  Matrix points(size(), count);
  for (Index j = 0; j < count; ++j) {
    points.col(j) = std::visit([&](const auto& shape) { return random_point(shape, interior_, j % 2 == 0, random); }, region_);
  }
  return points;
}

Vector InputSet::project(const Vector& x) const {
  if (x.size() != size()) {
    throw core::ShapeError("project: the point has " + std::to_string(x.size()) + " coordinates, the input set has " +
                           std::to_string(size()));
  }
  if (!x.allFinite()) throw core::ParseError("project: the point has an entry that is not a finite number");
  return std::visit([&](const auto& shape) { return nearest(shape, interior_, x); }, region_);
}

}  // namespace twincert::sets
