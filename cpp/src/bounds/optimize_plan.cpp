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

double unstable(const network::Activation& activation, const IntervalVector& bounds) {
  Line line{};
  double count = 0.0;
  for (Index i = 0; i < bounds.size(); ++i) count += affine_on(activation, bounds[i], line) ? 0.0 : 1.0;
  return count;
}

// Quadratic bounds of all outputs behind a single hidden stage of ReLU, or zero where there are none: every pair that is not affine takes
// part in each step with all of its weights, then in a Gram matrix and a few factorisations of its size.
double quadratic_work(const Twin& twin, const TwinBounds& crown) {
  const network::StagePair& first = twin.stages().front();
  const auto relu = [](const network::Stage& stage) { return stage.activation.kind == network::ActivationKind::relu; };
  if (twin.stages().size() != 2 || !first.paired || !relu(first.reference) || !relu(first.compressed)) return 0.0;
  Line line{};
  double pairs = 0.0;
  for (Index i = 0; i < crown.stages[0].reference.size(); ++i) {
    const bool affine = affine_on(first.reference.activation, crown.stages[0].reference[i], line) &&
                        affine_on(first.compressed.activation, crown.stages[0].compressed[i], line);
    pairs += affine ? 0.0 : 1.0;
  }
  const auto inputs = static_cast<double>(twin.input_size());
  const double search = quadratic_steps * pairs * (4.0 * quadratic_products * inputs + line_work);
  const double closing = pairs * pairs * (inputs + 4.0 * pairs + 400.0);
  return 2.0 * static_cast<double>(twin.output_size()) * (search + closing);
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
  const double quadratic = quadratic_work(twin, crown);
  OptimizationPlan plan{{few_case_neurons}, true, true, false, last_pair_steps, 0.0};
  const auto total = [&] {
    double cases = 0.0;
    for (const Index neurons : plan.case_neurons) cases += std::ldexp(inner.each_case + last.each_case, static_cast<int>(neurons));
    return outputs + cases + (plan.intermediate_planes ? inner_planes : 0.0) + (plan.intermediate_lines ? inner.lines : 0.0);
  };
  if (budget > operation_budget) plan.case_neurons.push_back(most_case_neurons);
  while (total() > budget && plan.case_neurons.size() > 1) {
    if (--plan.case_neurons.back() == few_case_neurons) plan.case_neurons.pop_back();
  }
  if (total() > budget) plan.case_neurons.clear();
  if (total() > budget) plan.intermediate_planes = false;
  if (total() > budget) plan.intermediate_lines = false;
  plan.operations = total();
  // Whatever they take is left over: no other bound becomes looser for them.
  plan.quadratic = quadratic > 0.0 && plan.operations + quadratic <= budget;
  if (plan.quadratic) plan.operations += quadratic;
  if (plan.operations > budget) {
    const double steps = (budget - last.lines) / last.plane_step - 3.0;
    plan.output_steps = steps >= 1.0 ? static_cast<int>(steps) : 0;
    plan.operations = plan.output_steps > 0 ? last.lines + (plan.output_steps + 3) * last.plane_step : 0.0;
  }
  return plan;
}

}  // namespace twincert::bounds
