// The generic front door: any semidefinite program in cliques whose entries have finite intervals, solved by the methods that twins use,
// with a bound that holds whatever the solver did.
#pragma once

#include <functional>
#include <limits>
#include <vector>

#include "twincert/core/status.hpp"
#include "twincert/relax/chordal_problem.hpp"
#include "twincert/solver/settings.hpp"

namespace twincert {

struct ChordalProgress {
  core::Index iteration;
  double seconds;
  double bound;  // proven
  double residual;
};

struct ChordalOptions {
  solver::Settings settings;  // those of the attack and of branching play no part
  double time_limit = std::numeric_limits<double>::infinity();
  std::function<bool(const ChordalProgress&)> callback;  // false stops
};

struct ChordalSolution {
  double bound;                           // proven, of `multipliers`
  std::vector<core::Matrix> multipliers;  // one per clique, symmetric
  core::Index iterations = 0;
  core::Status status = core::Status::iteration_limit;
  double residual = 0.0;         // distance of positive semidefinite matrices from those in their intervals, relative to the problem's size
  double memory_estimate = 0.0;  // GiB that solving takes, from above: what Settings::memory_limit must allow
  std::vector<ChordalProgress> history;
};

// A problem that was found to be sound, with its objective. Immutable.
class ChordalProgram {
 public:
  // Intersects the intervals of shared entries. A clique's `error` may be empty, for zero, and its `variable_magnitude`, to be derived from
  // the intervals on the diagonal. ShapeError or ParseError say what is wrong and where.
  ChordalProgram(relax::ChordalProblem problem, relax::ChordalObjective objective);

  const relax::ChordalProblem& problem() const { return problem_; }
  const relax::ChordalObjective& objective() const { return objective_; }

  // Rigorous upper bound of the maximum, from any symmetric multipliers, one per clique; +infinity only when sums overflow. The closer
  // T^T multiplier T is to a positive semidefinite matrix, the less is charged for it.
  double bound(const std::vector<core::Matrix>& multipliers) const;

  // Bytes that solve() takes besides problem and method, for scaled copies.
  static double copies_estimate(const std::vector<relax::CliqueSize>& sizes);

  // Multipliers with a small bound. Zero multipliers, whose bound is the objective's over the intervals alone, are where it starts.
  ChordalSolution solve(const ChordalOptions& options = {}) const;

 private:
  relax::ChordalProblem problem_;
  relax::ChordalObjective objective_;
};

}  // namespace twincert
