#include "twincert/twin_program.hpp"

#include <cmath>
#include <string>
#include <utility>

#include "twincert/bounds/forward.hpp"
#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/certificate/claim.hpp"
#include "twincert/core/error.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/row_plan.hpp"

namespace twincert {
namespace {

using core::Index;
using core::Vector;

void validate(const network::Twin& twin, const sets::InputSet& set, const Vector& weights) {
  bounds::check_sizes(twin, set);
  if (weights.size() != twin.output_size()) {
    throw core::ShapeError("weights: expected " + std::to_string(twin.output_size()) + " numbers (the networks' outputs), found " +
                           std::to_string(weights.size()));
  }
  for (Index i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i])) {
      throw core::ParseError("weights[" + std::to_string(i) + "]: expected a finite number, found " + std::to_string(weights[i]));
    }
  }
  if (twin.stages().size() < 2) throw core::SettingsError("twin: expected networks with a hidden stage, without one nothing is relaxed");
}

}  // namespace

ChordalProgram twin_program(const network::Twin& twin, const sets::InputSet& set, const Vector& weights,
                            const std::optional<relax::RowOptions>& rows, const solver::Settings& settings) {
  settings.validate();
  validate(twin, set, weights);
  const bounds::TwinBounds crown = bounds::crown_bounds(twin, set);
  const bounds::TwinBounds best =
      certificate::relaxed_bounds(bounds::optimized_bounds(twin, set, crown, static_cast<int>(settings.threads)), crown);
  const bounds::TwinBounds claimed{certificate::widened(best.stages), best.evaluation_error};
  if (const auto stage = relax::overflowing_stage(claimed)) {
    throw core::SettingsError("input set: expected values below 1e100 in the networks over it, propagation allows larger ones at stage " +
                              std::to_string(*stage));
  }

  const relax::Objective objective{relax::ObjectiveKind::linear, weights};
  const solver::RowPlan plan = solver::plan_rows(twin, set, claimed, rows, objective.kind, settings, ChordalProgram::copies_estimate);
  if (!plan.refusal.empty()) throw core::SettingsError("memory_limit: " + plan.refusal);
  relax::Relaxation relaxation = relax::build_relaxation(twin, set, claimed, plan.rows, objective.kind);
  const relax::ObjectiveTerms terms = relax::objective_terms(twin, relaxation, objective);
  return {std::move(static_cast<relax::ChordalProblem&>(relaxation)), {terms.matrices, core::next_up(terms.constant + terms.error)}};
}

}  // namespace twincert
