// Small random twins and boxes for the tests of what comes after the networks.
#pragma once

#include <cstdint>
#include <vector>

#include "twincert/network/twin.hpp"
#include "twincert/sets/input_set.hpp"

namespace twincert::testing {

// A ReLU network with weights N(0, 1.96 / inputs) against itself with weights rounded to multiples of `step`.
network::Twin random_twin(const std::vector<core::Index>& widths, double step, std::uint64_t seed);

// The box of the given radius around 0, both networks reading the same input.
sets::InputSet cube(core::Index size, double radius);

// Normally distributed entries.
core::Matrix random_matrix(core::Index rows, core::Index columns, unsigned seed);

}  // namespace twincert::testing
