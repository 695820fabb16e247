#include "twincert/relax/clique.hpp"

#include <algorithm>
#include <cmath>

#include "twincert/relax/input_ellipsoid.hpp"
#include "twincert/relax/stage_forms.hpp"

namespace twincert::relax {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// The value a shared row centres and scales.
Form shared_form(const SharedRow& row, const LayerForms& forms) {
  switch (row.side) {
    case Side::reference:
      return row_of(forms.reference, row.neuron);
    case Side::compressed:
      return row_of(forms.compressed, row.neuron);
    case Side::difference:
      break;
  }
  return row_of(forms.difference, row.neuron);
}

// A variable's own row is exactly that variable; other rows go through their value. Position -1 for those that are left out.
std::vector<Index> add_layer(RowSet& rows, RowOrigin origin, const LayerRows& layer, const LayerForms& forms,
                             const std::vector<Index>& columns, const std::vector<bool>& left_out) {
  std::vector<Index> positions;
  for (std::size_t r = 0; r < layer.rows.size(); ++r) {
    const SharedRow& row = layer.rows[r];
    if (!left_out.empty() && left_out[r]) {
      positions.push_back(-1);
      continue;
    }
    rows.label(origin, row.neuron, row.side, columns[r] >= 0 ? row.exponent : 0);
    if (columns[r] >= 0) {
      Form variable = Form::constant(0.0, 0.0, rows.variables());
      variable.coefficients[columns[r]] = 1.0;
      positions.push_back(rows.add(variable, 0.0, 0, row.interval));
    } else {
      positions.push_back(rows.add(shared_form(row, forms), row.center, row.exponent, row.interval));
    }
  }
  return positions;
}

// Without the inputs: rows over the functionals, variables 1, 2, ..., that share the inputs' bounded size.
void add_ellipsoid(RowSet& rows, Clique& clique, const std::vector<SharedRow>& functionals, const EllipsoidRows& ellipsoid) {
  for (Index i = 0; i < ellipsoid.intervals.size(); ++i) {
    Form form = Form::constant(0.0, 0.0, rows.variables());
    form.coefficients.head(ellipsoid.coefficients.cols()) = ellipsoid.coefficients.row(i).transpose();
    const SharedRow& functional = functionals[static_cast<std::size_t>(i)];
    rows.label(RowOrigin::functional, functional.neuron, functional.side, 0);
    clique.ball_rows.push_back(rows.add(form, 0.0, 0, ellipsoid.intervals[i]));
  }
  clique.ball_cap = ellipsoid.cap;
}

// b - A x >= 0 for every row of a polytope.
void add_halfspaces(RowSet& rows, const sets::InputSet& set, const LayerForms& inputs) {
  const auto* polytope = std::get_if<sets::Polytope>(&set.region());
  if (!polytope) return;
  const Vector reach = set.maximum(-polytope->A);
  const Forms products = affine_forms(polytope->A, Vector::Zero(polytope->A.rows()), inputs.reference);
  for (Index i = 0; i < polytope->A.rows(); ++i) {
    const double largest = core::next_up(polytope->b[i] + reach[i]);
    rows.label(RowOrigin::halfspace, i);
    if (largest > 0.0) rows.add_scaled(affine(-1.0, row_of(products, i), polytope->b[i]), {0.0, largest}, std::abs(polytope->b[i]));
  }
}

// Squares of the centred inputs sum to radius^2 (all inputs of a ball share one scale).
void add_ball(Clique& clique, const sets::InputSet& set, const LayerRows& inputs, Index begin) {
  const auto* ball = std::get_if<sets::Ball>(&set.region());
  if (!ball || !set.shared_input() || inputs.rows.empty()) return;
  double cap = 0.0;
  for (std::size_t r = 0; r < inputs.rows.size(); ++r) {
    const SharedRow& row = inputs.rows[r];
    if (row.side != Side::compressed) continue;
    // |row| <= 2^e (|x - center_ball| + |center_ball - center_row|), the last term being a few ulp.
    const double scale = std::ldexp(1.0, row.exponent);
    const double offset = core::next_up(std::abs(ball->center[row.neuron] - row.center));
    clique.ball_rows.push_back(begin + static_cast<Index>(r));
    // (p + q)^2 <= (1 + t) p^2 + (1 + 1/t) q^2 with t = 2^-40, summed over the coordinates.
    cap = std::max(cap, core::next_up(core::next_up(ball->radius * scale) * core::next_up(ball->radius * scale)) * (1.0 + 0x1p-39));
    clique.ball_cap += 0x1p42 * offset * offset * scale * scale;
  }
  clique.ball_cap = core::next_up(clique.ball_cap * (1.0 + 1e-12) + cap);
}

void intersect_entry(Clique& clique, Index i, Index j, Interval with) {
  const Interval now = intersect({clique.lower(i, j), clique.upper(i, j)}, with);
  clique.lower(i, j) = clique.lower(j, i) = now.lower;
  clique.upper(i, j) = clique.upper(j, i) = now.upper;
}

void entry_intervals(Clique& clique, const IntervalVector& rows, const std::vector<ProductFact>& facts) {
  const Index n = rows.size();
  clique.lower.resize(n, n);
  clique.upper.resize(n, n);
  for (Index j = 0; j < n; ++j) {
    for (Index i = j; i < n; ++i) {
      Interval product = rows[i] * rows[j];
      if (i == j) product.lower = rows[i].lower <= 0.0 && rows[i].upper >= 0.0 ? 0.0 : std::max(0.0, product.lower);
      clique.lower(i, j) = clique.lower(j, i) = product.lower;
      clique.upper(i, j) = clique.upper(j, i) = product.upper;
    }
  }
  clique.lower(0, 0) = clique.upper(0, 0) = 1.0;
  for (Index i = 1; i < n; ++i) {
    clique.lower(i, 0) = clique.lower(0, i) = rows.lower[i];
    clique.upper(i, 0) = clique.upper(0, i) = rows.upper[i];
  }
  for (const ProductFact& fact : facts) intersect_entry(clique, fact.first, fact.second, fact.product);
}

NeuronForms neuron_forms(const Forms& before, const Forms& after, const IntervalVector& before_bounds, const IntervalVector& after_bounds,
                         bool nonlinear, Index i) {
  return {row_of(before, i), row_of(after, i), before_bounds[i], after_bounds[i], nonlinear};
}

void add_activations(RowSet& rows, const network::StagePair& stage, const bounds::StageBounds& bounds, const StageForms& forms,
                     const LayerRows& current, const std::vector<Index>& positions, const RowOptions& options) {
  const LayerValues& values = current.values;
  const Index f_size = bounds.reference.size(), g_size = bounds.compressed.size();
  // Two different functions, or two that jump, have no slopes in common: d is only known by its interval.
  const bool same_slopes = stage.reference.activation == stage.compressed.activation && !stage.reference.activation.staircase();
  for (Index i = 0; i < std::max(f_size, g_size); ++i) {
    PairForms pair;
    NeuronRows f_rows, g_rows;
    if (i < f_size) {
      pair.reference = neuron_forms(forms.before_reference, forms.after.reference, bounds.reference, values.reference,
                                    forms.reference_nonlinear[at(i)], i);
      rows.label(RowOrigin::reference, i);
      f_rows = add_neuron_rows(rows, stage.reference.activation, pair.reference, options);
    }
    if (i < g_size) {
      pair.compressed = neuron_forms(forms.before_compressed, forms.after.compressed, bounds.compressed, values.compressed,
                                     forms.compressed_nonlinear[at(i)], i);
      rows.label(RowOrigin::compressed, i);
      g_rows = add_neuron_rows(rows, stage.compressed.activation, pair.compressed, options);
    }
    const Index difference_row = current.defining[at(i)].difference;
    if (!stage.paired || difference_row < 0 || !same_slopes) continue;
    pair.difference_before = row_of(forms.before_difference, i);
    pair.difference_after = row_of(forms.after.difference, i);
    pair.difference_before_interval = bounds.difference[i];
    pair.difference_after_interval = values.difference[i];
    rows.label(RowOrigin::pair, i);
    add_pair_rows(rows, stage.reference.activation, pair, f_rows, g_rows, positions[at(difference_row)]);
  }
}

}  // namespace

TwinClique build_clique(std::span<const network::StagePair> stages, std::span<const bounds::StageBounds> bounds, const LayerRows* previous,
                        std::span<const LayerRows> current, const RowOptions& options, InputFacts inputs) {
  std::vector<StageVariables> variables{stage_variables(stages.front(), bounds.front(), previous, current.front())};
  for (std::size_t k = 1; k < stages.size(); ++k) {
    variables.push_back(further_variables(stages[k], bounds[k], current[k], variables.back().count));
  }
  const Index count = variables.back().count;
  for (StageVariables& stage : variables) stage.count = count;
  const std::vector<SharedRow>& functionals = variables.front().functionals;

  TwinClique result;
  Clique& clique = result.clique;
  CliqueRows& meaning = result.meaning;
  RowSet rows(count);
  rows.add_one();
  meaning.previous_begin = rows.size();
  LayerForms layer;
  if (previous) {
    layer = layer_forms(*previous, variables.front().previous_columns, count);
    add_layer(rows, RowOrigin::previous, *previous, layer, variables.front().previous_columns, {});
  } else {
    add_ellipsoid(rows, clique, functionals, ellipsoid_rows(stages.front(), *inputs.set, functionals));
  }
  meaning.previous_size = previous ? rows.size() - meaning.previous_begin : 0;
  const LayerForms previous_forms = layer;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    rows.begin_stage(static_cast<Index>(k));
    StageForms forms = stage_forms(stages[k], bounds[k], k > 0 || previous ? &layer : nullptr, current[k], variables[k]);
    meaning.current_begin = rows.size();
    const bool between = k + 1 < stages.size();
    const std::vector<bool> left_out =
        options.unstable_only && between ? linear_rows(stages[k], bounds[k], current[k]) : std::vector<bool>();
    const std::vector<Index> positions =
        add_layer(rows, RowOrigin::current, current[k], forms.after, variables[k].current_columns, left_out);
    meaning.current_size = rows.size() - meaning.current_begin;
    add_activations(rows, stages[k], bounds[k], forms, current[k], positions, options);
    layer = std::move(forms.after);
  }
  if (previous && inputs.set) add_halfspaces(rows, *inputs.set, previous_forms);

  clique.T = rows.coefficients();
  clique.error = rows.errors();
  meaning.rows = rows.intervals();
  meaning.labels = rows.labels();
  clique.variable_magnitude = Vector::Ones(count);
  for (std::size_t r = 0; r < functionals.size(); ++r) {
    clique.variable_magnitude[static_cast<Index>(r) + 1] = functionals[r].interval.magnitude();
  }
  for (Index row = 0; row < rows.size(); ++row) {
    const auto coefficients = clique.T.row(row);
    Index column = 0;
    if (coefficients.cwiseAbs().maxCoeff(&column) == 1.0 && (coefficients.array() != 0.0).count() == 1) {
      clique.variable_magnitude[column] = core::next_up(meaning.rows[row].magnitude() + clique.error[row]);
    }
  }
  entry_intervals(clique, meaning.rows, rows.facts());
  if (previous && inputs.set) add_ball(clique, *inputs.set, *previous, meaning.previous_begin);
  return result;
}

}  // namespace twincert::relax
