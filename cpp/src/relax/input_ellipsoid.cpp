#include "twincert/relax/input_ellipsoid.hpp"

#include <algorithm>
#include <cmath>
#include <variant>

#include "twincert/core/blas.hpp"

namespace twincert::relax {
namespace {

using network::StagePair;
using sets::InputSet;

// Added to the diagonal of B B^T, relative to its mean: functionals that depend on each other keep a factor of size 1e4 or so.
constexpr double regularisation = 1e-9;
// Covers the rounding of the error sums themselves, all of nonnegative terms.
constexpr double inflation = 1.0 + 1e-9;

// Functionals as offset + slopes z with errors, z of radius one: the inputs first, then what g's input differs by.
struct Functionals {
  Vector offset, offset_error;
  Matrix slopes;       // functionals x radii
  Vector slope_error;  // relative error of each row's slopes
};

struct Radii {
  Vector center;
  Vector input;           // of x about its center
  Vector difference;      // of x - y
  double largest_square;  // of |z|_2 over the set
  Index ball = 0;         // so many leading entries of z have 2-norm at most one
};

Radii radii_of(const InputSet& set) {
  Radii radii;
  const Index n = set.size();
  radii.difference = set.difference();
  const auto moving = [](const Vector& radius) { return static_cast<double>((radius.array() > 0.0).count()); };
  if (const auto* ball = std::get_if<sets::Ball>(&set.region()); ball && ball->radius > 0.0) {
    radii.center = ball->center;
    radii.input = Vector::Constant(n, ball->radius);
    radii.ball = n;
    radii.largest_square = 1.0 + moving(radii.difference);
    return radii;
  }
  const IntervalVector& box = set.bounding_box();
  radii.center = 0.5 * box.lower + 0.5 * box.upper;
  radii.input.resize(n);
  for (Index p = 0; p < n; ++p) {
    radii.input[p] = std::max({0.0, core::sub_up(box.upper[p], radii.center[p]), core::sub_up(radii.center[p], box.lower[p])});
  }
  radii.largest_square = moving(radii.input) + moving(radii.difference);
  return radii;
}

Functionals functionals_of(const StagePair& stage, const Radii& radii, const std::vector<SharedRow>& rows) {
  const Index count = static_cast<Index>(rows.size()), n = radii.center.size();
  const bool shared = radii.difference.isZero(0.0);
  Functionals result{Vector(count), Vector(count), Matrix::Zero(count, shared ? n : 2 * n), Vector::Constant(count, core::gamma(4))};
  for (Index r = 0; r < count; ++r) {
    const SharedRow& row = rows[static_cast<std::size_t>(r)];
    const double scale = std::ldexp(1.0, row.exponent);
    const auto f = stage.reference.weight.row(row.side == Side::compressed ? 0 : row.neuron);
    const auto g = stage.compressed.weight.row(row.side == Side::reference ? 0 : row.neuron);
    double value = 0.0, size = 0.0;
    for (Index p = 0; p < n; ++p) {
      // g reads y = x - (x - y).
      const double slope = row.side == Side::reference ? f[p] : row.side == Side::compressed ? g[p] : f[p] - g[p];
      const double other = row.side == Side::reference ? 0.0 : row.side == Side::compressed ? -g[p] : g[p];
      value += slope * radii.center[p];
      size += std::abs(slope * radii.center[p]);
      result.slopes(r, p) = slope * radii.input[p] * scale;
      if (!shared) result.slopes(r, n + p) = other * radii.difference[p] * scale;
    }
    const double bias = row.side == Side::reference    ? stage.reference.bias[row.neuron]
                        : row.side == Side::compressed ? stage.compressed.bias[row.neuron]
                                                       : stage.reference.bias[row.neuron] - stage.compressed.bias[row.neuron];
    result.offset[r] = (value + bias - row.center) * scale;
    size += std::abs(bias) + std::abs(row.center);
    result.offset_error[r] = (core::gamma(n + 6) * size * inflation + 0x1p-1000) * scale + 0x1p-1000;
  }
  return result;
}

// Lower triangular L with L L^T = B B^T + shift, by columns; every sum in one fixed order, and nothing is contracted
// (cpp/cmake/warnings.cmake).
Matrix cholesky(const Matrix& slopes) {
  const Index n = slopes.rows();
  Matrix factor = Matrix::Zero(n, n);
  for (Index p = 0; p < slopes.cols(); ++p) {
    for (Index j = 0; j < n; ++j) {
      const double left = slopes(j, p);
      if (left == 0.0) continue;
      for (Index i = j; i < n; ++i) factor(i, j) += slopes(i, p) * left;
    }
  }
  double trace = 0.0;
  for (Index j = 0; j < n; ++j) trace += factor(j, j);
  const double shift = regularisation * (trace > 0.0 ? trace / static_cast<double>(n) : 1.0);
  for (Index j = 0; j < n; ++j) factor(j, j) += shift;
  for (Index j = 0; j < n; ++j) {
    // Rounding must not make a pivot vanish.
    const double pivot = std::sqrt(std::max(factor(j, j), 0.5 * shift));
    for (Index i = j; i < n; ++i) factor(i, j) /= pivot;
    factor(j, j) = pivot;
    for (Index k = j + 1; k < n; ++k) {
      const double left = factor(k, j);
      for (Index i = k; i < n; ++i) factor(i, k) -= factor(i, j) * left;
    }
  }
  return factor;
}

// Inverse of a lower triangular matrix times a scalar, by columns in one fixed order.
Matrix inverse(const Matrix& factor, double scalar) {
  const Index n = factor.rows();
  Matrix result = Matrix::Zero(n, n);
  for (Index j = 0; j < n; ++j) {
    result(j, j) = scalar;
    for (Index k = j; k < n; ++k) {
      const double solved = result(k, j) / factor(k, k);
      result(k, j) = solved;
      for (Index i = k + 1; i < n; ++i) result(i, j) -= factor(i, k) * solved;
    }
  }
  return result;
}

}  // namespace

EllipsoidRows ellipsoid_rows(const StagePair& stage, const InputSet& set, const std::vector<SharedRow>& functionals) {
  const Index count = static_cast<Index>(functionals.size());
  if (count == 0) return {Matrix(0, 1), IntervalVector{Vector(0), Vector(0)}, 0.0};
  const Radii radii = radii_of(set);
  const Functionals v = functionals_of(stage, radii, functionals);
  const Matrix whitening = inverse(cholesky(v.slopes), 1.0 / std::sqrt(std::max(1.0, radii.largest_square)));
  EllipsoidRows rows{Matrix(count, count + 1), IntervalVector{Vector(count), Vector(count)}, 0.0};
  rows.coefficients.rightCols(count) = whitening;
  for (Index i = 0; i < count; ++i) {
    double at_center = 0.0;
    for (Index j = 0; j <= i; ++j) at_center += whitening(i, j) * v.offset[j];
    rows.coefficients(i, 0) = -at_center;
  }

  // q = rest + A z, with what rounding leaves of either.
  const Matrix magnitude = whitening.cwiseAbs();
  Matrix A(count, v.slopes.cols()), reach(count, v.slopes.cols());
  core::gemm(core::Transpose::no, core::Transpose::no, 1.0, whitening, v.slopes, 0.0, A);
  core::gemm(core::Transpose::no, core::Transpose::no, 1.0, magnitude, v.slopes.cwiseAbs(), 0.0, reach);
  const Matrix error = ((core::gamma(count + 8) + v.slope_error.maxCoeff()) * inflation * reach).array() + 0x1p-900;
  const Vector rest = (magnitude * (v.offset_error + core::gamma(count + 8) * v.offset.cwiseAbs()) * inflation).array() + 0x1p-900;
  for (Index i = 0; i < count; ++i) {
    const auto sizes = (A.row(i).cwiseAbs() + error.row(i)).eval();
    const double in_ball = sizes.head(radii.ball).norm() * inflation;
    const double apart = sizes.tail(sizes.size() - radii.ball).sum() * inflation;
    const double most = core::next_up((in_ball + apart + rest[i]) * inflation);
    rows.intervals.set(i, {-most, most});
  }
  // |A|_2^2 <= the largest row sum of |A A^T|; its rounding is at most gamma |A_i| |A_j| by Cauchy and Schwarz.
  Matrix gram(count, count);
  core::gemm(core::Transpose::no, core::Transpose::yes, 1.0, A, A, 0.0, gram);
  const Vector norms = A.rowwise().norm() * inflation;
  const Vector sums = gram.cwiseAbs().rowwise().sum() + core::gamma(A.cols() + 8) * norms.sum() * norms;
  const double norm = std::sqrt(sums.maxCoeff() * inflation) + error.norm();
  const double largest = (norm * std::sqrt(radii.largest_square) + rest.norm()) * inflation;
  rows.cap = core::next_up(largest * largest * inflation);
  return rows;
}

}  // namespace twincert::relax
