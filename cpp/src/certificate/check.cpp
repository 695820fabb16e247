#include "twincert/certificate/check.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <sstream>

#include "twincert/certificate/bound.hpp"
#include "twincert/certificate/claim.hpp"
#include "twincert/core/error.hpp"

namespace twincert::certificate {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::string number(double value) {
  std::ostringstream text;
  text.precision(17);
  text << value;
  return text.str();
}

bool finite(const std::vector<bounds::StageBounds>& stages) {
  for (const bounds::StageBounds& stage : stages) {
    for (const core::IntervalVector* box : {&stage.reference, &stage.compressed, &stage.difference}) {
      if (!box->lower.allFinite() || !box->upper.allFinite()) return false;
    }
  }
  return true;
}

// Proves every objective of the proof in the relaxation over the claimed enclosures; returns the reason when one is not proven.
std::string prove_objectives(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& claimed, const Proof& proof,
                             std::vector<ProvenObjective>& proven) {
  std::map<bool, relax::Relaxation> relaxations;  // with and without sign variables
  for (std::size_t i = 0; i < proof.objectives.size(); ++i) {
    const ObjectiveProof& objective = proof.objectives[i];
    const std::string name = "objective " + std::to_string(i);
    if (objective.objective.kind == relax::ObjectiveKind::linear &&
        (objective.objective.weights.size() != twin.output_size() || !objective.objective.weights.allFinite())) {
      return name + ": expected " + std::to_string(twin.output_size()) + " finite weights";
    }
    if (relax::is_affine(objective.objective.kind)) {
      const double slope = objective.objective.slope;
      if (!(slope >= 0.0 && std::isfinite(slope))) return name + ": expected a finite slope of at least 0, found " + number(slope);
      if (relax::reduces_inputs(twin, set, claimed, proof.rows)) return name + ": a relaxation without the inputs has no affine objectives";
    }
    // Sizes first: a proof cannot make the checker allocate more than a small multiple of what it brings itself.
    const std::vector<relax::CliqueSize> sizes = relax::clique_sizes(twin, set, claimed, proof.rows, objective.objective.kind);
    if (sizes.size() != objective.cliques.size()) {
      return name + ": expected " + std::to_string(sizes.size()) + " cliques, found " + std::to_string(objective.cliques.size());
    }
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      const CliqueProof& clique = objective.cliques[k];
      if (clique.factor.rows() != sizes[k].variables || clique.multiplier.rows() < sizes[k].variables ||
          clique.multiplier.rows() > sizes[k].rows) {
        return name + ", clique " + std::to_string(k) + ": multiplier and factor do not have the relaxation's sizes";
      }
    }
    const bool signs = objective.objective.kind == relax::ObjectiveKind::one_norm;
    auto found = relaxations.find(signs);
    if (found == relaxations.end()) {
      found = relaxations.emplace(signs, relax::build_relaxation(twin, set, claimed, proof.rows, objective.objective.kind)).first;
    }
    const relax::Relaxation& relaxation = found->second;
    if (relaxation.cliques.empty()) return name + ": a network without hidden stage has no relaxation";
    const double bound = objective_bound(relaxation, relax::objective_terms(twin, relaxation, objective.objective), objective.cliques);
    if (!(bound <= objective.bound)) {
      return name + ": claimed bound " + number(objective.bound) + " is not proven, its multipliers prove " + number(bound);
    }
    // How the networks' evaluation is charged to gamma_x and gamma follows from the bound: both numbers fit the one that was claimed.
    proven.push_back({objective.objective, relax::is_affine(objective.objective.kind) ? objective.bound : bound});
  }
  return "";
}

// Some proven bound must prove both claimed numbers at once, and `upper` must be their weighted sum.
std::string prove_affine(const Claim& claim, const std::vector<AffineBound>& proven) {
  if (!claim.affine) return "affine: expected gamma_x and gamma";
  const auto [gamma_x, gamma] = *claim.affine;
  if (!(gamma_x >= 0.0 && gamma >= 0.0)) return "affine: expected gamma_x and gamma of at least 0";
  const double sum = weighted_sum(claim.measure, *claim.affine);
  if (!(sum <= claim.upper)) return "upper: claimed " + number(claim.upper) + ", gamma_x and gamma amount to " + number(sum);
  std::string found;
  for (const AffineBound& bound : proven) {
    if (bound.gamma_x <= gamma_x && bound.gamma <= gamma) return "";
    found += (found.empty() ? "" : " or ") + number(bound.gamma_x) + " and " + number(bound.gamma);
  }
  return "affine: claimed gamma_x " + number(gamma_x) + " and gamma " + number(gamma) + ", proven " + found;
}

}  // namespace

CheckReport check(const network::Twin& twin, const sets::InputSet& set, const Claim& claim, const Proof& proof) {
  auto refuse = [](const std::string& reason, double upper = infinity) { return CheckReport{false, upper, reason}; };
  if (set.size() != twin.input_size()) return refuse("the input set's size does not fit the networks");
  const Index m = twin.output_size();
  if (claim.upper_per_output.size() != m || claim.lower_per_output.size() != m) return refuse("per-output bounds: wrong number of outputs");
  try {
    claim.measure.validate(m);
  } catch (const core::SettingsError& error) {
    return refuse(error.what());
  }
  const bool known = proof.propagation == "interval" || proof.propagation == "crown" || proof.propagation == "optimized";
  if (!known) return refuse("propagation: expected interval, crown or optimized");
  const bool optimized = proof.propagation == "optimized";
  if (!(proof.operations >= 0.0 && proof.operations <= bounds::largest_budget)) {
    return refuse("operations: expected a number between 0 and " + number(bounds::largest_budget));
  }
  const bounds::TwinBounds basis = proof.propagation == "interval" ? bounds::interval_bounds(twin, set) : bounds::crown_bounds(twin, set);
  const bounds::TwinBounds derived = optimized ? bounds::optimized_bounds(twin, set, basis, 0, proof.operations) : basis;
  std::vector<ProvenObjective> proven;
  if (!proof.objectives.empty()) {
    if (!finite(proof.stages)) return refuse("stage bounds: expected finite numbers");
    if (!contains(proof.stages, derived.stages)) return refuse("stage bounds: the propagation does not prove the claimed enclosures");
    const bounds::TwinBounds claimed{proof.stages, derived.evaluation_error};
    const std::string reason = prove_objectives(twin, set, claimed, proof, proven);
    if (!reason.empty()) return refuse(reason);
  }
  const Vector basis_rows = propagated_rows(claim.measure, twin, set, proof.propagation, basis);
  Vector rows = optimized ? propagated_rows(claim.measure, twin, set, proof.propagation, derived).cwiseMin(basis_rows) : basis_rows;
  double upper = infinity;
  if (proof.branching) {
    const auto& [target, tree] = *proof.branching;
    if (proof.propagation == "interval") return refuse("branching: expected the propagation crown or optimized");
    if (std::isnan(target)) return refuse("branching: expected a number as target");
    try {
      core::ThreadPool pool(0);
      const Vector known = lowered(claim.measure, m, basis_rows, proven);
      const bounds::LeafBounds leaves = bounds::tree_bounds(twin, set, claim.measure, basis, known, tree, target, claim.upper, pool);
      if (leaves.rows.size() > 0) rows = rows.cwiseMin(leaves.rows);
      upper = leaves.upper;
    } catch (const core::SettingsError& error) {
      return refuse(std::string("branching: ") + error.what());
    }
  }
  const Claim derived_claim = derive_claim(claim.measure, derived, rows, proven, upper);
  if (claim.measure.kind == core::MeasureKind::affine) {
    const std::string reason = prove_affine(claim, affine_bounds(claim.measure, derived, rows, proven));
    if (!reason.empty()) return refuse(reason, derived_claim.upper);
  }
  if (!(derived_claim.upper <= claim.upper)) {
    return refuse("upper: claimed " + number(claim.upper) + ", proven " + number(derived_claim.upper), derived_claim.upper);
  }
  for (Index i = 0; i < m; ++i) {
    if (!(derived_claim.upper_per_output[i] <= claim.upper_per_output[i])) {
      return refuse("upper_per_output[" + std::to_string(i) + "]: claimed " + number(claim.upper_per_output[i]) + ", proven " +
                        number(derived_claim.upper_per_output[i]),
                    derived_claim.upper);
    }
    if (!(derived_claim.lower_per_output[i] >= claim.lower_per_output[i])) {
      return refuse("lower_per_output[" + std::to_string(i) + "]: claimed " + number(claim.lower_per_output[i]) + ", proven " +
                        number(derived_claim.lower_per_output[i]),
                    derived_claim.upper);
    }
  }
  return {true, derived_claim.upper, ""};
}

}  // namespace twincert::certificate
