#include "twincert/core/interval.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "twincert/core/clones.hpp"
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

struct Middle {
  double center;
  double radius;  // rounded up
};

Middle middle_of(Interval x) {
  const double center = x.lower == x.upper ? x.lower : 0.5 * x.lower + 0.5 * x.upper;
  return {center, std::max({sub_up(x.upper, center), sub_up(center, x.lower), 0.0})};
}

// One column's share of C c, |C| |c|, |C| r, of the numbers of entries and of the smallest of them, which lie side by side in `sums`.
TWINCERT_CLONES void add_column(Index rows, const double* column, double center, double radius, double* sums) {
  double *const middle = sums, *const absolute = middle + rows, *const spread = absolute + rows, *const entries = spread + rows,
                *const smallest = entries + rows;
  const double center_magnitude = std::abs(center);
  for (Index i = 0; i < rows; ++i) {
    const double magnitude = std::abs(column[i]);
    middle[i] += column[i] * center;
    absolute[i] += magnitude * center_magnitude;
    spread[i] += magnitude * radius;
    entries[i] += magnitude > 0.0 ? 1.0 : 0.0;
    smallest[i] = magnitude > 0.0 && magnitude < smallest[i] ? magnitude : smallest[i];
  }
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
    const Middle middle = middle_of(box[j]);
    center[j] = middle.center;
    radius[j] = middle.radius;
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

// As affine_image, without its lower ends: the error terms of all rows first, in loops that vectorise, and one exact step per row.
Vector linear_maximum(const Matrix& coefficients, const IntervalVector& box) {
  const Index rows = coefficients.rows(), columns = coefficients.cols();
  if (box.size() != columns || !box.lower.allFinite() || !box.upper.allFinite()) {
    return affine_image(coefficients, Vector::Zero(rows), box).upper;
  }
  Matrix sums(rows, 5);
  sums.leftCols(4).setZero();
  sums.col(4).setConstant(infinity);
  double smallest_factor = infinity;
  for (Index j = 0; j < columns; ++j) {
    const auto [center, radius] = middle_of(box[j]);
    for (const double factor : {std::abs(center), radius}) {
      if (factor != 0.0) smallest_factor = std::min(smallest_factor, factor);
    }
    add_column(rows, coefficients.col(j).data(), center, radius, sums.data());
  }
  const double error_factor = gamma(columns + 1);
  const double growth = add_up(1.0, 2.0 * error_factor);
  const double underflow_sum = 2.0 * static_cast<double>(columns + 1) * underflow_unit;
  Vector maximum(rows);
  for (Index i = 0; i < rows; ++i) {
    const double middle = sums(i, 0), absolute = sums(i, 1), radius = sums(i, 2), entries = sums(i, 3);
    const double underflow = sums(i, 4) * smallest_factor < 0x1p-960 ? underflow_sum : 0.0;
    // Of nonnegative terms, with fewer than sixteen roundings.
    const double spread = growth * (radius + underflow) + (error_factor * growth * (absolute + underflow) + underflow);
    const double raised = spread * (1.0 + 32.0 * unit_roundoff) + underflow;
    const bool exact = entries <= 1.0 || !std::isfinite(middle) || !std::isfinite(raised);
    maximum[i] = exact ? affine_row(coefficients, i, 0.0, box).upper : add_up(middle, raised);
  }
  return maximum;
}

}  // namespace twincert::core
