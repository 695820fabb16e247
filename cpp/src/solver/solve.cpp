#include "twincert/solver/solve.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "twincert/relax/support.hpp"

namespace twincert::solver {
namespace {

core::Status status_of(Continue reason) {
  switch (reason) {
    case Continue::time_limit:
      return core::Status::time_limit;
    case Continue::interrupted:
      return core::Status::interrupted;
    case Continue::decided:
    case Continue::yes:
      break;
  }
  return core::Status::threshold_reached;
}

// True when the bound fell by less than `tolerance` over the last quarter of the iterations.
bool stalled(const std::vector<std::pair<Index, double>>& history, double tolerance) {
  const auto& [iteration, bound] = history.back();
  if (iteration < 100) return false;
  for (std::size_t i = history.size(); i-- > 0;) {
    if (4 * history[i].first <= 3 * iteration) return history[i].second - bound <= tolerance * std::abs(bound);
  }
  return false;
}

}  // namespace

Solution solve(Admm& admm, const relax::Relaxation& relaxation, const relax::ObjectiveTerms& terms, const Settings& settings,
               const std::function<Continue(const Iteration&)>& proceed) {
  Solution solution;
  solution.bound = std::numeric_limits<double>::infinity();
  std::vector<Matrix> multipliers;
  std::vector<std::pair<Index, double>> history;
  for (Index iteration = 1; iteration <= settings.max_iterations; ++iteration) {
    if (!admm.iterate()) {
      solution.status = core::Status::numerical_error;
      return solution;
    }
    solution.iterations = iteration;
    solution.residual = admm.residual();
    if (iteration % settings.bound_every != 0 && iteration != settings.max_iterations) continue;
    admm.multipliers(multipliers);
    const double bound = terms.finish(relax::support_bound(relaxation, terms, multipliers));
    if (bound < solution.bound) {
      solution.bound = bound;
      std::swap(solution.multipliers, multipliers);
    }
    history.emplace_back(iteration, solution.bound);
    const double primal = admm.primal_value();
    const Continue next = proceed({iteration, solution.bound, primal, solution.residual});
    if (next != Continue::yes) {
      solution.status = status_of(next);
      return solution;
    }
    const bool met = solution.residual < settings.tolerance && solution.bound - primal <= settings.tolerance * std::abs(solution.bound);
    if (met || stalled(history, settings.tolerance)) {
      solution.status = core::Status::converged;
      return solution;
    }
  }
  return solution;
}

}  // namespace twincert::solver
