// From proven pieces to the claimed numbers, the same way for prover and checker.
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "twincert/certificate/proof.hpp"

namespace twincert::certificate {

// A proven upper bound of one objective.
struct ProvenObjective {
  relax::Objective objective;
  double bound;
};

// Proven maxima of bounds::measure_rows() by a propagation, "interval", "crown" or "optimized", whose bounds are given.
Vector propagated_rows(const core::Measure& measure, const network::Twin& twin, const sets::InputSet& set, const std::string& propagation,
                       const bounds::TwinBounds& bounds);

// `row_maxima` lowered by the linear objectives that belong to rows of the measure, and by a bound of |f - g|_2: row . d <= |row|_2 |d|_2.
Vector lowered(const core::Measure& measure, Index outputs, Vector row_maxima, const std::vector<ProvenObjective>& objectives);

// The bounds of the measure, and of every output that it asks for, which propagation and the objectives prove together; evaluation error
// and the rounding of the measure's own evaluation included. margin and top1 ask for no output. `upper` is a bound of the measure known
// otherwise, evaluation error included: the largest over the parts of a branching.
Claim derive_claim(const core::Measure& measure, const bounds::TwinBounds& bounds, const Vector& row_maxima,
                   const std::vector<ProvenObjective>& objectives, double upper = std::numeric_limits<double>::infinity());

// The affine bounds that propagation (gamma_x = 0) and every objective prove, evaluation errors and the rounding of evaluating both sides
// included. `row_maxima` as for derive_claim().
std::vector<AffineBound> affine_bounds(const core::Measure& measure, const bounds::TwinBounds& bounds, const Vector& row_maxima,
                                       const std::vector<ProvenObjective>& objectives);
// weight_x gamma_x + weight gamma, rounded up.
double weighted_sum(const core::Measure& measure, const AffineBound& affine);

// A claim a little weaker than derived, so that the checker's rounding on another machine still proves it.
Claim relaxed(Claim claim);

// What an optimisation proved, a little weaker, so that one on another machine that took another path in the last bits proves it too;
// `crown`, which it started from, needs no slack.
Vector relaxed_rows(Vector row_maxima);
bounds::TwinBounds relaxed_bounds(const bounds::TwinBounds& optimized, const bounds::TwinBounds& crown);

// Enclosures a little wider than the derived ones, so that another machine's rounding of the same propagation stays inside.
std::vector<bounds::StageBounds> widened(const std::vector<bounds::StageBounds>& stages);

// True when every enclosure of `inner` lies in its counterpart.
bool contains(const std::vector<bounds::StageBounds>& outer, const std::vector<bounds::StageBounds>& inner);

}  // namespace twincert::certificate
