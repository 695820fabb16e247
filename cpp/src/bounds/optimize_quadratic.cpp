#include "twincert/bounds/optimize_quadratic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <variant>

#include "twincert/bounds/rounding.hpp"
#include "twincert/core/blas.hpp"
#include "twincert/core/eigenvalue_bound.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The neurons that have parabolas, among the live ones.
std::vector<Index> pair_neurons(const PairStage& stage) {
  std::vector<Index> neurons;
  for (const PlaneNeuron& neuron : stage.planes) neurons.push_back(neuron.column);
  return neurons;
}

bool relu(const PairStage& stage) {
  return stage.reference_activation->kind == network::ActivationKind::relu &&
         stage.compressed_activation->kind == network::ActivationKind::relu;
}

Vector half_widths(const IntervalVector& box, const Vector& middle) {
  Vector result(middle.size());
  for (Index j = 0; j < middle.size(); ++j)
    result[j] = std::max(core::sub_up(box.upper[j], middle[j]), core::sub_up(middle[j], box.lower[j]));
  return result;
}

// How far a number of the interval can be from `middle`.
double range_from(double middle, Interval x) { return std::max({core::sub_up(x.upper, middle), core::sub_up(middle, x.lower), 0.0}); }

// Columns of sqrt(weight) times a form, divided by square roots of the inputs' weights.
class Factor {
 public:
  Factor(const QuadraticStage& stage, Vector root, Index most) : stage_(stage), root_(std::move(root)), columns_(root_.size(), most) {}

  // sqrt(weight) (s a_f + t (a_f - a_g)) of a neuron.
  void add(double weight, double s, double t, Index neuron) {
    const Index inputs = stage_.reference.cols();
    const double scale = std::sqrt(weight);
    auto column = columns_.col(count_++).array();
    column.head(inputs) = (s * stage_.reference_transpose.col(neuron) + t * stage_.change_transpose.col(neuron)).array();
    if (!stage_.first) column.tail(inputs) = t * stage_.compressed_transpose.col(neuron).array();
    column *= scale * root_.array();
  }

  // At least the largest eigenvalue of the exact factor's Gram matrix, from the one that floating point makes of the computed factor: off
  // by gamma(length) of its trace. The factor's entries are off by a few ulps, or by what underflows, which changes the square by as many
  // ulps of the trace.
  double largest_eigenvalue() const {
    if (count_ == 0) return 0.0;
    const Index length = std::max(count_, columns_.rows());
    const Matrix factor = columns_.rows() <= count_ ? Matrix(columns_.leftCols(count_)) : Matrix(columns_.leftCols(count_).transpose());
    Matrix gram = Matrix::Zero(factor.rows(), factor.rows());
    core::syrk_lower(1.0, factor.data(), factor.rows(), factor.cols(), factor.rows(), 0.0, gram);
    const Index entries = factor.rows() * factor.cols();
    const double trace = core::round_up_sum(factor.squaredNorm(), entries);
    const double rounding = core::gamma(length + 16) * trace + static_cast<double>(4 * entries) * core::underflow_unit;
    return core::round_up_sum(core::largest_eigenvalue_upper(gram) + rounding, 8);
  }

 private:
  const QuadraticStage& stage_;
  Vector root_;
  Matrix columns_;
  Index count_ = 0;
};

// y = slope a in both networks; zero where they are not affine.
struct Slopes {
  double reference, compressed;
};
Slopes slopes_of(const PairRelaxation& pair) {
  const auto* const lines = std::get_if<AffinePair>(&pair);
  return lines ? Slopes{lines->reference.slope, lines->compressed.slope} : Slopes{0.0, 0.0};
}

// Finite slopes, and weights whose squares and square roots neither vanish nor overflow.
bool usable(const QuadraticMultipliers& m, Index r) {
  const auto weight = m.weight.row(r).array();
  return m.f_by_x.row(r).allFinite() && m.f_by_y.row(r).allFinite() && m.e_by_x.row(r).allFinite() && m.e_by_y.row(r).allFinite() &&
         m.kappa.row(r).allFinite() && (weight >= 1e-280).all() && (weight <= 1e280).all();
}

}  // namespace

QuadraticChain::QuadraticChain(const std::vector<PairStage>& stages, const std::vector<StageBounds>& bounds, const InputSet& set)
    : stages_(stages) {
  if (!set.shared_input()) return;
  bool pairs = false;
  for (const PairStage& stage : stages) {
    if (!stage.paired() || !relu(stage)) return;
    pairs = pairs || !stage.planes.empty();
  }
  if (!pairs) return;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    std::vector<Index> all(stages[k].relaxed->pairs.size());
    std::iota(all.begin(), all.end(), Index{0});
    add_stage(stages[k], k + 1 < stages.size() ? all : pair_neurons(stages[k]), bounds[k], set);
  }
}

// The stage's `neurons`, among the live ones.
void QuadraticChain::add_stage(const PairStage& stage, const std::vector<Index>& neurons, const StageBounds& bounds, const InputSet& set) {
  const BackwardPass::Side& f = stage.relaxed->reference;
  const BackwardPass::Side& g = stage.relaxed->compressed;
  const Matrix weight = f.weight(neurons, Eigen::all), change = stage.weight_change(neurons, Eigen::all);
  const Vector bias = f.bias(neurons), bias_change = (f.bias - g.bias)(neurons);
  const auto count = static_cast<Index>(neurons.size());
  QuadraticStage own;
  own.first = search_.empty();
  Sizes sizes;
  Vector middle, change_middle, reach, change_reach;  // of the inputs
  if (own.first) {
    const IntervalVector& box = set.bounding_box();
    middle = 0.5 * box.lower + 0.5 * box.upper;
    half_width_ = reach = half_widths(box, middle);
    change_middle = change_reach = Vector::Zero(middle.size());
    own.reference = weight * reach.asDiagonal();
    own.change = change * reach.asDiagonal();
    own.input_reach = (reach.array() > 0.0).cast<double>();
  } else {
    const QuadraticStage& before = search_.back();
    middle = before.value_middle;
    change_middle = before.value_change_middle;
    reach = sizes_.back().reference_range;
    change_reach = sizes_.back().change_range + before.loses_change.cwiseProduct(before.change_middle.cwiseAbs());
    own.reference = weight;
    own.change = change;
    own.compressed = g.weight(neurons, Eigen::all);
    own.input_reach.resize(2 * middle.size());
    own.input_reach << reach, change_reach;
  }
  own.reference_middle = weight * middle + bias;
  own.change_middle = change * middle + bias_change;
  const Vector input_size = middle.cwiseAbs() + reach, input_change_size = change_middle.cwiseAbs() + change_reach;
  sizes.reference = weight.cwiseAbs() * input_size + bias.cwiseAbs();
  sizes.change = change.cwiseAbs() * input_size + bias_change.cwiseAbs();
  if (!own.first) {
    own.change_middle += own.compressed * change_middle;
    sizes.change += own.compressed.cwiseAbs() * input_change_size;
  }
  for (Vector* const size : {&sizes.reference, &sizes.change}) {
    for (double& x : *size) x = core::round_up_sum(x, 2 * middle.size() + 4);
  }
  sizes.input_sum = core::round_up_sum(input_size.sum() + input_change_size.sum(), 2 * middle.size() + 4);
  own.reference_slope = own.compressed_slope = own.loses_change = sizes.reference_range = sizes.change_range = Vector::Zero(count);
  for (Index n = 0; n < count; ++n) {
    const Index neuron = neurons[static_cast<std::size_t>(n)], i = f.live[static_cast<std::size_t>(neuron)];
    const PairRelaxation& pair = stage.relaxed->pairs[static_cast<std::size_t>(neuron)];
    const auto [reference_slope, compressed_slope] = slopes_of(pair);
    sizes.reference_range[n] = range_from(own.reference_middle[n], bounds.reference[i]);
    sizes.change_range[n] = range_from(own.change_middle[n], bounds.difference[i]);
    own.reference_slope[n] = reference_slope;
    own.compressed_slope[n] = compressed_slope;
    own.loses_change[n] = reference_slope == 1.0 && compressed_slope == 1.0 ? 0.0 : 1.0;
    if (const auto* const polygon = std::get_if<PolygonPair>(&pair)) {
      own.pairs.push_back(n);
      own.boundaries.emplace_back(polygon->table(), own.reference_middle[n], own.change_middle[n]);
    }
  }
  // An input that does not vary is at its middle: it has no part in squares, as those of the network with half width zero have none.
  for (Index j = 0; !own.first && j < middle.size(); ++j) {
    if (reach[j] == 0.0) {
      own.reference.col(j).setZero();
      own.change.col(j).setZero();
    }
    if (change_reach[j] == 0.0) own.compressed.col(j).setZero();
  }
  own.reference_transpose = own.reference.transpose();
  own.change_transpose = own.change.transpose();
  own.compressed_transpose = own.compressed.transpose();
  own.value_middle = own.reference_middle.cwiseMax(0.0);
  own.value_change_middle = (1.0 - own.loses_change.array()).matrix().cwiseProduct(own.change_middle);
  search_.push_back(std::move(own));
  sizes_.push_back(std::move(sizes));
}

// The last stage's other neurons take no part in the search: their rows never change.
QuadraticRows QuadraticChain::split(const PairForms& rows) const {
  const PairStage& stage = stages_.back();
  Matrix s = rows.reference.rows + rows.compressed.rows, t = -rows.compressed.rows;
  QuadraticRows result;
  const std::vector<Index> pairs = pair_neurons(stage);
  result.s = s(Eigen::all, pairs);
  result.t = t(Eigen::all, pairs);
  for (Index n = 0; n < s.cols(); ++n) {
    const Slopes slopes = slopes_of(stage.relaxed->pairs[static_cast<std::size_t>(n)]);
    s.col(n) = s.col(n) * slopes.reference + t.col(n) * (slopes.reference - slopes.compressed);
    t.col(n) *= slopes.compressed;
  }
  const Matrix values = s * stage.relaxed->reference.weight + t * stage.weight_change;
  if (search_.back().first) {
    result.kept = values * half_width_.asDiagonal();
  } else {
    result.kept.resize(s.rows(), 2 * values.cols());
    result.kept << values, t * stage.relaxed->compressed.weight;
  }
  return result;
}

// Row r with whatever multipliers were found. Rounding: a_f = middle + W z + error with |error| <= error_f, since the middle is computed
// from the inputs' middles with so many roundings, and so is a_f - a_g. Squares of such sums are at most those of W z plus twice the error
// times the range. What coefficients lose by underflow is multiplied by the inputs (`lost`). The middles, the slopes, kappa and the weights
// are exact: they are the numbers chosen.
void QuadraticChain::relax(std::size_t k, Index r, const QuadraticMultipliers& multipliers, Descent& rows, Matrix& input_weight) const {
  const QuadraticStage& stage = search_[k];
  const Sizes& sizes = sizes_[k];
  const BackwardPass::Relaxed& relaxed = *stages_[k].relaxed;
  const bool last = k + 1 == search_.size();
  const Index inputs = multipliers.weight.cols(), neurons = rows.forms.reference.rows.cols();
  const auto pairs = static_cast<Index>(stage.pairs.size());
  // D^-1/2 as it is used; the weights are its exact inverse squares.
  const Vector root = multipliers.weight.row(r).transpose().cwiseSqrt().cwiseInverse();
  Factor factor(stage, root, pairs + (last ? 0 : 2 * neurons));
  const double relative = core::gamma(inputs + 24);
  const double lost = static_cast<double>(8 * inputs + 8) * core::underflow_unit * (1.0 + sizes.input_sum);
  double cost = 0.0;
  Index next = 0;
  for (Index n = 0; n < neurons; ++n) {
    double& p = rows.forms.reference.rows(r, n);
    double& q = rows.forms.compressed.rows(r, n);
    const PairRelaxation& pair = relaxed.pairs[static_cast<std::size_t>(n)];
    const Index own = last ? next : n;  // in the stage
    if (const auto* const polygon = std::get_if<PolygonPair>(&pair)) {
      const double s = p + q, t = -q, kappa = multipliers.kappa(r, next);
      const double by_x = s * multipliers.f_by_x(r, next) + t * multipliers.e_by_x(r, next);
      const double by_y = s * multipliers.f_by_y(r, next) + t * multipliers.e_by_y(r, next);
      const double middle_f = stage.reference_middle[own], middle_g = middle_f - stage.change_middle[own];
      const PairOffset offset = pair_offset(polygon->table(), {p, q, by_x + by_y, -by_y, kappa}, middle_f, middle_g);
      rows.shift[r] += offset.value;
      rows.load[r] += std::abs(offset.value) + offset.load;
      factor.add(kappa, s, t, own);
      const double error = (2.0 * std::abs(p) + 3.0 * std::abs(q)) * (sizes.reference[own] + sizes.change[own]) * relative;
      const double rounded = core::unit_roundoff * std::abs(middle_g);
      const double range = (std::abs(p) + std::abs(q)) * sizes.reference_range[own] + std::abs(q) * (sizes.change_range[own] + rounded);
      cost += 2.0 * kappa * (error + (1.0 + 4.0 * std::abs(p) + 6.0 * std::abs(q)) * lost) * range;
      p = by_x + by_y;
      q = -by_y;
      ++next;
    } else {
      const PairRows row{1, &p, &q, rows.shift.data() + r, rows.load.data() + r};
      std::visit([&](const auto& each) { each.relax(row); }, pair);
    }
    if (last) continue;
    const double value_weight = rows.value_weight(r, n), change_weight = rows.change_weight(r, n);
    factor.add(value_weight, 1.0, 0.0, n);
    factor.add(change_weight, 0.0, 1.0, n);
    cost += 2.0 * (value_weight * (relative * sizes.reference[n] + lost) * sizes.reference_range[n] +
                   change_weight * (relative * sizes.change[n] + lost) * sizes.change_range[n]);
    if (stage.loses_change[n] == 0.0) continue;
    const double middle = stage.change_middle[n], coefficient = 2.0 * change_weight * middle;
    p += coefficient;
    q -= coefficient;
    rows.shift[r] -= change_weight * middle * middle;
    rows.load[r] += change_weight * middle * middle + (std::abs(p) + std::abs(q) + 4.0 * std::abs(coefficient)) * sizes.reference[n] +
                    (std::abs(q) + 2.0 * std::abs(coefficient)) * sizes.change[n];
  }
  const double lambda = factor.largest_eigenvalue();
  if (stage.first) cost += lambda * core::round_up_sum(root.cwiseAbs2().cwiseInverse().sum(), inputs + 4);
  for (Index j = 0; j < inputs; ++j) input_weight(r, j) = core::round_up_sum(lambda / (root[j] * root[j]), 8);
  rows.cost[r] = core::round_up_sum(cost, 24 * neurons + 32);
}

PairForms QuadraticChain::bound(const PairForms& rows, int steps, const std::function<bool()>& go_on) const {
  const Index count = rows.reference.rows.rows();
  const std::vector<QuadraticMultipliers> multipliers = find_multipliers(search_, split(rows), steps, go_on);
  Descent descent{rows, {}, {}, {}, {}, Vector::Zero(count)};
  for (std::size_t k = stages_.size(); k-- > 0;) {
    const BackwardPass::Relaxed& relaxed = *stages_[k].relaxed;
    PairForms& forms = descent.forms;
    const Index neurons = forms.reference.rows.cols() + forms.compressed.rows.cols();
    descent.shift = descent.load = Vector::Zero(count);
    Matrix weight = Matrix::Zero(count, multipliers[k].weight.cols());
    for (Index r = 0; r < count; ++r) {
      if (descent.cost[r] == infinity) continue;
      const bool wanted = usable(multipliers[k], r) && go_on();
      if (wanted) relax(k, r, multipliers[k], descent, weight);
      if (!wanted || !(descent.cost[r] < infinity) || !weight.row(r).allFinite()) descent.cost[r] = infinity;
    }
    add_neuron_terms(forms.reference.constant, descent.shift, descent.load, neurons, relaxed.value_sum());
    for (Index r = 0; r < count; ++r) forms.reference.constant[r] = core::add_up(forms.reference.constant[r], descent.cost[r]);
    BackwardPass::through_affine(relaxed.reference, forms.reference.rows, forms.reference.constant);
    BackwardPass::through_affine(relaxed.compressed, forms.compressed.rows, forms.compressed.constant);
    const Index inputs = search_[k].reference.cols();
    descent.value_weight = weight.leftCols(inputs);
    descent.change_weight = weight.rightCols(weight.cols() - inputs);
  }
  return descent.forms;
}

}  // namespace twincert::bounds
