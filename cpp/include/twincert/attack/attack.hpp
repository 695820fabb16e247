// Lower bounds: search for inputs of the set where a measure is large. Untrusted; values are plain float64 evaluations.
#pragma once

#include <cstdint>
#include <limits>

#include "twincert/core/measure.hpp"
#include "twincert/network/twin.hpp"
#include "twincert/sets/input_set.hpp"

namespace twincert::attack {

using core::Index;
using core::Measure;
using core::Vector;

struct AttackOptions {
  Index restarts = 64;  // starting points, half of them vertices
  Index steps = 40;     // projected-gradient steps per start and goal
  std::uint64_t seed = 0;
  double enough = std::numeric_limits<double>::infinity();  // a value above it ends the search
};

struct AttackResult {
  Vector reference_input;    // x, inside the region
  Vector compressed_input;   // y, equal to x when the set shares its input
  Vector reference_output;   // f(x), float64
  Vector compressed_output;  // g(y)
  double value;              // measure(f(x), g(y))
};

AttackResult attack(const network::Twin& twin, const sets::InputSet& set, const Measure& measure, const AttackOptions& options = {});

// Climbs on from one point of the set; the result is never smaller than `found`.
AttackResult improve(const network::Twin& twin, const sets::InputSet& set, const Measure& measure, const AttackResult& found);

}  // namespace twincert::attack
