// Affine measures at the front door: what they refuse, and the search for the best gamma_x.
#pragma once

#include <functional>
#include <optional>

#include "twincert/certify.hpp"

namespace twincert {

// SettingsError for methods, sets and rows that affine measures do not go with.
void validate_affine(const sets::InputSet& set, const CertifyOptions& options);

// A bound of |x|^2 or |x - y|^2 over the set, up to rounding.
double largest_affine_input(const core::Measure& measure, const sets::InputSet& set);

// Has one slope gamma_x after the other solved until none can make the weighted sum much smaller. `solve`, given an objective, its number
// and the most there may be, returns its bound, or nothing to end the search.
void minimise_slope(const network::Twin& twin, const sets::InputSet& set, const CertifyOptions& options,
                    const std::function<std::optional<double>(const relax::Objective&, core::Index, core::Index)>& solve);

}  // namespace twincert
