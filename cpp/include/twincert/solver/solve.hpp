// Runs a method on one objective and keeps the multipliers with the best valid bound.
#pragma once

#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "twincert/core/status.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/method.hpp"
#include "twincert/solver/settings.hpp"

namespace twincert::solver {

// State shown to the caller at every evaluation of the bound, and within long steps; returning a status ends the solve with it.
struct Iteration {
  Index iteration;
  double bound;  // best so far, a support function; what is not positive semidefinite to the last bit is not charged yet
  double residual;
  const std::vector<Matrix>& multipliers;  // of that bound; empty while there is none
};

enum class Continue { yes, time_limit, interrupted, decided, pause };

struct Solution {
  core::Status status = core::Status::iteration_limit;
  bool paused = false;                                     // by Continue::pause; can be taken up again
  double bound = std::numeric_limits<double>::infinity();  // +infinity when no bound was evaluated
  std::vector<Matrix> multipliers;                         // of the best bound; empty when there is none
  Index iterations = 0;
  double residual = 0.0;
  std::vector<std::pair<Index, double>> history;  // iterations and best bounds
};

// Takes `solution` up again where it paused, from the method's point; a new one starts at iteration 1. The bound is evaluated every
// method.bound_every() iterations, and whenever `due` says so (asked after each iteration; allocates nothing). Stops at max_iterations,
// when the bound stalls (settings.tolerance) or the method is finished, or when `proceed` says so. Where `due` says so within a step,
// `proceed` is asked as well, about the steps before.
Solution solve(Method& method, const relax::ChordalProblem& problem, const relax::ObjectiveTerms& terms, const Settings& settings,
               const std::function<bool()>& due, const std::function<Continue(const Iteration&)>& proceed, Solution solution = {});

}  // namespace twincert::solver
