#include "twincert/relax/relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "twincert/core/error.hpp"
#include "twincert/relax/shared_entries.hpp"
#include "twincert/relax/stage_forms.hpp"

namespace twincert::relax {
namespace {

// Neighbours share the row of ones and the rows of the layer between them.
Overlap chain_overlap(Index first, const CliqueRows& left, const CliqueRows& right) {
  Overlap overlap{first, first + 1, {0}, {0}};
  for (Index i = 0; i < left.current_size; ++i) {
    overlap.first_rows.push_back(left.current_begin + i);
    overlap.second_rows.push_back(right.previous_begin + i);
  }
  return overlap;
}

// Appends one free variable and row s in [-1, 1], s^2 = 1, per output.
void add_signs(Clique& clique, CliqueRows& meaning, Index outputs) {
  IntervalVector& rows = meaning.rows;
  const Index n = rows.size(), m = n + outputs, v = clique.T.cols();
  Matrix T = Matrix::Zero(m, v + outputs);
  T.topLeftCorner(n, v) = clique.T;
  T.bottomRightCorner(outputs, outputs).setIdentity();
  clique.T = std::move(T);
  clique.error.conservativeResize(m);
  clique.error.tail(outputs).setZero();
  clique.variable_magnitude.conservativeResize(v + outputs);
  clique.variable_magnitude.tail(outputs).setOnes();
  rows.lower.conservativeResize(m);
  rows.upper.conservativeResize(m);
  rows.lower.tail(outputs).setConstant(-1.0);
  rows.upper.tail(outputs).setConstant(1.0);
  clique.lower.conservativeResize(m, m);
  clique.upper.conservativeResize(m, m);
  for (Index i = 0; i < outputs; ++i) meaning.labels.push_back({0, RowOrigin::sign, Side::reference, i, 0, 0});
  for (Index i = n; i < m; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const Interval product = i == j ? Interval{1.0, 1.0} : rows[i] * rows[j];
      clique.lower(i, j) = clique.lower(j, i) = product.lower;
      clique.upper(i, j) = clique.upper(j, i) = product.upper;
    }
  }
}

}  // namespace

bool reduces_inputs(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds, const RowOptions& options) {
  if (options.input_reduction != InputReduction::automatic) return options.input_reduction == InputReduction::always;
  const network::StagePair& first = twin.stages().front();
  const LayerRows inputs = layer_rows(input_values(set), {});
  const LayerRows current = layer_rows(stage_values(first, bounds.stages.front()), {});
  const StageVariables over_inputs = stage_variables(first, bounds.stages.front(), &inputs, current);
  const StageVariables over_functionals = stage_variables(first, bounds.stages.front(), nullptr, current);
  return over_inputs.count > 2 * over_functionals.count;
}

std::optional<Index> overflowing_stage(const bounds::TwinBounds& bounds) {
  for (std::size_t k = 0; k < bounds.stages.size(); ++k) {
    const bounds::StageBounds& stage = bounds.stages[k];
    for (const IntervalVector* box : {&stage.reference, &stage.compressed, &stage.difference}) {
      const bool number = box->lower.allFinite() && box->upper.allFinite();
      if (box->size() > 0 && !(number && box->magnitude().maxCoeff() < 1e100)) return static_cast<Index>(k);
    }
  }
  return std::nullopt;
}

Relaxation build_relaxation(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds,
                            const RowOptions& options, ObjectiveKind kind) {
  Relaxation relaxation;
  const std::size_t hidden = twin.stages().size() - 1;
  if (hidden == 0) return relaxation;
  const LayerRows previous = layer_rows(input_values(set), options);
  const bool reduced = reduces_inputs(twin, set, bounds, options);
  if (!reduced) relaxation.inputs = previous;
  std::vector<LayerRows> layers;
  for (std::size_t k = 0; k < hidden; ++k) layers.push_back(layer_rows(stage_values(twin.stages()[k], bounds.stages[k]), options));
  const std::size_t length = options.cliques == Cliques::single ? hidden : 1;
  for (std::size_t k = 0; k < hidden; k += length) {
    const LayerRows* before = k == 0 ? (reduced ? nullptr : &previous) : &layers[k - 1];
    TwinClique built = build_clique(std::span(twin.stages()).subspan(k, length), std::span(bounds.stages).subspan(k, length), before,
                                    std::span(layers).subspan(k, length), options, InputFacts{k == 0 ? &set : nullptr});
    relaxation.cliques.push_back(std::move(built.clique));
    relaxation.meaning.push_back(std::move(built.meaning));
  }
  relaxation.last = std::move(layers.back());
  for (std::size_t k = 0; k + 1 < relaxation.cliques.size(); ++k) {
    relaxation.overlaps.push_back(chain_overlap(static_cast<Index>(k), relaxation.meaning[k], relaxation.meaning[k + 1]));
  }
  agree(relaxation);
  if (kind == ObjectiveKind::one_norm) {
    relaxation.signs_begin = relaxation.cliques.back().T.rows();
    add_signs(relaxation.cliques.back(), relaxation.meaning.back(), twin.output_size());
  }
  return relaxation;
}

double ObjectiveTerms::finish(double bound) const {
  if (!(bound < std::numeric_limits<double>::infinity())) return std::numeric_limits<double>::infinity();  // NaN proves nothing
  if (kind != ObjectiveKind::squared_two_norm) return core::next_up(bound + error);
  const double root = core::next_up(core::next_up(std::sqrt(std::max(0.0, bound))) + error);
  return core::next_up(root * root);
}

namespace {

// The forms of a layer whose rows begin at `begin` of a clique, the clique's rows taking the variables' place.
LayerForms clique_forms(const LayerRows& layer, Index begin, const CliqueRows& clique) {
  std::vector<Index> columns(layer.rows.size());
  for (std::size_t r = 0; r < columns.size(); ++r) columns[r] = begin + static_cast<Index>(r);
  return layer_forms(layer, columns, clique.rows.size());
}

// |value|^2 of values that forms over a clique's rows enclose.
struct SquaredForms {
  Matrix matrix;   // up to its rounding <matrix, r r^T> is | coefficients . r |^2
  double squares;  // bound of that
  double error;    // |value|^2 is further from it by at most this
};

SquaredForms squared(const Forms& forms, const CliqueRows& clique) {
  const double squares = core::next_up((forms.coefficients.cwiseAbs() * clique.rows.magnitude()).squaredNorm() * (1.0 + 1e-9));
  const double error = core::next_up(forms.error.norm() * (1.0 + 1e-9));
  // With | |value| - |coefficients . r| | <= error.
  return {forms.coefficients.transpose() * forms.coefficients, squares,
          core::next_up(error * (2.0 * std::sqrt(squares) + 3.0 * error) * (1.0 + 1e-9))};
}

// |f - g|^2 - slope q: a block of the last clique less one of the first.
void affine_terms(ObjectiveTerms& terms, const Forms& outputs, const Relaxation& relaxation, double slope) {
  if (!relaxation.inputs) throw core::SettingsError("objective: a relaxation without the inputs has no affine objectives");
  const CliqueRows& first = relaxation.meaning.front();
  const LayerForms forms = clique_forms(*relaxation.inputs, first.previous_begin, first);
  const SquaredForms input = squared(terms.kind == ObjectiveKind::affine_input ? forms.reference : forms.difference, first);
  const SquaredForms output = squared(outputs, relaxation.meaning.back());
  terms.matrices.back() = output.matrix;
  Matrix& matrix = terms.matrices.front();
  if (matrix.size() == 0) matrix = Matrix::Zero(first.rows.size(), first.rows.size());
  matrix -= slope * input.matrix;
  // Rounding of the products, of the scaling and of the difference.
  const double rounding = core::gamma(outputs.size() + 8) * output.squares +
                          core::gamma(static_cast<Index>(relaxation.inputs->defining.size()) + 8) * slope * input.squares;
  terms.error = core::next_up((rounding + output.error + slope * input.error) * (1.0 + 1e-9) + 0x1p-1000);
}

}  // namespace

ObjectiveTerms objective_terms(const network::Twin& twin, const Relaxation& relaxation, const Objective& objective) {
  const CliqueRows& meaning = relaxation.meaning.back();
  const Index n = meaning.rows.size();
  const Forms outputs = difference_forms(twin.stages().back(), clique_forms(relaxation.last, meaning.current_begin, meaning));
  const Vector magnitude = meaning.rows.magnitude();
  ObjectiveTerms terms;
  terms.kind = objective.kind;
  terms.matrices.resize(relaxation.cliques.size());
  Matrix& matrix = terms.matrices.back();
  matrix = Matrix::Zero(n, n);
  if (objective.kind == ObjectiveKind::linear) {
    Form total = Form::constant(0.0, 0.0, n);
    for (Index i = 0; i < outputs.size(); ++i) {
      if (objective.weights[i] != 0.0) total = combine(total, objective.weights[i], row_of(outputs, i));
    }
    terms.constant = total.coefficients[0];
    terms.error = total.error;
    matrix.row(0).tail(n - 1) = 0.5 * total.coefficients.tail(n - 1).transpose();
    matrix.col(0).tail(n - 1) = 0.5 * total.coefficients.tail(n - 1);
  } else if (objective.kind == ObjectiveKind::squared_two_norm) {
    matrix = outputs.coefficients.transpose() * outputs.coefficients;
    const Vector reach = outputs.coefficients.cwiseAbs() * magnitude;
    terms.constant = core::next_up(core::gamma(outputs.size() + 4) * reach.squaredNorm() * (1.0 + 1e-9));
    terms.error = core::next_up(outputs.error.norm() * (1.0 + 1e-9));
  } else if (is_affine(objective.kind)) {
    affine_terms(terms, outputs, relaxation, objective.slope);
  } else {
    for (Index i = 0; i < outputs.size(); ++i) {
      const Index sign = relaxation.signs_begin + i;
      matrix.row(sign).head(sign) = 0.5 * outputs.coefficients.row(i).head(sign);
      matrix.col(sign).head(sign) = 0.5 * outputs.coefficients.row(i).head(sign).transpose();
    }
    terms.error = core::next_up(outputs.error.sum() * (1.0 + 1e-9));
  }
  return terms;
}

namespace {

// At most two rows, and twice as many with slack, for every activation that is not linear, and two for every pair that is not (ReLU: one).
Index most_activation_rows(const network::StagePair& stage, const bounds::StageBounds& bounds, const RowOptions& options) {
  const Index f_size = bounds.reference.size(), g_size = bounds.compressed.size(), each = options.slack_rows ? 4 : 2;
  const Index pair = stage.reference.activation.kind == network::ActivationKind::relu ? 1 : 2;
  Index rows = 0;
  for (Index i = 0; i < std::max(f_size, g_size); ++i) {
    const bool f = i < f_size && !linear_piece(stage.reference.activation, bounds.reference[i]);
    const bool g = i < g_size && !linear_piece(stage.compressed.activation, bounds.compressed[i]);
    rows += (f ? each : 0) + (g ? each : 0) + (f || g ? pair : 0);
  }
  return rows;
}

}  // namespace

std::vector<CliqueSize> clique_sizes(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds,
                                     const RowOptions& options, ObjectiveKind kind) {
  std::vector<CliqueSize> sizes;
  const std::size_t hidden = twin.stages().size() - 1;
  LayerRows previous = layer_rows(input_values(set), options);
  for (std::size_t k = 0; k < hidden; ++k) {
    const network::StagePair& stage = twin.stages()[k];
    LayerRows current = layer_rows(stage_values(stage, bounds.stages[k]), options);
    const bool reduced = k == 0 && reduces_inputs(twin, set, bounds, options);
    Index rows = static_cast<Index>(current.rows.size()) + most_activation_rows(stage, bounds.stages[k], options);
    if (options.unstable_only && options.cliques == Cliques::single && k + 1 < hidden) {
      const std::vector<bool> left_out = linear_rows(stage, bounds.stages[k], current);
      rows -= static_cast<Index>(std::count(left_out.begin(), left_out.end(), true));
    }
    if (k > 0 && options.cliques == Cliques::single) {
      sizes.back().rows += rows;
      sizes.back().variables = further_variables(stage, bounds.stages[k], current, sizes.back().variables).count;
    } else {
      const StageVariables variables = stage_variables(stage, bounds.stages[k], reduced ? nullptr : &previous, current);
      const auto* polytope = k == 0 ? std::get_if<sets::Polytope>(&set.region()) : nullptr;
      const Index before = static_cast<Index>(reduced ? variables.functionals.size() : previous.rows.size());
      sizes.push_back({1 + before + rows + (polytope ? polytope->A.rows() : 0), variables.count});
    }
    previous = std::move(current);
  }
  if (kind == ObjectiveKind::one_norm && !sizes.empty()) {
    sizes.back().rows += twin.output_size();
    sizes.back().variables += twin.output_size();
  }
  return sizes;
}

}  // namespace twincert::relax
