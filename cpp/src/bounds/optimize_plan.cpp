#include <algorithm>
#include <cmath>

#include "twincert/bounds/optimize.hpp"
#include "twincert/bounds/optimize_pair.hpp"
#include "twincert/bounds/optimize_single.hpp"
#include "twincert/bounds/quadratic_search.hpp"
#include "twincert/bounds/relaxation.hpp"

namespace twincert::bounds {
namespace {

// Measured shares of the elementwise loops, in operations per row and neuron.
constexpr double line_work = 60.0;
constexpr double plane_work = 250.0;
// Of about 5000 that were measured: parabolas gain more than what else the budget would buy.
constexpr double parabola_work = 800.0;

double unstable(const network::Activation& activation, const IntervalVector& bounds) {
  Line line{};
  double count = 0.0;
  for (Index i = 0; i < bounds.size(); ++i) count += affine_on(activation, bounds[i], line) ? 0.0 : 1.0;
  return count;
}

// Quadratic bounds of all outputs, or zero where there are none.
struct QuadraticWork {
  double step = 0.0;
  double closing = 0.0;
};

// Every live neuron takes part in each step with all of its weights; in the end there is a Gram matrix per stage and row, and a few
// factorisations of its size.
QuadraticWork quadratic_work(const Twin& twin, const TwinBounds& crown) {
  const auto relu = [](const network::Stage& stage) { return stage.activation.kind == network::ActivationKind::relu; };
  const auto rows = 2.0 * static_cast<double>(twin.output_size());
  QuadraticWork work;
  auto inputs = static_cast<double>(twin.input_size());
  double all_pairs = 0.0;
  for (std::size_t k = 0; k + 1 < twin.stages().size(); ++k) {
    const network::StagePair& pair = twin.stages()[k];
    if (!pair.paired || !relu(pair.reference) || !relu(pair.compressed)) return {};
    const StageBounds& bounds = crown.stages[k];
    double neurons = 0.0, pairs = 0.0;
    for (Index i = 0; i < bounds.reference.size(); ++i) {
      const bool live = bounds.reference.upper[i] > 0.0 || bounds.compressed.upper[i] > 0.0;
      const bool kept = bounds.reference.lower[i] >= 0.0 && bounds.compressed.lower[i] >= 0.0;
      neurons += live ? 1.0 : 0.0;
      pairs += live && !kept ? 1.0 : 0.0;
    }
    const bool last = k + 2 == twin.stages().size();
    const double matrices = k == 0 ? 2.0 : 3.0, variables = k == 0 ? inputs : 2.0 * inputs;
    const double squares = pairs + (last ? 0.0 : 2.0 * neurons);
    const double small = std::min(squares, variables), large = std::max(squares, variables);
    work.step += rows * (2.0 * quadratic_products * matrices * inputs * neurons + parabola_work * pairs);
    work.closing += rows * small * small * (large + 4.0 * small + 400.0);
    all_pairs += pairs;
    inputs = neurons;
  }
  return all_pairs > 0.0 ? work : QuadraticWork{};
}

struct Work {
  double lines = 0.0;
  double each_case = 0.0;
  double plane_step = 0.0;  // of all rows
};

}  // namespace

OptimizationPlan optimization_plan(const Twin& twin, const TwinBounds& crown, double budget) {
  Work inner, last;
  double inner_planes = 0.0;
  double weights_f = 0.0, weights_g = 0.0, neurons_f = 0.0, neurons_g = 0.0;
  for (std::size_t k = 0; k < twin.stages().size(); ++k) {
    const network::StagePair& pair = twin.stages()[k];
    const bool outputs = k + 1 == twin.stages().size();
    const auto width = static_cast<double>(twin.output_size());
    const double rows_f = 2.0 * (outputs ? width : unstable(pair.reference.activation, crown.stages[k].reference));
    const double rows_g = 2.0 * (outputs ? width : unstable(pair.compressed.activation, crown.stages[k].compressed));
    // A step multiplies by every weight once on the way down and once on the way up; planes follow the difference as well.
    const double line_step = rows_f * (4.0 * weights_f + line_work * neurons_f) + rows_g * (4.0 * weights_g + line_work * neurons_g);
    const double plane_step = pair.paired ? std::min(rows_f + rows_g, 2.0 * static_cast<double>(pair.reference.bias.size())) *
                                                (8.0 * weights_f + 2.0 * weights_g + plane_work * (neurons_f + neurons_g) * 0.5)
                                          : 0.0;
    Work& work = outputs ? last : inner;
    work.lines += (single_steps + 3) * line_step;
    work.each_case += (case_steps + 1) * line_step;
    work.plane_step += plane_step;
    if (!outputs) inner_planes += (pair_steps + 3) * plane_step;
    weights_f += static_cast<double>(pair.reference.weight.size());
    weights_g += static_cast<double>(pair.compressed.weight.size());
    neurons_f += static_cast<double>(pair.reference.bias.size());
    neurons_g += static_cast<double>(pair.compressed.bias.size());
  }
  const double outputs = last.lines + (last_pair_steps + 3) * last.plane_step;
  OptimizationPlan plan{{few_case_neurons}, true, true, last_pair_steps, 0, 0.0};
  const auto cases = [&](Index neurons) { return std::ldexp(inner.each_case + last.each_case, static_cast<int>(neurons)); };
  const auto total = [&] {
    return outputs + (plan.case_neurons.empty() ? 0.0 : cases(few_case_neurons)) + (plan.intermediate_planes ? inner_planes : 0.0) +
           (plan.intermediate_lines ? inner.lines : 0.0);
  };
  if (total() > budget) plan.case_neurons.clear();
  if (total() > budget) plan.intermediate_planes = false;
  if (total() > budget) plan.intermediate_lines = false;
  plan.operations = total();
  // Whatever they take is left over: no other bound becomes looser for them.
  const QuadraticWork quadratic = quadratic_work(twin, crown);
  if (quadratic.step > 0.0 && (twin.stages().size() == 2 || budget > operation_budget)) {
    const double left = (budget - plan.operations - quadratic.closing) / quadratic.step;
    if (left >= few_quadratic_steps) {
      plan.quadratic_steps =
          budget > operation_budget ? static_cast<int>(std::min<double>(left, most_quadratic_steps)) : few_quadratic_steps;
      plan.operations += quadratic.closing + plan.quadratic_steps * quadratic.step;
    }
  }
  if (budget > operation_budget && !plan.case_neurons.empty()) {
    Index neurons = most_case_neurons;
    while (neurons > few_case_neurons && plan.operations + cases(neurons) > budget) --neurons;
    if (neurons > few_case_neurons) {
      plan.case_neurons.push_back(neurons);
      plan.operations += cases(neurons);
    }
  }
  if (plan.operations > budget) {
    const double steps = (budget - last.lines) / last.plane_step - 3.0;
    plan.output_steps = steps >= 1.0 ? static_cast<int>(steps) : 0;
    plan.operations = plan.output_steps > 0 ? last.lines + (plan.output_steps + 3) * last.plane_step : 0.0;
  }
  return plan;
}

}  // namespace twincert::bounds
