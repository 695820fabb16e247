#include "twincert/solver/solve.hpp"

#include <cmath>

#include "twincert/relax/support.hpp"

namespace twincert::solver {
namespace {

// The bound of the first iterations is erratic: no verdict on stalling before this many.
constexpr Index stall_window = 400;

core::Status status_of(Continue reason) {
  switch (reason) {
    case Continue::time_limit:
      return core::Status::time_limit;
    case Continue::interrupted:
      return core::Status::interrupted;
    case Continue::decided:
    case Continue::pause:
    case Continue::yes:
      break;
  }
  return core::Status::threshold_reached;
}

// True when the bound fell by less than `tolerance` over the last half of the iterations.
bool stalled(const std::vector<std::pair<Index, double>>& history, double tolerance) {
  const auto& [iteration, bound] = history.back();
  if (iteration < stall_window) return false;
  for (std::size_t i = history.size(); i-- > 0;) {
    if (2 * history[i].first <= iteration) return history[i].second - bound < tolerance * std::abs(bound);
  }
  return false;
}

}  // namespace

Solution solve(Method& method, const relax::ChordalProblem& problem, const relax::ObjectiveTerms& terms, const Settings& settings,
               const std::function<bool()>& due, const std::function<Continue(const Iteration&)>& proceed, Solution solution) {
  solution.paused = false;
  solution.status = core::Status::iteration_limit;
  std::vector<Matrix> multipliers;
  for (Index iteration = solution.iterations + 1; iteration <= settings.max_iterations; ++iteration) {
    if (!method.iterate()) {
      solution.status = core::Status::numerical_error;
      return solution;
    }
    solution.iterations = iteration;
    solution.residual = method.residual();
    if (iteration % method.bound_every() != 0 && iteration != settings.max_iterations && !method.finished() && !due()) {
      continue;
    }
    method.multipliers(multipliers);
    const double bound = terms.finish(relax::support_bound(problem, terms, multipliers));
    if (bound < solution.bound) {
      solution.bound = bound;
      std::swap(solution.multipliers, multipliers);
    }
    solution.history.emplace_back(iteration, solution.bound);
    const Continue next = proceed({iteration, solution.bound, solution.residual, solution.multipliers});
    if (next != Continue::yes) {
      solution.status = status_of(next);
      solution.paused = next == Continue::pause;
      return solution;
    }
    if (method.finished() || stalled(solution.history, settings.tolerance)) {
      solution.status = core::Status::converged;
      return solution;
    }
  }
  return solution;
}

}  // namespace twincert::solver
