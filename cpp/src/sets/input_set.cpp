#include "twincert/sets/input_set.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "twincert/core/error.hpp"
#include "twincert/sets/polytope.hpp"

namespace twincert::sets {
namespace {

using core::add_up;
using core::mul_up;
using core::ParseError;
using core::ShapeError;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

void check_finite(const Vector& values, const std::string& name) {
  for (Index i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      throw ParseError(name + "[" + std::to_string(i) + "] is " + number(values[i]) + ", expected a finite number");
  }
}

void check_bounds(const IntervalVector& bounds, const std::string& name) {
  if (bounds.lower.size() != bounds.upper.size()) {
    throw ShapeError(name + ": lower has " + std::to_string(bounds.lower.size()) + " coordinates, upper has " +
                     std::to_string(bounds.upper.size()));
  }
  if (bounds.size() == 0) throw ShapeError(name + ": lower and upper are empty, expected at least one coordinate");
  check_finite(bounds.lower, name + ": lower");
  check_finite(bounds.upper, name + ": upper");
  for (Index i = 0; i < bounds.size(); ++i) {
    if (bounds.lower[i] > bounds.upper[i]) {
      throw ParseError(name + ": coordinate " + std::to_string(i) + " is empty, lower " + number(bounds.lower[i]) + " exceeds upper " +
                       number(bounds.upper[i]));
    }
  }
}

void check(const Box& box) { check_bounds(box.bounds, "box"); }

void check(const Ball& ball) {
  if (ball.center.size() == 0) throw ShapeError("ball: the center is empty, expected at least one coordinate");
  check_finite(ball.center, "ball: center");
  if (!std::isfinite(ball.radius) || ball.radius < 0.0) {
    throw ParseError("ball: the radius is " + number(ball.radius) + ", expected a finite number that is not negative");
  }
}

void check(const Polytope& polytope) {
  check_bounds(polytope.bounds, "polytope bounds");
  if (polytope.A.cols() != polytope.bounds.size()) {
    throw ShapeError("polytope: A has " + std::to_string(polytope.A.cols()) + " columns, but the bounds have " +
                     std::to_string(polytope.bounds.size()) + " coordinates");
  }
  if (polytope.A.rows() != polytope.b.size()) {
    throw ShapeError("polytope: A has " + std::to_string(polytope.A.rows()) + " rows, but b has " + std::to_string(polytope.b.size()) +
                     " entries");
  }
  for (Index k = 0; k < polytope.A.rows(); ++k) check_finite(polytope.A.row(k).transpose(), "polytope: A[" + std::to_string(k) + "]");
  check_finite(polytope.b, "polytope: b");
  if (const auto row = infeasible_row(polytope)) {
    throw ParseError("polytope: no point of the bounds satisfies all constraints, row " + std::to_string(*row) +
                     " of A x <= b contradicts the others");
  }
}

IntervalVector bounding_box(const Box& box) { return box.bounds; }

IntervalVector bounding_box(const Ball& ball) {
  IntervalVector bounds{ball.center, ball.center};
  for (Index i = 0; i < bounds.size(); ++i) {
    bounds.set(i, {core::sub_down(ball.center[i], ball.radius), add_up(ball.center[i], ball.radius)});
  }
  return bounds;
}

IntervalVector bounding_box(const Polytope& polytope) { return polytope.bounds; }

// Upper bound of the Euclidean norm of a row, scaled by a power of two so that squares neither overflow nor underflow.
double norm_up(const Matrix& matrix, Index row) {
  const double largest = matrix.row(row).cwiseAbs().maxCoeff();
  if (largest == 0.0 || !std::isfinite(largest)) return largest;
  const int exponent = std::ilogb(largest);
  double sum = 0.0;
  for (Index j = 0; j < matrix.cols(); ++j) {
    // Scaling underflows only where an entry is smaller than the largest by 2^-1000: counted as rounded up.
    const double entry = std::scalbn(matrix(row, j), -exponent);
    sum += entry * entry;
  }
  // The extra terms cover the entries that underflowed.
  const double root = core::next_up(std::sqrt(core::round_up_sum(sum, 2 * matrix.cols())));
  return core::next_up(std::scalbn(root, exponent));
}

Vector maximum_over(const Box& box, const Matrix& coefficients) { return core::linear_maximum(coefficients, box.bounds); }

Vector maximum_over(const Ball& ball, const Matrix& coefficients) {
  Vector bound = core::linear_maximum(coefficients, {ball.center, ball.center});
  for (Index i = 0; i < bound.size(); ++i) bound[i] = add_up(bound[i], mul_up(ball.radius, norm_up(coefficients, i)));
  return bound;
}

Vector maximum_over(const Polytope& polytope, const Matrix& coefficients) { return polytope_maximum(polytope, coefficients); }

void check_columns(const Matrix& coefficients, Index size) {
  if (coefficients.cols() == size) return;
  throw ShapeError("maximum: the coefficients have " + std::to_string(coefficients.cols()) + " columns, the input set has " +
                   std::to_string(size) + " coordinates");
}

}  // namespace

InputSet::InputSet(Region region, Vector difference) : region_(std::move(region)), difference_(std::move(difference)) {
  std::visit([](const auto& shape) { check(shape); }, region_);
  box_ = std::visit([](const auto& shape) { return sets::bounding_box(shape); }, region_);
  if (difference_.size() != box_.size()) {
    throw ShapeError("input difference: " + std::to_string(difference_.size()) + " entries, but the region has " +
                     std::to_string(box_.size()) + " coordinates");
  }
  check_finite(difference_, "input difference");
  for (Index i = 0; i < difference_.size(); ++i) {
    if (difference_[i] < 0.0) {
      throw ParseError("input difference[" + std::to_string(i) + "] is " + number(difference_[i]) +
                       ", expected a number that is not negative");
    }
  }
  shared_ = (difference_.array() == 0.0).all();
  set_compressed_box();
  if (const auto* polytope = std::get_if<Polytope>(&region_)) interior_ = polytope_interior(*polytope).value_or(Vector());
}

void InputSet::set_compressed_box() {
  compressed_box_ = box_;
  for (Index i = 0; i < size(); ++i) {
    compressed_box_.set(i, {core::sub_down(box_.lower[i], difference_[i]), add_up(box_.upper[i], difference_[i])});
  }
}

InputSet InputSet::part(const IntervalVector& window, const Matrix& A, const Vector& b) const {
  if (window.size() != size() || A.rows() != b.size() || (A.rows() > 0 && A.cols() != size())) {
    throw ShapeError("part: expected " + std::to_string(size()) + " coordinates, the window has " + std::to_string(window.size()) +
                     ", the constraints have " + std::to_string(A.cols()) + " and " + std::to_string(A.rows()) + " rows for " +
                     std::to_string(b.size()) + " limits");
  }
  InputSet result = *this;
  result.box_ = core::intersect(box_, window);
  if (auto* box = std::get_if<Box>(&result.region_)) {
    box->bounds = result.box_;
    if (b.size() > 0) result.region_ = Polytope{A, b, result.box_};
  } else if (auto* polytope = std::get_if<Polytope>(&result.region_)) {
    polytope->bounds = result.box_;
    Matrix rows(polytope->A.rows() + A.rows(), size());
    Vector limits(polytope->b.size() + b.size());
    if (polytope->b.size() > 0) rows.topRows(polytope->b.size()) = polytope->A;
    if (b.size() > 0) rows.bottomRows(b.size()) = A;
    limits << polytope->b, b;
    polytope->A = std::move(rows);
    polytope->b = std::move(limits);
  }
  result.part_ = true;
  result.set_compressed_box();
  return result;
}

Vector InputSet::region_maximum(const Matrix& coefficients) const {
  if (const auto* polytope = std::get_if<Polytope>(&region_); polytope && part_)
    return polytope_maximum(*polytope, coefficients, Effort::little);
  const Vector bound = std::visit([&](const auto& shape) { return maximum_over(shape, coefficients); }, region_);
  return part_ && std::holds_alternative<Ball>(region_) ? Vector(bound.cwiseMin(core::linear_maximum(coefficients, box_))) : bound;
}

Vector InputSet::maximum(const Matrix& coefficients) const {
  check_columns(coefficients, size());
  return region_maximum(coefficients);
}

Vector InputSet::maximum(const Matrix& reference_coefficients, const Matrix& compressed_coefficients) const {
  const Matrix& P = reference_coefficients;
  const Matrix& Q = compressed_coefficients;
  check_columns(P, size());
  check_columns(Q, size());
  if (P.rows() != Q.rows()) {
    throw ShapeError("maximum: " + std::to_string(P.rows()) + " rows of coefficients for the reference, but " + std::to_string(Q.rows()) +
                     " for the compressed network");
  }
  // P x + Q y = (P + Q) x - Q (x - y); the rounding of P + Q is exact by TwoSum and charged against max |x|.
  const Index rows = P.rows();
  Matrix sum(rows, P.cols());
  Vector rounding = Vector::Zero(rows);
  for (Index j = 0; j < P.cols(); ++j) {
    const double magnitude = box_[j].magnitude();
    const double *const p = P.col(j).data(), *const q = Q.col(j).data();
    double* const s = sum.col(j).data();
    for (Index i = 0; i < rows; ++i) {
      s[i] = p[i] + q[i];
      const double q_part = s[i] - p[i];
      const double p_part = s[i] - q_part;
      const double error = std::abs((p[i] - p_part) + (q[i] - q_part));
      // Nonzero when the product underflows, NaN when it is unknown.
      rounding[i] += error == 0.0 || magnitude == 0.0 ? 0.0 : std::max(error * magnitude, core::underflow_unit);
    }
  }
  Vector bound = region_maximum(sum);
  for (Index i = 0; i < rows; ++i) bound[i] = add_up(bound[i], rounding[i] == 0.0 ? 0.0 : core::round_up_sum(rounding[i], P.cols()));
  if (!shared_) {
    const Vector shift = core::linear_maximum(Q.cwiseAbs(), {difference_, difference_});
    for (Index i = 0; i < bound.size(); ++i) bound[i] = add_up(bound[i], shift[i]);
  }
  return bound;
}

}  // namespace twincert::sets
