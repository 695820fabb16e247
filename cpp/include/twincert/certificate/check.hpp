// The trusted checker: recomputes a claim from the networks, the set and the proof. No solver, no eigenvalues.
#pragma once

#include <string>

#include "twincert/certificate/proof.hpp"

namespace twincert::certificate {

struct CheckReport {
  bool valid;          // every claimed number is proven
  double upper;        // the measure's bound as the checker recomputed it
  std::string reason;  // empty when valid, otherwise the first claim that is not proven
};

// Never throws on a bad proof: sizes that do not fit, NaN or infinite entries and unproven numbers make the report invalid.
CheckReport check(const network::Twin& twin, const sets::InputSet& set, const Claim& claim, const Proof& proof);

}  // namespace twincert::certificate
