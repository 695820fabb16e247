#include "twincert/relax/stage_forms.hpp"

#include <algorithm>

namespace twincert::relax {
namespace {

using bounds::StageBounds;
using network::StagePair;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

bool nonlinear(const network::Activation& activation, Interval before) { return !linear_piece(activation, before).has_value(); }

bool vanishes(const network::Activation& activation, Interval before) {
  const auto piece = linear_piece(activation, before);
  return piece && piece->slope == 0.0;
}

SharedRow functional(Side side, Index neuron, Interval value) {
  const double center = side == Side::difference ? 0.0 : 0.5 * value.lower + 0.5 * value.upper;
  const Interval shifted = scaled(value, center, 0);
  const int exponent = scale_exponent(std::max(shifted.magnitude(), 0x1p-900));
  return {side, neuron, center, exponent, scaled(value, center, exponent)};
}

// Which of a_f and a_g the rows of neuron i speak about.
struct Needs {
  bool reference;
  bool compressed;
};

Needs needs(const StagePair& stage, const StageBounds& bounds, Index i) {
  const network::Activation& f = stage.reference.activation;
  const network::Activation& g = stage.compressed.activation;
  const bool has_f = i < bounds.reference.size(), has_g = i < bounds.compressed.size();
  const bool f_nonlinear = has_f && nonlinear(f, bounds.reference[i]), g_nonlinear = has_g && nonlinear(g, bounds.compressed[i]);
  return {has_f && (!vanishes(f, bounds.reference[i]) || (stage.paired && g_nonlinear)),
          has_g && (!vanishes(g, bounds.compressed[i]) || (stage.paired && f_nonlinear))};
}

// a_f, a_g and delta of the first stage's neurons as variables of their own.
std::vector<SharedRow> stage_functionals(const StagePair& stage, const StageBounds& bounds) {
  std::vector<SharedRow> rows;
  for (Index i = 0; i < std::max(bounds.reference.size(), bounds.compressed.size()); ++i) {
    const Needs need = needs(stage, bounds, i);
    if (need.compressed && !is_constant(bounds.compressed[i])) rows.push_back(functional(Side::compressed, i, bounds.compressed[i]));
    if (!need.reference) continue;
    if (stage.paired && need.compressed) {
      if (!negligible_difference(bounds.difference[i], bounds.reference[i], bounds.compressed[i])) {
        rows.push_back(functional(Side::difference, i, bounds.difference[i]));
      }
    } else if (!is_constant(bounds.reference[i])) {
      rows.push_back(functional(Side::reference, i, bounds.reference[i]));
    }
  }
  return rows;
}

void functional_forms(StageForms& forms, const StagePair& stage, const StageBounds& bounds, const StageVariables& variables) {
  const Index count = variables.count;
  for (Index i = 0; i < bounds.reference.size(); ++i) set_row(forms.before_reference, i, Form::enclosure(bounds.reference[i], count));
  for (Index i = 0; i < bounds.compressed.size(); ++i) set_row(forms.before_compressed, i, Form::enclosure(bounds.compressed[i], count));
  for (Index i = 0; i < bounds.difference.size(); ++i) set_row(forms.before_difference, i, Form::enclosure(bounds.difference[i], count));
  for (std::size_t r = 0; r < variables.functionals.size(); ++r) {
    const SharedRow& row = variables.functionals[r];
    Forms& target = row.side == Side::compressed  ? forms.before_compressed
                    : row.side == Side::reference ? forms.before_reference
                                                  : forms.before_difference;
    set_row(target, row.neuron, Form::variable(row, static_cast<Index>(r) + 1, count));
  }
  if (!stage.paired) return;
  for (Index i = 0; i < bounds.compressed.size(); ++i) {
    const Needs need = needs(stage, bounds, i);
    if (need.reference && need.compressed) {
      set_row(forms.before_reference, i, combine(row_of(forms.before_compressed, i), 1.0, row_of(forms.before_difference, i)));
    }
  }
}

// x, y and d of paired neuron i: which of them are variables follows stage_variables().
void paired_neuron(StageForms& forms, Index i, const StagePair& stage, const StageBounds& bounds, const LayerRows& current,
                   const StageVariables& variables) {
  const DefiningRows& rows = current.defining[at(i)];
  const LayerValues& values = current.values;
  auto given = [&](Index row) { return row >= 0 && variables.current_columns[at(row)] >= 0; };
  auto variable = [&](Index row) { return Form::variable(current.rows[at(row)], variables.current_columns[at(row)], variables.count); };
  // x or y of a neuron that is constant, linear or a variable itself; empty when only its difference to the other is known.
  auto own = [&](const network::Activation& activation, Interval before, Interval after, const Form& a, Index row) -> std::optional<Form> {
    if (is_constant(after)) return Form::enclosure(after, variables.count);
    if (const auto piece = linear_piece(activation, before)) return affine(piece->slope, a, piece->offset);
    if (given(row)) return variable(row);
    return std::nullopt;
  };
  const auto f_piece = linear_piece(stage.reference.activation, bounds.reference[i]);
  const auto g_piece = linear_piece(stage.compressed.activation, bounds.compressed[i]);
  std::optional<Form> x =
      own(stage.reference.activation, bounds.reference[i], values.reference[i], row_of(forms.before_reference, i), rows.reference);
  std::optional<Form> y =
      own(stage.compressed.activation, bounds.compressed[i], values.compressed[i], row_of(forms.before_compressed, i), rows.compressed);
  std::optional<Form> d;
  if (given(rows.difference)) {
    d = variable(rows.difference);
  } else if (!x || !y) {
    d = Form::enclosure(values.difference[i], variables.count);
  } else if (f_piece && g_piece && *f_piece == *g_piece) {
    d = affine(f_piece->slope, row_of(forms.before_difference, i), 0.0);
  } else {
    d = combine(*x, -1.0, *y);
  }
  if (!x) x = combine(*y, 1.0, *d);
  if (!y) y = combine(*x, -1.0, *d);
  set_row(forms.after.reference, i, *x);
  set_row(forms.after.compressed, i, *y);
  set_row(forms.after.difference, i, *d);
}

void unpaired_neuron(Forms& after, const Forms& before, Index i, const network::Activation& activation, Interval interval, Index row,
                     const LayerRows& current, const StageVariables& variables) {
  if (row < 0) {
    set_row(after, i, Form::enclosure(activation.image(interval), variables.count));
  } else if (const auto piece = linear_piece(activation, interval)) {
    set_row(after, i, affine(piece->slope, row_of(before, i), piece->offset));
  } else {
    set_row(after, i, Form::variable(current.rows[at(row)], variables.current_columns[at(row)], variables.count));
  }
}

// Columns for the rows of the layer after a stage that are variables.
void add_current(StageVariables& variables, const StagePair& stage, const StageBounds& bounds, const LayerRows& current) {
  variables.current_columns.assign(current.rows.size(), -1);
  auto give = [&](Index row) {
    if (row >= 0) variables.current_columns[at(row)] = variables.count++;
  };
  const Index f_size = bounds.reference.size(), g_size = bounds.compressed.size();
  for (Index i = 0; i < std::max(f_size, g_size); ++i) {
    const DefiningRows& rows = current.defining[at(i)];
    const bool f = i < f_size && nonlinear(stage.reference.activation, bounds.reference[i]);
    const bool g = i < g_size && nonlinear(stage.compressed.activation, bounds.compressed[i]);
    if (!stage.paired || (f && g)) {
      if (g) give(rows.compressed);
      if (f) give(rows.reference);
      if (f && g) give(rows.difference);
    } else if (f) {
      give(rows.reference >= 0 ? rows.reference : rows.difference);
    } else if (g) {
      give(is_constant(current.values.reference[i]) ? rows.compressed : rows.difference);
    }
  }
}

}  // namespace

StageVariables stage_variables(const StagePair& stage, const StageBounds& bounds, const LayerRows* previous, const LayerRows& current) {
  StageVariables variables;
  if (previous) {
    variables.previous_columns.assign(previous->rows.size(), -1);
    for (const DefiningRows& rows : previous->defining) {
      for (const Index row : {rows.reference, rows.compressed, rows.difference}) {
        if (row >= 0) variables.previous_columns[at(row)] = 0;
      }
    }
    for (Index& column : variables.previous_columns) {
      if (column == 0) column = variables.count++;
    }
  } else {
    variables.functionals = stage_functionals(stage, bounds);
    variables.count += static_cast<Index>(variables.functionals.size());
  }
  add_current(variables, stage, bounds, current);
  return variables;
}

StageVariables further_variables(const StagePair& stage, const StageBounds& bounds, const LayerRows& current, Index count) {
  StageVariables variables;
  variables.count = count;
  add_current(variables, stage, bounds, current);
  return variables;
}

StageForms stage_forms(const StagePair& stage, const StageBounds& bounds, const LayerForms* previous, const LayerRows& current,
                       const StageVariables& variables) {
  const Index f_size = bounds.reference.size(), g_size = bounds.compressed.size();
  StageForms forms;
  if (previous) {
    forms.before_reference = affine_forms(stage.reference.weight, stage.reference.bias, previous->reference);
    forms.before_compressed = affine_forms(stage.compressed.weight, stage.compressed.bias, previous->compressed);
    if (stage.paired) forms.before_difference = difference_forms(stage, *previous);
  } else {
    forms.before_reference = Forms::zero(f_size, variables.count);
    forms.before_compressed = Forms::zero(g_size, variables.count);
    forms.before_difference = Forms::zero(stage.paired ? g_size : 0, variables.count);
    functional_forms(forms, stage, bounds, variables);
  }
  forms.reference_nonlinear.resize(at(f_size));
  forms.compressed_nonlinear.resize(at(g_size));
  for (Index i = 0; i < f_size; ++i) {
    forms.reference_nonlinear[at(i)] =
        nonlinear(stage.reference.activation, bounds.reference[i]) && !is_constant(current.values.reference[i]);
  }
  for (Index i = 0; i < g_size; ++i) {
    forms.compressed_nonlinear[at(i)] =
        nonlinear(stage.compressed.activation, bounds.compressed[i]) && !is_constant(current.values.compressed[i]);
  }
  forms.after = {Forms::zero(f_size, variables.count), Forms::zero(g_size, variables.count),
                 Forms::zero(stage.paired ? g_size : 0, variables.count)};
  if (stage.paired) {
    for (Index i = 0; i < g_size; ++i) paired_neuron(forms, i, stage, bounds, current, variables);
    return forms;
  }
  for (Index i = 0; i < f_size; ++i) {
    unpaired_neuron(forms.after.reference, forms.before_reference, i, stage.reference.activation, bounds.reference[i],
                    current.defining[at(i)].reference, current, variables);
  }
  for (Index i = 0; i < g_size; ++i) {
    unpaired_neuron(forms.after.compressed, forms.before_compressed, i, stage.compressed.activation, bounds.compressed[i],
                    current.defining[at(i)].compressed, current, variables);
  }
  return forms;
}

}  // namespace twincert::relax
