#include "twincert/bounds/part.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "twincert/bounds/forward.hpp"
#include "twincert/core/error.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Split no_split{Split::By::input, -1, -1};
// Up to this share of its partner's width a difference leaves so little of a_g open that a_f - (a_f - a_g) bounds it well enough.
constexpr double narrow_difference = 0.1;

bool affine(const network::Stage& stage, const IntervalVector& x, Index i) {
  Line line;
  return affine_on(stage.activation, x[i], line);
}

// Neurons that are not affine on their intervals, in pairs where there are any; of g only those that a narrow difference does not bound.
Selection relaxed_neurons(const network::StagePair& pair, const StageBounds& bounds) {
  Selection selection;
  for (Index i = 0; i < bounds.reference.size(); ++i) {
    if (affine(pair.reference, bounds.reference, i) && !(pair.paired && !affine(pair.compressed, bounds.compressed, i))) continue;
    selection.reference.push_back(i);
  }
  if (pair.paired) {
    selection.difference = selection.reference;
    for (const Index i : selection.difference) {
      if (!(bounds.difference[i].width() <= narrow_difference * bounds.reference[i].width())) selection.compressed.push_back(i);
    }
    return selection;
  }
  for (Index i = 0; i < bounds.compressed.size(); ++i) {
    if (!affine(pair.compressed, bounds.compressed, i)) selection.compressed.push_back(i);
  }
  return selection;
}

// Largest distance between the lines around an activation; zero where it is affine.
double gap(const network::Stage& stage, Interval x) {
  Line line;
  if (affine_on(stage.activation, x, line)) return 0.0;
  const LinePair lines = enclosing_lines(stage.activation, x);
  const auto distance = [&](double at) {
    return (lines.upper.slope - lines.lower.slope) * at + lines.upper.intercept - lines.lower.intercept;
  };
  return std::max(distance(x.lower), distance(x.upper));
}

// Where the values before an activation are cut in two: its kink nearest to the middle, or else the middle.
double cut_point(const network::Stage& stage, Interval x) {
  const double middle = 0.5 * x.lower + 0.5 * x.upper;
  const Kinks kinks = kinks_inside(stage.activation, x);
  double best = middle;
  for (std::size_t k = 0; k < static_cast<std::size_t>(kinks.count); ++k) {
    if (k == 0 || std::abs(kinks.at[k] - middle) < std::abs(best - middle)) best = kinks.at[k];
  }
  return best;
}

// Halves by a coordinate of x or by a neuron; false when nothing is left.
bool cut(const Twin& twin, const Split& split, bool upper, Part& part) {
  const auto halve = [upper](IntervalVector& x, Index i, double at) {
    return narrow(x, i, upper ? Interval{at, infinity} : Interval{-infinity, at});
  };
  if (split.by == Split::By::input) {
    const Interval all = part.box[split.index];
    return halve(part.box, split.index, 0.5 * all.lower + 0.5 * all.upper);
  }
  const auto k = static_cast<std::size_t>(split.stage);
  const network::StagePair& pair = twin.stages()[k];
  const bool reference = split.by == Split::By::reference;
  IntervalVector& values = reference ? part.stages[k].reference : part.stages[k].compressed;
  const double at = cut_point(reference ? pair.reference : pair.compressed, values[split.index]);
  if (!halve(values, split.index, at)) return false;
  part.cuts.push_back({split, upper, at, Vector(), infinity});
  return true;
}

// Neurons that were split are bounded again although they are affine now: where their values contradict the cut the part is empty.
void add_cut_neurons(const std::vector<NeuronCut>& cuts, Index stage, Selection& selection) {
  for (const NeuronCut& cut : cuts) {
    if (cut.split.stage != stage) continue;
    std::vector<Index>& neurons = cut.split.by == Split::By::reference ? selection.reference : selection.compressed;
    if (std::find(neurons.begin(), neurons.end(), cut.split.index) == neurons.end()) neurons.push_back(cut.split.index);
  }
}

// From the forms around a stage's values: at <= a <= rows x + constant above the cut, and the same for -a below it. Forms of g are in
// its own input, which is x only when the networks share it.
bool refresh_cuts(Index stage, const Selection& selection, const InputForms& forms, bool shared, std::vector<NeuronCut>& cuts) {
  bool changed = false;
  for (NeuronCut& cut : cuts) {
    const bool reference = cut.split.by == Split::By::reference;
    if (cut.split.stage != stage || (!reference && !shared)) continue;
    const std::vector<Index>& neurons = reference ? selection.reference : selection.compressed;
    const auto place = static_cast<Index>(std::find(neurons.begin(), neurons.end(), cut.split.index) - neurons.begin());
    const auto all = static_cast<Index>(selection.reference.size() + selection.compressed.size());
    const Index row = place + (reference ? 0 : static_cast<Index>(selection.reference.size())) + (cut.upper ? 0 : all);
    const double limit = core::sub_up(forms.constant[row], cut.upper ? cut.at : -cut.at);
    if (!std::isfinite(limit) || !forms.rows.row(row).allFinite()) continue;
    cut.row = -forms.rows.row(row).transpose();
    cut.limit = limit;
    changed = true;
  }
  return changed;
}

// What a part's backward passes tell about where its looseness comes from.
struct Evidence {
  std::vector<Selection> selection;  // per stage
  std::vector<InputForms> forms;
  Usage usage;
};

// Every relaxed neuron i loses about loss_i = |coefficient| gap_i. Neurons are split where that is largest; inputs where the losses
// come from, sqrt(loss_i) shared among the inputs as the neuron's form varies with them (smear: measured on ACAS twins to need a half to a
// fiftieth of the parts of halving the widest input).
Split choose_split(const Twin& twin, const Part& part, const Evidence& evidence, Index split_inputs) {
  const Vector width = part.box.upper - part.box.lower;
  Vector score = Vector::Zero(width.size());
  Vector reach(width.size());
  Split neuron = no_split;
  double largest = 0.0;
  for (std::size_t k = 0; k < evidence.forms.size(); ++k) {
    const network::StagePair& pair = twin.stages()[k];
    const StageBounds& bounds = part.stages[k];
    const std::vector<Index>& reference = evidence.selection[k].reference;
    const std::vector<Index>& compressed = evidence.selection[k].compressed;
    const auto count = static_cast<Index>(reference.size());
    const auto charge = [&](Index row, Split::By by, Index i, double share, double spread) {
      const double loss = share + spread;
      if (loss > largest && std::isfinite(loss)) {
        largest = loss;
        neuron = {by, static_cast<Index>(k), i};
      }
      reach = evidence.forms[k].rows.row(row).transpose().cwiseAbs().cwiseProduct(width);
      const double sum = reach.sum();
      if (sum > 0.0 && std::isfinite(sum) && std::isfinite(share)) score += std::sqrt(share) / sum * reach;
    };
    for (Index n = 0; n < count; ++n) {
      const Index i = reference[static_cast<std::size_t>(n)];
      const double reference_gap = gap(pair.reference, bounds.reference[i]);
      const double compressed_gap = pair.paired ? gap(pair.compressed, bounds.compressed[i]) : 0.0;
      const double spread = pair.paired ? 0.5 * evidence.usage.change[k][i] * bounds.difference[i].width() : 0.0;
      const bool by_reference = reference_gap >= compressed_gap;
      if (reference_gap == 0.0 && compressed_gap == 0.0) continue;
      charge(n, by_reference ? Split::By::reference : Split::By::compressed, i,
             evidence.usage.common[k][i] * std::max(reference_gap, compressed_gap), spread);
    }
    for (std::size_t n = 0; !pair.paired && n < compressed.size(); ++n) {
      const Index i = compressed[n];
      charge(count + static_cast<Index>(n), Split::By::compressed, i,
             evidence.usage.change[k][i] * gap(pair.compressed, bounds.compressed[i]), 0.0);
    }
  }
  const Index varying = (width.array() > 0.0).count();
  if (varying > split_inputs && neuron.index >= 0) return neuron;
  Split input = no_split;
  double best = 0.0;
  for (const Vector& candidate : {score, width}) {
    for (Index i = 0; i < width.size(); ++i) {
      const double middle = 0.5 * part.box.lower[i] + 0.5 * part.box.upper[i];
      if (candidate[i] > best && middle > part.box.lower[i] && middle < part.box.upper[i]) {
        best = candidate[i];
        input.index = i;
      }
    }
    if (input.index >= 0) return input;
  }
  return neuron;
}

}  // namespace

Partition::Partition(const Twin& twin, const InputSet& set, const TwinBounds& bounds, OutputRows rows, const Vector& row_maxima,
                     const std::vector<Index>& open, Index split_inputs)
    : twin_(twin),
      set_(set),
      rows_(std::move(rows)),
      pass_(twin, set),
      split_inputs_(split_inputs),
      whole_{set.bounding_box(), bounds.stages, row_maxima, {}, no_split} {
  for (std::size_t k = 0; k + 1 < bounds.stages.size(); ++k) pass_.add_stage(bounds.stages[k]);
  bound(whole_, open);
}

Index Partition::code(const Split& split) const {
  if (split.index < 0) return -1;
  if (split.by == Split::By::input) return split.index;
  Index first = set_.size();
  for (std::size_t k = 0; k < static_cast<std::size_t>(split.stage); ++k) first += neurons(k, split.by);
  for (std::size_t k = 0; split.by == Split::By::compressed && k + 1 < twin_.stages().size(); ++k)
    first += neurons(k, Split::By::reference);
  return first + split.index;
}

Split Partition::split(Index code) const {
  if (code == -1) return no_split;
  Index rest = code;
  if (rest >= 0 && rest < set_.size()) return {Split::By::input, -1, rest};
  rest -= set_.size();
  for (const Split::By by : {Split::By::reference, Split::By::compressed}) {
    for (std::size_t k = 0; rest >= 0 && k + 1 < twin_.stages().size(); ++k) {
      if (rest < neurons(k, by)) return {by, static_cast<Index>(k), rest};
      rest -= neurons(k, by);
    }
  }
  throw core::SettingsError("split " + std::to_string(code) + ": the networks have no such input or neuron");
}

Index Partition::neurons(std::size_t stage, Split::By by) const {
  const network::StagePair& pair = twin_.stages()[stage];
  return by == Split::By::reference ? pair.reference.bias.size() : pair.compressed.bias.size();
}

Part Partition::half(const Part& parent, const Split& split, bool upper, const std::vector<Index>& open) const {
  Part part = parent;
  const bool possible = cut(twin_, split, upper, part);
  part.next = no_split;
  if (possible) {
    bound(part, open);
  } else {
    part.empty = true;
  }
  return part;
}

InputSet Partition::set_of(const Part& part) const {
  std::vector<const NeuronCut*> known;
  for (const NeuronCut& cut : part.cuts) {
    if (cut.row.size() > 0) known.push_back(&cut);
  }
  Matrix A(static_cast<Index>(known.size()), set_.size());
  Vector b(A.rows());
  for (Index k = 0; k < b.size(); ++k) {
    A.row(k) = known[static_cast<std::size_t>(k)]->row.transpose();
    b[k] = known[static_cast<std::size_t>(k)]->limit;
  }
  return set_.part(part.box, A, b);
}

void Partition::bound(Part& part, const std::vector<Index>& open) const {
  InputSet set = set_of(part);
  BackwardPass pass(pass_, set);
  const std::size_t last = twin_.stages().size() - 1;
  Evidence evidence{std::vector<Selection>(last), std::vector<InputForms>(last), {}};
  for (std::size_t k = 0; k < last; ++k) {
    StageBounds& bounds = part.stages[k];
    Selection& selection = evidence.selection[k];
    selection = relaxed_neurons(twin_.stages()[k], bounds);
    add_cut_neurons(part.cuts, static_cast<Index>(k), selection);
    const StageBounds tighter = pass.stage(static_cast<Index>(k), selection, &evidence.forms[k]);
    if (!narrow(bounds, tighter) || !tighten_by_identity(bounds)) {
      part.empty = true;
      return;
    }
    if (refresh_cuts(static_cast<Index>(k), selection, evidence.forms[k], set_.shared_input(), part.cuts)) set = set_of(part);
    pass.add_stage(bounds);
  }
  if (open.empty()) return;
  const Vector maxima =
      pass.maximum(static_cast<Index>(last), rows_.reference(open, Eigen::all), rows_.compressed(open, Eigen::all), &evidence.usage);
  for (std::size_t n = 0; n < open.size(); ++n) part.rows[open[n]] = std::min(part.rows[open[n]], maxima[static_cast<Index>(n)]);
  part.next = choose_split(twin_, part, evidence, split_inputs_);
}

}  // namespace twincert::bounds
