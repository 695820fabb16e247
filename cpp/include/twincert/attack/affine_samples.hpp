// Points that an affine certificate has to cover. Untrusted.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "twincert/core/measure.hpp"
#include "twincert/network/twin.hpp"
#include "twincert/sets/input_set.hpp"

namespace twincert::attack {

// q and |f(x) - g(y)|^2 of an affine measure at `count` points of the set, many of them with small q.
std::vector<std::pair<double, double>> affine_samples(const network::Twin& twin, const sets::InputSet& set, const core::Measure& measure,
                                                      core::Index count, std::uint64_t seed);

}  // namespace twincert::attack
