#include "twincert/chordal.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "clock.hpp"
#include "twincert/certificate/bound.hpp"
#include "twincert/core/error.hpp"
#include "twincert/relax/row_scale.hpp"
#include "twincert/relax/shared_entries.hpp"
#include "twincert/solver/method_choice.hpp"
#include "twincert/solver/solve.hpp"

namespace twincert {
namespace {

using core::Index;
using core::Matrix;
using core::Status;
using core::Vector;

// A gain of the bound, relative to it, that is not kept waiting for a proof.
constexpr double worthwhile = 0.005;

double proven(const relax::ChordalProblem& problem, const relax::ChordalObjective& objective, const std::vector<Matrix>& multipliers) {
  return certificate::prove(problem, objective, multipliers).bound;
}

constexpr double report_seconds = 0.5;

}  // namespace

ChordalProgram::ChordalProgram(relax::ChordalProblem problem, relax::ChordalObjective objective)
    : problem_(std::move(problem)), objective_(std::move(objective)) {
  std::vector<relax::Clique*> unknown;
  for (relax::Clique& clique : problem_.cliques) {
    if (clique.error.size() == 0) clique.error = Vector::Zero(clique.T.rows());
    if (clique.variable_magnitude.size() > 0) continue;
    clique.variable_magnitude = Vector::Zero(clique.T.cols());
    unknown.push_back(&clique);
  }
  relax::validate(problem_);
  relax::validate(problem_, objective_);
  if (const auto empty = relax::agree(problem_)) {
    throw core::ParseError("overlaps: the intervals of an entry that cliques share do not meet: entry [" + std::to_string(empty->row) +
                           ", " + std::to_string(empty->column) + "] of clique " + std::to_string(empty->clique));
  }
  for (relax::Clique* clique : unknown) {
    try {
      clique->variable_magnitude = relax::variable_magnitude(*clique);
    } catch (const core::ParseError& error) {
      throw core::ParseError("clique " + std::to_string(clique - problem_.cliques.data()) + ", " + error.what());
    }
  }
}

// The scaled problem and objective, and the multipliers in its units.
double ChordalProgram::copies_estimate(const std::vector<relax::CliqueSize>& sizes) {
  double bytes = 0.0;
  for (const relax::CliqueSize& size : sizes) {
    const double rows = static_cast<double>(size.rows), variables = static_cast<double>(size.variables);
    bytes += 8.0 * rows * (4.0 * rows + variables);
  }
  return bytes;
}

double ChordalProgram::bound(const std::vector<Matrix>& multipliers) const {
  relax::validate(problem_, {multipliers, 0.0}, "multipliers");
  std::vector<Matrix> full = multipliers;
  for (std::size_t k = 0; k < full.size(); ++k) {
    if (full[k].size() == 0) full[k] = Matrix::Zero(problem_.cliques[k].T.rows(), problem_.cliques[k].T.rows());
  }
  return proven(problem_, objective_, full);
}

ChordalSolution ChordalProgram::solve(const ChordalOptions& options) const {
  options.settings.validate();
  check_time_limit(options.time_limit);
  const Clock clock;
  ChordalSolution best;
  for (const relax::Clique& clique : problem_.cliques) best.multipliers.push_back(Matrix::Zero(clique.T.rows(), clique.T.rows()));
  best.bound = proven(problem_, objective_, best.multipliers);
  best.memory_estimate = (solver::memory_estimate(problem_, options.settings) + copies_estimate(relax::clique_sizes(problem_))) / 0x1p30;
  if (best.memory_estimate > options.settings.memory_limit) {
    best.status = Status::size_limit;
    return best;
  }

  const std::vector<Vector> scales = relax::row_scales(problem_);
  const relax::ChordalProblem problem = relax::scaled(problem_, scales);
  relax::ObjectiveTerms terms;
  static_cast<relax::ChordalObjective&>(terms) = relax::scaled(objective_, scales);
  const auto prove = [&](const std::vector<Matrix>& found) {
    std::vector<Matrix> multipliers = relax::unscaled(found, scales);
    const double bound = proven(problem_, objective_, multipliers);
    if (!(bound < best.bound)) return;
    best.bound = bound;
    best.multipliers = std::move(multipliers);
  };

  core::ThreadPool pool(static_cast<int>(options.settings.threads));
  const std::unique_ptr<solver::Method> method = solver::make_method(problem, options.settings, pool);
  method->set_objective(terms);
  double tried = best.bound, next_proof = 0.0, last_report = 0.0, cost = 0.0;
  std::optional<double> asked;
  // Long iterations must not keep a time limit or the caller waiting. Bounds get a third of the time.
  const auto due = [&] {
    const double now = clock.seconds();
    const bool wanted = now >= options.time_limit || now - last_report > std::max(report_seconds, 2.0 * cost);
    if (wanted) asked = now;
    return wanted;
  };
  const solver::Solution solution = solver::solve(*method, problem, terms, options.settings, due, [&](const solver::Iteration& now) {
    const auto done = static_cast<double>(now.iteration);
    // A proof costs up to half an iteration: ever more seldom, but for a gain that is worth it.
    if (now.bound < tried && (done >= next_proof || now.bound < tried - worthwhile * std::abs(tried))) {
      tried = now.bound;
      prove(now.multipliers);
      next_proof = 1.25 * done;
    }
    last_report = clock.seconds();
    if (asked) cost = last_report - *asked;
    asked.reset();
    best.history.push_back({now.iteration, last_report, best.bound, now.residual});
    if (options.callback && !options.callback(best.history.back())) return solver::Continue::interrupted;
    return last_report >= options.time_limit ? solver::Continue::time_limit : solver::Continue::yes;
  });
  if (solution.bound < tried) prove(solution.multipliers);
  best.iterations = solution.iterations;
  best.status = solution.status;
  best.residual = solution.residual;
  return best;
}

}  // namespace twincert
