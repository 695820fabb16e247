#include "twincert/bounds/optimize_quadratic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "twincert/bounds/rounding.hpp"
#include "twincert/core/blas.hpp"
#include "twincert/core/eigenvalue_bound.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double unit = core::unit_roundoff;

// At least the largest slope . L - kappa (L - middle)^2 over [lower, upper]. The vertex' value bounds every interval; it is taken unless
// the vertex is clearly outside, where the parabola is largest at an end. Each formula has at most eight roundings of terms that `size`
// sums.
double parabola_upper(double slope, double kappa, double middle, double lower, double upper) {
  const double reach = slope / (2.0 * kappa);
  const double vertex = middle + reach;
  const double slack = 1e-12 * (std::abs(middle) + std::abs(reach) + std::abs(lower) + std::abs(upper));
  double value, size;
  if (vertex < lower - slack || vertex > upper + slack) {
    const double end = vertex < lower ? lower : upper;
    const double square = kappa * (end - middle) * (end - middle);
    value = slope * end - square;
    // The difference end - middle is rounded relative to itself, which is exact enough: both are doubles.
    size = std::abs(slope * end) + square;
  } else {
    const double square = 0.5 * slope * reach;
    value = slope * middle + square;
    size = std::abs(slope * middle) + square;
  }
  return value + 16.0 * unit * size + 64.0 * core::underflow_unit;
}

// T of the header, for L in [lower, upper].
double offset(double theta, double kappa, double middle, double lower, double upper) {
  if (!(lower <= upper)) return infinity;  // overflow
  const bool above = upper > 0.0, below = lower <= 0.0;
  const double first = above ? parabola_upper(1.0 - theta, kappa, middle, std::max(lower, 0.0), upper) : -infinity;
  const double second = below ? parabola_upper(-theta, kappa, middle, lower, std::min(upper, 0.0)) : -infinity;
  return std::isnan(first) || std::isnan(second) ? infinity : std::max(first, second);
}

}  // namespace

QuadraticStage::QuadraticStage(const PairStage& stage, const InputSet& set) : stage_(stage) {
  const bool relu = stage.reference_activation->kind == network::ActivationKind::relu &&
                    stage.compressed_activation->kind == network::ActivationKind::relu;
  if (!relu || !set.shared_input()) return;
  for (const PlaneNeuron& neuron : stage.planes) planes_.push_back(neuron.column);
  if (empty()) return;
  const IntervalVector& box = set.bounding_box();
  const BackwardPass::Side& f = stage.relaxed->reference;
  const BackwardPass::Side& g = stage.relaxed->compressed;
  const Vector middle = 0.5 * box.lower + 0.5 * box.upper;
  half_width_.resize(middle.size());
  for (Index j = 0; j < middle.size(); ++j)
    half_width_[j] = std::max(core::sub_up(box.upper[j], middle[j]), core::sub_up(middle[j], box.lower[j]));
  all_reference_ = f.weight * half_width_.asDiagonal();
  all_change_ = stage.weight_change * half_width_.asDiagonal();
  reference_ = all_reference_(planes_, Eigen::all);
  change_ = all_change_(planes_, Eigen::all);
  reference_transpose_ = reference_.transpose();
  change_transpose_ = change_.transpose();
  const Vector bias_change = f.bias - g.bias;
  reference_middle_ = (f.weight * middle + f.bias)(planes_);
  change_middle_ = (stage.weight_change * middle + bias_change)(planes_);
  const Vector reach = middle.cwiseAbs() + half_width_;
  reference_size_ = (f.weight.cwiseAbs() * reach + f.bias.cwiseAbs())(planes_);
  change_size_ = (stage.weight_change.cwiseAbs() * reach + bias_change.cwiseAbs())(planes_);
  for (Vector* const size : {&reference_size_, &change_size_}) {
    for (double& x : *size) x = core::round_up_sum(x, reach.size() + 3);
  }
}

QuadraticRows QuadraticStage::split(const PairForms& rows, PairForms& forms, Vector& shift, Vector& load) const {
  const Index count = rows.reference.rows.rows();
  const Matrix none = Matrix::Zero(count, static_cast<Index>(planes_.size()));
  QuadraticRows result{reference_, change_, reference_transpose_, change_transpose_, none, none, none, {}};
  forms = rows;
  for (std::size_t n = 0, next = 0; n < stage_.relaxed->pairs.size(); ++n) {
    const auto column = static_cast<Index>(n);
    const bool plane = next < planes_.size() && planes_[next] == column;
    const auto k = static_cast<Index>(next);
    for (Index r = 0; r < count; ++r) {
      double& p = forms.reference.rows(r, column);
      double& q = forms.compressed.rows(r, column);
      if (plane && ((p > 0.0 && q < 0.0) || (p < 0.0 && q > 0.0)) && std::isfinite(p) && std::isfinite(q)) {
        result.scale_reference(r, k) = p + q;
        result.scale_change(r, k) = q;
        result.middle(r, k) = (p + q) * reference_middle_[k] - q * change_middle_[k];
        p = q = 0.0;
      } else {
        std::visit([&](const auto& pair) { pair.relax({1, &p, &q, shift.data() + r, load.data() + r}); }, stage_.relaxed->pairs[n]);
      }
    }
    if (plane) ++next;
  }
  // p x + q y = (p + q) x - q (x - y)
  result.kept.resize(count, half_width_.size());
  core::gemm(core::Transpose::no, core::Transpose::no, 1.0, forms.reference.rows + forms.compressed.rows, all_reference_, 0.0, result.kept);
  core::gemm(core::Transpose::no, core::Transpose::no, -1.0, forms.compressed.rows, all_change_, 1.0, result.kept);
  return result;
}

PairForms QuadraticStage::bound(const PairForms& rows) const {
  const Index count = rows.reference.rows.rows();
  PairForms forms;
  Vector shift = Vector::Zero(count), load = shift;
  const QuadraticRows quadratic = split(rows, forms, shift, load);
  const QuadraticMultipliers multipliers = find_multipliers(quadratic, half_width_);
  for (Index r = 0; r < count; ++r) close(rows, quadratic, multipliers, r, forms, shift, load);
  add_neuron_terms(forms.reference.constant, shift, load, forms.reference.rows.cols() + forms.compressed.rows.cols(),
                   stage_.relaxed->value_sum());
  BackwardPass::through_affine(stage_.relaxed->reference, forms.reference.rows, forms.reference.constant);
  BackwardPass::through_affine(stage_.relaxed->compressed, forms.compressed.rows, forms.compressed.constant);
  return forms;
}

// Row r with whatever multipliers were found. M = middle + l . z below is the floating-point image of L, and |L - M| <= error: each
// coefficient has at most six roundings, the sums at most `inputs` + 2 more. Then max(0, L) <= max(0, M) + error and theta M <= theta L +
// error. What theta p and theta q lose by rounding is paid for as for a plane. What the coefficients lose by underflow is multiplied by s
// or q, and counts as an error.
void QuadraticStage::close(const PairForms& rows, const QuadraticRows& quadratic, const QuadraticMultipliers& multipliers, Index r,
                           PairForms& forms, Vector& shift, Vector& load) const {
  const auto pairs = static_cast<Index>(planes_.size());
  const Index inputs = half_width_.size();
  // D^-1/2 as it is used; the weights are its exact inverse squares.
  const Vector root = multipliers.weight.row(r).transpose().cwiseSqrt().cwiseInverse();
  const double total = core::round_up_sum(root.cwiseAbs2().cwiseInverse().sum(), inputs + 4);
  Matrix scaled = Matrix::Zero(pairs, inputs);  // sqrt(kappa_k) l_k D^-1/2, a pair a row
  double errors = 0.0;
  for (Index k = 0; k < pairs; ++k) {
    const double s = quadratic.scale_reference(r, k), q = quadratic.scale_change(r, k);
    if (q == 0.0) continue;
    const Index column = planes_[static_cast<std::size_t>(k)];
    const double p = rows.reference.rows(r, column);
    const double theta = multipliers.theta(r, k), kappa = multipliers.kappa(r, k), middle = quadratic.middle(r, k);
    const Vector form = (s * reference_.row(k) - q * change_.row(k)).transpose();
    const double size = core::round_up_sum(std::abs(s) * reference_size_[k] + std::abs(q) * change_size_[k], 4);
    const double lost = static_cast<double>(8 * inputs + 8) * (1.0 + std::abs(s) + std::abs(q));
    errors += core::gamma(inputs + 12) * size + core::underflow_unit * core::round_up_sum(lost, 8);
    const double radius = core::round_up_sum(form.lpNorm<1>(), inputs);
    const double t = offset(theta, kappa, middle, core::sub_down(middle, radius), core::add_up(middle, radius));
    scaled.row(k) = (std::sqrt(kappa) * root).cwiseProduct(form).transpose();
    const PolygonTable& polygon = stage_.planes[static_cast<std::size_t>(k)].table.polygon;
    forms.reference.rows(r, column) = theta * p;
    forms.compressed.rows(r, column) = theta * q;
    shift[r] += t;
    load[r] += std::abs(t) + 2.0 * (std::abs(p) * polygon.reference_load + std::abs(q) * polygon.compressed_load);
  }
  // The squared norm of the factor, from the Gram matrix that floating point makes of it: off by gamma(inputs) of its trace. The factor's
  // entries are off by a few ulps, or by what underflows, which changes the square by as many ulps of the trace.
  Matrix gram = Matrix::Zero(pairs, pairs);
  core::syrk_lower(1.0, scaled.data(), pairs, inputs, pairs, 0.0, gram);
  const double trace = core::round_up_sum(scaled.squaredNorm(), pairs * inputs);
  const double rounding = core::gamma(inputs + 16) * trace + static_cast<double>(4 * pairs * inputs) * core::underflow_unit;
  const double lambda = core::round_up_sum(core::largest_eigenvalue_upper(gram) + rounding, 8);
  const double cost = core::round_up_sum(lambda * total + 2.0 * errors, pairs + 8);
  forms.reference.constant[r] = core::add_up(forms.reference.constant[r], std::isfinite(cost) ? cost : infinity);
}

}  // namespace twincert::bounds
