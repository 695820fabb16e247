#include "twincert/core/interval.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "twincert/core/error.hpp"

namespace twincert::core {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();

double smallest_nonzero(const double* values, Index count) {
  double smallest = infinity;
  for (Index i = 0; i < count; ++i) {
    const double value = std::abs(values[i]);
    smallest = (value != 0.0 && value < smallest) ? value : smallest;
  }
  return smallest;
}

// Row by row in interval arithmetic: exact for rows with one entry, and the way that copes with infinite bounds.
Interval affine_row(const Matrix& weight, Index row, double bias, const IntervalVector& box) {
  Interval value{0.0, 0.0};
  for (Index j = 0; j < box.size(); ++j) {
    if (weight(row, j) != 0.0) value = value + weight(row, j) * box[j];
  }
  return value + Interval{bias, bias};
}

// Parts of W x + b over a box in midpoint-radius form, in floating point; one pass over W.
struct AffineParts {
  Vector middle;    // W c + b
  Vector absolute;  // |W| |c| + |b|
  Vector radius;    // |W| r
  Eigen::VectorXi entries;
};

AffineParts affine_parts(const Matrix& weight, const Vector& bias, const Vector& center, const Vector& radius) {
  const Index rows = weight.rows();
  AffineParts parts{bias, bias.cwiseAbs(), Vector::Zero(rows), Eigen::VectorXi::Zero(rows)};
  for (Index j = 0; j < weight.cols(); ++j) {
    const double c = center[j];
    const double c_magnitude = std::abs(c);
    const double r = radius[j];
    const double* column = weight.data() + j * rows;
    for (Index i = 0; i < rows; ++i) {
      const double w = column[i];
      const double w_magnitude = std::abs(w);
      parts.middle[i] += w * c;
      parts.absolute[i] += w_magnitude * c_magnitude;
      parts.radius[i] += w_magnitude * r;
      parts.entries[i] += w != 0.0;
    }
  }
  return parts;
}

}  // namespace

double overflowed_sum_up(double a, double b, double sum) {
  if (std::isnan(sum)) return infinity;
  return (sum < 0.0 && std::isfinite(a) && std::isfinite(b)) ? -largest : sum;
}

double mul_up(double a, double b) {
  if (a == 0.0 || b == 0.0) return 0.0;
  const double product = a * b;
  if (std::isnan(product)) return infinity;
  if (std::isinf(product)) return (product < 0.0 && std::isfinite(a) && std::isfinite(b)) ? -largest : product;
  if (std::abs(a) == 1.0 || std::abs(b) == 1.0) return product;
  // The fused residual is exact unless it underflows.
  if (std::abs(product) >= 0x1p-900 && std::fma(a, b, -product) <= 0.0) return product;
  return next_up(product);
}

double gamma(Index n) {
  const double nu = static_cast<double>(n) * unit_roundoff;
  if (nu >= 0.5) return infinity;
  return next_up(nu / next_down(1.0 - nu));
}

double round_up_sum(double computed, Index terms) {
  // computed >= (1 - gamma) exact - terms eta, and 1 / (1 - g) <= 1 + 2 g for g <= 1/2.
  const double growth = gamma(terms);
  if (!(growth <= 0.5)) return infinity;
  return mul_up(add_up(computed, static_cast<double>(terms) * underflow_unit), add_up(1.0, 2.0 * growth));
}

Interval operator*(Interval a, Interval b) {
  return {std::min({mul_down(a.lower, b.lower), mul_down(a.lower, b.upper), mul_down(a.upper, b.lower), mul_down(a.upper, b.upper)}),
          std::max({mul_up(a.lower, b.lower), mul_up(a.lower, b.upper), mul_up(a.upper, b.lower), mul_up(a.upper, b.upper)})};
}

Interval operator*(double a, Interval b) {
  return a < 0.0 ? Interval{mul_down(a, b.upper), mul_up(a, b.lower)} : Interval{mul_down(a, b.lower), mul_up(a, b.upper)};
}

Vector IntervalVector::magnitude() const { return lower.cwiseAbs().cwiseMax(upper.cwiseAbs()); }

IntervalVector intersect(const IntervalVector& a, const IntervalVector& b) {
  IntervalVector result = a;
  for (Index i = 0; i < a.size(); ++i) result.set(i, intersect(a[i], b[i]));
  return result;
}

IntervalVector affine_image(const Matrix& weight, const Vector& bias, const IntervalVector& box) {
  const Index rows = weight.rows();
  const Index columns = weight.cols();
  if (box.size() != columns || bias.size() != rows) {
    throw ShapeError("affine_image: weight is " + std::to_string(rows) + " x " + std::to_string(columns) + ", the box has " +
                     std::to_string(box.size()) + " coordinates and the bias " + std::to_string(bias.size()));
  }
  IntervalVector image{Vector(rows), Vector(rows)};
  if (!box.lower.allFinite() || !box.upper.allFinite()) {
    for (Index i = 0; i < rows; ++i) image.set(i, affine_row(weight, i, bias[i], box));
    return image;
  }
  Vector center(columns);
  Vector radius(columns);
  for (Index j = 0; j < columns; ++j) {
    center[j] = box.lower[j] == box.upper[j] ? box.lower[j] : 0.5 * box.lower[j] + 0.5 * box.upper[j];
    radius[j] = std::max({sub_up(box.upper[j], center[j]), sub_up(center[j], box.lower[j]), 0.0});
  }
  const AffineParts parts = affine_parts(weight, bias, center, radius);
  // Without products in the underflow range the error is purely relative, and exact zeros stay exact.
  const double smallest_factor = std::min(smallest_nonzero(center.data(), columns), smallest_nonzero(radius.data(), columns));
  const bool underflow = smallest_nonzero(weight.data(), weight.size()) * smallest_factor < 0x1p-960;
  const double underflow_error = underflow ? 2.0 * static_cast<double>(columns + 1) * underflow_unit : 0.0;
  // Both sums have at most columns + 1 terms; 1 / (1 - g) <= 1 + 2 g.
  const double error_factor = gamma(columns + 1);
  const double growth = add_up(1.0, 2.0 * error_factor);
  for (Index i = 0; i < rows; ++i) {
    if (parts.entries[i] <= 1) {
      image.set(i, affine_row(weight, i, bias[i], box));
      continue;
    }
    const double absolute = mul_up(add_up(parts.absolute[i], underflow_error), growth);
    const double radius_bound = mul_up(add_up(parts.radius[i], underflow_error), growth);
    const double spread = add_up(radius_bound, add_up(mul_up(error_factor, absolute), underflow_error));
    if (std::isfinite(parts.middle[i]) && std::isfinite(spread)) {
      image.set(i, {sub_down(parts.middle[i], spread), add_up(parts.middle[i], spread)});
    } else {
      image.set(i, affine_row(weight, i, bias[i], box));
    }
  }
  return image;
}

Vector linear_maximum(const Matrix& coefficients, const IntervalVector& box) {
  return affine_image(coefficients, Vector::Zero(coefficients.rows()), box).upper;
}

}  // namespace twincert::core
