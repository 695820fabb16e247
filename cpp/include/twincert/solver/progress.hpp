// Whether going on is worth it, judged by the bounds so far.
#pragma once

#include <utility>
#include <vector>

#include "twincert/core/types.hpp"

namespace twincert::solver {

// True when the bound, listed by iteration, fell by less than `tolerance` of itself over the last part of the iterations, `part` of them
// all. The bound of the first iterations is erratic: no verdict before `first` of them.
bool stalled(const std::vector<std::pair<core::Index, double>>& bounds, double tolerance, core::Index first = 400, double part = 0.5);

}  // namespace twincert::solver
