// What a Certifier remembers between solves: bounds of its set, and starting points of the solver, which serve other sets too.
#pragma once

#include <optional>

#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/solver/warm_start.hpp"

namespace twincert {

struct Memory {
  std::optional<bounds::TwinBounds> interval, crown, optimized;
  double operations = 0.0;  // the budget of `optimized`
  solver::WarmStarts warm;
};

}  // namespace twincert
