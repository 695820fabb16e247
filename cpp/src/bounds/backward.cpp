#include "twincert/bounds/backward.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "twincert/bounds/kernels.hpp"
#include "twincert/bounds/rounding.hpp"
#include "twincert/core/blas.hpp"
#include "twincert/core/small_product.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Unit rows in both directions: maxima of a_i first, of -a_i after them.
IntervalVector as_intervals(Index size, const std::vector<Index>& neurons, const Vector& maxima) {
  IntervalVector result{Vector::Constant(size, -infinity), Vector::Constant(size, infinity)};
  const Index count = static_cast<Index>(neurons.size());
  for (Index k = 0; k < count; ++k) result.set(neurons[static_cast<std::size_t>(k)], {-maxima[count + k], maxima[k]});
  return result;
}

Vector image_magnitude(const network::Activation& activation, const IntervalVector& x) {
  Vector result(x.size());
  for (Index i = 0; i < x.size(); ++i) result[i] = activation.image(x[i]).magnitude();
  return result;
}

bool zero(const LinePair& lines) {
  return lines.lower.slope == 0.0 && lines.upper.slope == 0.0 && lines.lower.intercept == 0.0 && lines.upper.intercept == 0.0;
}

bool identity(const LinePair& lines) {
  return lines.load == 0.0 && lines.lower.slope == 1.0 && lines.upper.slope == 1.0 && lines.lower.intercept == 0.0 &&
         lines.upper.intercept == 0.0;
}

bool identity(const PairRelaxation& pair) {
  const auto* const lines = std::get_if<AffinePair>(&pair);
  if (!lines || lines->reference_load != 0.0 || lines->compressed_load != 0.0) return false;
  const auto same = [](Line line) { return line.slope == 1.0 && line.intercept == 0.0; };
  return same(lines->reference) && same(lines->compressed);
}

// The entries of `matrix` in some rows, in all or some columns.
Matrix gather(const Matrix& matrix, const std::vector<Index>& rows, const std::vector<Index>* columns) {
  const Index width = columns ? static_cast<Index>(columns->size()) : matrix.cols();
  Matrix result(static_cast<Index>(rows.size()), width);
  double* to = result.data();
  for (Index j = 0; j < width; ++j) {
    const double* const from = matrix.data() + matrix.rows() * (columns ? (*columns)[static_cast<std::size_t>(j)] : j);
    for (const Index i : rows) *to++ = from[i];
  }
  return result;
}

std::vector<Index> range(Index count) {
  std::vector<Index> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), Index{0});
  return indices;
}

}  // namespace

Selection Selection::all(const network::StagePair& pair) {
  return {range(pair.reference.bias.size()), range(pair.compressed.bias.size()),
          pair.paired ? range(pair.reference.bias.size()) : std::vector<Index>{}};
}

BackwardPass::BackwardPass(const Twin& twin, const InputSet& set) : twin_(twin), set_(set), affines_(std::make_shared<Affines>()) {
  add_affine(set.bounding_box().magnitude(), set.compressed_bounding_box().magnitude());
}

BackwardPass::BackwardPass(const BackwardPass& whole, const InputSet& subset)
    : twin_(whole.twin_), set_(subset), affines_(whole.affines_) {}

void BackwardPass::add_affine(const Vector& reference_magnitude, const Vector& compressed_magnitude) {
  const auto affine = [](const network::Stage& stage, const Vector& magnitude) {
    Affine result{stage.bias.cwiseAbs(), core::round_up_sum(magnitude.sum(), magnitude.size())};
    result.load += stage.weight.cwiseAbs() * magnitude;
    for (double& x : result.load) x = core::round_up_sum(x, magnitude.size() + 1);
    return result;
  };
  const network::StagePair& pair = twin_.stages()[affines_->reference.size()];
  affines_->reference.push_back(affine(pair.reference, reference_magnitude));
  affines_->compressed.push_back(affine(pair.compressed, compressed_magnitude));
}

// The columns of a stage's weight that meet live neurons of the stage before; null: all.
const std::vector<Index>* BackwardPass::live_before(Index stage, Side Relaxed::*side) const {
  return stage == 0 ? nullptr : &(relaxed_[static_cast<std::size_t>(stage - 1)].*side).live;
}

BackwardPass::Side BackwardPass::make_side(Side Relaxed::*side, const network::Stage& stage, const Affine& affine, const IntervalVector& x,
                                           const std::vector<LinePair>& lines, std::vector<Index> live) const {
  Side result;
  result.weight = gather(stage.weight, live, live_before(static_cast<Index>(relaxed_.size()), side));
  result.bias = stage.bias(live);
  result.load = affine.load(live);
  result.magnitude_sum = affine.magnitude_sum;
  result.value_sum = core::round_up_sum(result.load.sum(), result.load.size());
  bool kinked = false;
  result.tight.reserve(live.size());
  for (const Index i : live) {
    result.tight.push_back(lines[static_cast<std::size_t>(i)]);
    kinked = kinked || kinks_inside(stage.activation, x[i]).count > 0;
  }
  for (std::size_t n = 0; kinked && n < live.size(); ++n) {
    const Interval domain = x[live[n]];
    const bool choice = kinks_inside(stage.activation, domain).count > 0;
    result.flat.push_back(choice ? enclosing_lines(stage.activation, domain, LineChoice::flat) : result.tight[n]);
  }
  result.live = std::move(live);
  return result;
}

void BackwardPass::add_stage(const StageBounds& bounds) {
  const std::size_t k = relaxed_.size();
  const network::StagePair& pair = twin_.stages()[k];
  const auto all_lines = [](const network::Activation& activation, const IntervalVector& x) {
    std::vector<LinePair> lines;
    lines.reserve(static_cast<std::size_t>(x.size()));
    for (Index i = 0; i < x.size(); ++i) lines.push_back(enclosing_lines(activation, x[i]));
    return lines;
  };
  const std::vector<LinePair> reference_lines = all_lines(pair.reference.activation, bounds.reference);
  const std::vector<LinePair> compressed_lines = all_lines(pair.compressed.activation, bounds.compressed);
  std::vector<Index> live_reference, live_compressed;
  for (std::size_t i = 0; i < std::max(reference_lines.size(), compressed_lines.size()); ++i) {
    const bool reference = i < reference_lines.size() && !zero(reference_lines[i]);
    const bool compressed = i < compressed_lines.size() && !zero(compressed_lines[i]);
    if (reference || (pair.paired && compressed)) live_reference.push_back(static_cast<Index>(i));
    if (compressed || (pair.paired && reference)) live_compressed.push_back(static_cast<Index>(i));
  }
  Relaxed relaxed;
  relaxed.reference =
      make_side(&Relaxed::reference, pair.reference, affines_->reference[k], bounds.reference, reference_lines, std::move(live_reference));
  relaxed.compressed = make_side(&Relaxed::compressed, pair.compressed, affines_->compressed[k], bounds.compressed, compressed_lines,
                                 std::move(live_compressed));
  if (pair.paired) {
    relaxed.pairs.reserve(relaxed.reference.live.size());
    for (std::size_t n = 0; n < relaxed.reference.live.size(); ++n) {
      const Index i = relaxed.reference.live[n];
      relaxed.pairs.push_back(pair_relaxation(pair.reference.activation, pair.compressed.activation, bounds.reference[i],
                                              bounds.compressed[i], bounds.difference[i], relaxed.reference.tight[n],
                                              relaxed.compressed.tight[n]));
    }
  }
  relaxed_.push_back(std::move(relaxed));
  if (relaxed_.size() == affines_->reference.size() && relaxed_.size() < twin_.stages().size()) {
    add_affine(image_magnitude(pair.reference.activation, bounds.reference),
               image_magnitude(pair.compressed.activation, bounds.compressed));
  }
}

// Coefficients of a stage's inputs for sign * a_i and -sign * a_i, i alone (with both choices of lines where there are two) or in pairs.
void BackwardPass::unit_forms(Index stage, Side Relaxed::*side, const std::vector<Index>& alone, const std::vector<Index>& paired,
                              double sign, RowForms& forms) const {
  const network::StagePair& pair = twin_.stages()[static_cast<std::size_t>(stage)];
  const network::Stage& own = side == &Relaxed::reference ? pair.reference : pair.compressed;
  const bool choice = std::any_of(relaxed_.begin(), relaxed_.begin() + stage, [side](const Relaxed& r) { return !(r.*side).flat.empty(); });
  const auto singles = static_cast<Index>(alone.size()), pairs = static_cast<Index>(paired.size());
  const std::vector<Index>* const columns = live_before(stage, side);
  forms.tight = 2 * singles;
  forms.flat = choice ? forms.tight : 0;
  forms.reset(forms.tight + forms.flat + 2 * pairs, columns ? static_cast<Index>(columns->size()) : own.weight.cols());
  const auto fill = [&](const double* from, double* to) {
    for (Index n = 0; n < singles; ++n) {
      const double value = from[alone[static_cast<std::size_t>(n)]];
      to[n] = value;
      to[singles + n] = -value;
    }
    if (choice) std::copy(to, to + forms.tight, to + forms.tight);
    to += forms.tight + forms.flat;
    for (Index n = 0; n < pairs; ++n) {
      const double value = sign * from[paired[static_cast<std::size_t>(n)]];
      to[n] = value;
      to[pairs + n] = -value;
    }
  };
  for (Index j = 0; j < forms.columns(); ++j) {
    fill(own.weight.col(columns ? (*columns)[static_cast<std::size_t>(j)] : j).data(), forms.column(j));
  }
  fill(own.bias.data(), forms.constant().data());
}

// Coefficients of the values after a stage's activation become coefficients of the values before it.
void BackwardPass::through_activation(const Relaxed& relaxed, Batch& batch) const {
  const bool paired = !relaxed.pairs.empty();
  const auto relax_alone = [paired](const Side& side, RowForms& forms) {
    forms.shift().setZero();
    forms.load().setZero();
    double* const shift = forms.shift().data();
    double* const load = forms.load().data();
    const Index together = forms.count() - forms.tight - forms.flat;
    for (std::size_t n = 0; n < side.live.size(); ++n) {
      const LinePair& lines = side.tight[n];
      if (identity(lines)) continue;
      double* const column = forms.column(static_cast<Index>(n));
      const auto relax = [&](const LinePair& chosen, Index first, Index count) {
        if (count > 0) relax_single(chosen, count, column + first, shift + first, load + first);
      };
      relax(lines, 0, forms.tight);
      relax(side.flat.empty() ? lines : side.flat[n], forms.tight, forms.flat);
      // Without partners the forms in both networks are relaxed network by network.
      if (!paired) relax(lines, forms.tight + forms.flat, together);
    }
  };
  relax_alone(relaxed.reference, batch.reference);
  relax_alone(relaxed.compressed, batch.compressed);
  if (paired && batch.pairs > 0) {
    const Index f_first = batch.reference.count() - batch.pairs;
    const Index g_first = batch.compressed.count() - batch.pairs;
    for (std::size_t n = 0; n < relaxed.pairs.size(); ++n) {
      if (identity(relaxed.pairs[n])) continue;
      const Index column = static_cast<Index>(n);
      const PairRows rows{batch.pairs, batch.reference.column(column) + f_first, batch.compressed.column(column) + g_first,
                          batch.reference.shift().data() + f_first, batch.reference.load().data() + f_first};
      std::visit([&](const auto& pair) { pair.relax(rows); }, relaxed.pairs[n]);
    }
  }
  const Index neurons = batch.reference.columns() + batch.compressed.columns();
  for (RowForms* const forms : {&batch.reference, &batch.compressed})
    add_neuron_terms(forms->constant(), forms->shift(), forms->load(), neurons, relaxed.value_sum());
}

void BackwardPass::through_affine(const Side& side, Matrix& rows, Vector& constant) {
  const Index count = rows.rows();
  Matrix inputs(count, side.weight.cols());
  if (count > 0) {
    Vector shift(count), load(count);
    affine_rows(rows.cols(), side.bias.data(), side.load.data(), count, rows.data(), shift.data(), load.data());
    core::product(rows, side.weight, inputs);
    add_affine_terms(constant, shift, load, rows.cols(), side.magnitude_sum);
  }
  rows = std::move(inputs);
}

void BackwardPass::through_affine(const Side& side, RowForms& forms) {
  const Index count = forms.count(), terms = forms.columns(), columns = side.weight.cols();
  if (count > 0) {
    affine_rows(terms, side.bias.data(), side.load.data(), count, forms.column(0), forms.shift().data(), forms.load().data());
    if (std::max(terms, columns) <= core::small_product_limit) {
      core::small_product(count, columns, terms, forms.column(0), side.weight.data(), forms.next(columns));
    } else {
      core::gemm_block(core::Transpose::no, core::Transpose::no, {count, columns, terms}, 1.0, forms.column(0), count, side.weight.data(),
                       terms, 0.0, forms.next(columns), count);
    }
    add_affine_terms(forms.constant(), forms.shift(), forms.load(), terms, side.magnitude_sum);
  }
  forms.advance(columns);
}

BackwardPass::Batch& BackwardPass::own_batch() {
  thread_local Batch batch;
  return batch;
}

// `batch` holds coefficients of the stage's inputs.
void BackwardPass::to_input(Index stage, Batch& batch, Usage* usage) const {
  for (Index j = stage - 1; j >= 0; --j) {
    const Relaxed& relaxed = relaxed_[static_cast<std::size_t>(j)];
    if (usage) record(j, batch, *usage);
    through_activation(relaxed, batch);
    through_affine(relaxed.reference, batch.reference);
    through_affine(relaxed.compressed, batch.compressed);
  }
}

void BackwardPass::record(Index stage, const Batch& batch, Usage& usage) const {
  const auto k = static_cast<std::size_t>(stage);
  const Relaxed& relaxed = relaxed_[k];
  usage.common.resize(relaxed_.size());
  usage.change.resize(relaxed_.size());
  const auto p = batch.reference.rows().bottomRows(batch.pairs);
  const auto q = batch.compressed.rows().bottomRows(batch.pairs);
  const bool paired = !relaxed.pairs.empty();
  const auto scatter = [](const std::vector<Index>& live, const Vector& values, Index size) {
    Vector result = Vector::Zero(size);
    for (std::size_t n = 0; n < live.size(); ++n) result[live[n]] = values[static_cast<Index>(n)];
    return result;
  };
  const network::StagePair& pair = twin_.stages()[k];
  const Vector common = paired ? Vector((p + q).cwiseAbs().colwise().sum().transpose()) : Vector(p.cwiseAbs().colwise().sum().transpose());
  usage.common[k] = scatter(relaxed.reference.live, common, pair.reference.bias.size());
  usage.change[k] = scatter(relaxed.compressed.live, q.cwiseAbs().colwise().sum().transpose(), pair.compressed.bias.size());
}

// Maxima of the forms of one network alone, the better one of both choices of lines.
Vector BackwardPass::alone_maximum(const Batch& batch, bool compressed) const {
  const RowForms& forms = compressed ? batch.compressed : batch.reference;
  const Index count = forms.tight + forms.flat;
  const Vector maxima = bounds::maximum(set_, InputForms{forms.rows().topRows(count), forms.constant().head(count)}, compressed);
  if (forms.flat == 0) return maxima;
  return maxima.head(forms.tight).cwiseMin(maxima.tail(forms.flat));
}

Vector BackwardPass::pair_maximum(const Batch& batch) const {
  const auto half = [&batch](const RowForms& forms) {
    return InputForms{forms.rows().bottomRows(batch.pairs), forms.constant().tail(batch.pairs)};
  };
  return bounds::maximum(set_, PairForms{half(batch.reference), half(batch.compressed)});
}

StageBounds BackwardPass::stage(Index k, const Selection& selection, InputForms* forms) const {
  Batch& batch = own_batch();
  unit_forms(k, &Relaxed::reference, selection.reference, selection.difference, 1.0, batch.reference);
  unit_forms(k, &Relaxed::compressed, selection.compressed, selection.difference, -1.0, batch.compressed);
  batch.pairs = 2 * static_cast<Index>(selection.difference.size());
  to_input(k, batch);
  if (forms) {
    const auto f = static_cast<Index>(selection.reference.size());
    const auto g = static_cast<Index>(selection.compressed.size());
    forms->rows.resize(2 * (f + g), set_.size());
    forms->constant.resize(2 * (f + g));
    for (const Index half : {Index{0}, Index{1}}) {
      const Index first = half * (f + g);
      forms->rows.middleRows(first, f) = batch.reference.rows().middleRows(half * f, f);
      forms->rows.middleRows(first + f, g) = batch.compressed.rows().middleRows(half * g, g);
      forms->constant.segment(first, f) = batch.reference.constant().segment(half * f, f);
      forms->constant.segment(first + f, g) = batch.compressed.constant().segment(half * g, g);
    }
  }
  const network::StagePair& pair = twin_.stages()[static_cast<std::size_t>(k)];
  const Index width = pair.reference.bias.size();
  return {as_intervals(width, selection.reference, alone_maximum(batch, false)),
          as_intervals(pair.compressed.bias.size(), selection.compressed, alone_maximum(batch, true)),
          as_intervals(pair.paired ? width : 0, selection.difference, pair_maximum(batch))};
}

Vector BackwardPass::maximum(Index stage, const Matrix& reference_rows, const Matrix& compressed_rows, Usage* usage) const {
  const network::StagePair& pair = twin_.stages()[static_cast<std::size_t>(stage)];
  Batch& batch = own_batch();
  const auto start = [&](Side Relaxed::*side, const network::Stage& own, const Affine& affine, const Matrix& rows, RowForms& forms) {
    const Side whole{
        {}, gather(own.weight, range(own.weight.rows()), live_before(stage, side)), own.bias, affine.load, affine.magnitude_sum, 0.0, {},
        {}};
    forms.tight = forms.flat = 0;
    forms.reset(rows.rows(), rows.cols());
    forms.rows() = rows;
    forms.constant().setZero();
    through_affine(whole, forms);
  };
  const auto k = static_cast<std::size_t>(stage);
  start(&Relaxed::reference, pair.reference, affines_->reference[k], reference_rows, batch.reference);
  start(&Relaxed::compressed, pair.compressed, affines_->compressed[k], compressed_rows, batch.compressed);
  batch.pairs = reference_rows.rows();
  to_input(stage, batch, usage);
  return pair_maximum(batch);
}

}  // namespace twincert::bounds
