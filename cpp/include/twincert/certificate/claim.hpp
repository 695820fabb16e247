// From proven pieces to the claimed numbers, the same way for prover and checker.
#pragma once

#include <utility>
#include <vector>

#include "twincert/certificate/proof.hpp"

namespace twincert::certificate {

// A proven upper bound of one objective.
struct ProvenObjective {
  relax::Objective objective;
  double bound;
};

// The bounds of every output and of the measure that propagation and the objectives prove together; evaluation error and the rounding
// of the measure's own evaluation included.
Claim derive_claim(const core::Measure& measure, const bounds::TwinBounds& bounds, const std::vector<ProvenObjective>& objectives);

// Enclosures a little wider than the derived ones, so that another machine's rounding of the same propagation stays inside.
std::vector<bounds::StageBounds> widened(const std::vector<bounds::StageBounds>& stages);

// True when every enclosure of `inner` lies in its counterpart.
bool contains(const std::vector<bounds::StageBounds>& outer, const std::vector<bounds::StageBounds>& inner);

}  // namespace twincert::certificate
