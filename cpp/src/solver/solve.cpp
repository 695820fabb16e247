#include "twincert/solver/solve.hpp"

#include <cmath>

#include "twincert/relax/support.hpp"
#include "twincert/solver/progress.hpp"

namespace twincert::solver {
namespace {

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

}  // namespace

Solution solve(Method& method, const relax::ChordalProblem& problem, const relax::ObjectiveTerms& terms, const Settings& settings,
               const std::function<bool()>& due, const std::function<Continue(const Iteration&)>& proceed, Solution solution) {
  solution.paused = false;
  solution.status = core::Status::iteration_limit;
  std::vector<Matrix> multipliers;
  Continue next = Continue::yes;
  const auto ask = [&] {
    next = proceed({solution.iterations, solution.bound, solution.residual, solution.multipliers});
    if (next == Continue::yes) return true;
    solution.status = status_of(next);
    solution.paused = next == Continue::pause;
    return false;
  };
  const std::function<bool()> go_on = [&] { return !due() || ask(); };
  for (Index iteration = solution.iterations + 1; iteration <= settings.max_iterations; ++iteration) {
    if (!method.iterate(go_on)) {
      if (next == Continue::yes) solution.status = core::Status::numerical_error;
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
    if (!ask()) return solution;
    if (method.finished() || stalled(solution.history, settings.tolerance)) {
      solution.status = core::Status::converged;
      return solution;
    }
  }
  return solution;
}

}  // namespace twincert::solver
