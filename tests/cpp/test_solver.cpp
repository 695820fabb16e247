// The splitting: no heap allocation inside an iteration, and the same iterates for any number of threads.
#include <vector>

#include "allocations.hpp"
#include "check.hpp"
#include "instances.hpp"
#include "naive_blas.hpp"
#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/admm.hpp"
#include "twincert/solver/progress.hpp"

using namespace twincert;
using core::Index;
using core::Vector;

namespace {

bool always() { return true; }

struct Problem {
  Index width;
  network::Twin twin = testing::random_twin({5, width, width, 3}, 0.01, 1);
  sets::InputSet set = testing::cube(5, 0.5);
  relax::Relaxation relaxation =
      relax::build_relaxation(twin, set, bounds::crown_bounds(twin, set), relax::RowOptions{}, relax::ObjectiveKind::linear);
  relax::ObjectiveTerms terms = relax::objective_terms(twin, relaxation, {relax::ObjectiveKind::linear, Vector(Vector::Unit(3, 0))});
};

// Allocations of `count` iterations after the ones that fill the memory of the acceleration.
std::size_t allocations_of_iterations(const Problem& problem, int threads, int count) {
  core::ThreadPool pool(threads);
  const solver::Settings settings;
  solver::Admm admm(problem.relaxation, settings, pool);
  admm.set_objective(problem.terms);
  for (int i = 0; i < 15; ++i) CHECK(admm.iterate(always));
  const std::size_t before = testing::allocations();
  for (int i = 0; i < count; ++i) CHECK(admm.iterate(always));
  return testing::allocations() - before;
}

}  // namespace

TEST(solver_iterations_do_not_allocate) {
  CHECK(testing::counts_allocations());
  const Problem small{4};
  CHECK(small.relaxation.cliques.back().T.cols() <= 32);  // Eigen's eigensolver on the stack
  CHECK(allocations_of_iterations(small, 1, 10) == 0);
  CHECK(allocations_of_iterations(small, 2, 10) == 0);

  const testing::WithNaiveBlas registered;
  const Problem problem{12};
  CHECK(problem.relaxation.cliques.back().T.cols() > 32);
  CHECK(allocations_of_iterations(problem, 1, 10) == 0);
  CHECK(allocations_of_iterations(problem, 2, 10) == 0);
}

TEST(solver_iterates_do_not_depend_on_the_number_of_threads) {
  const Problem problem{12};
  std::vector<core::Matrix> multipliers[2];
  for (const int threads : {1, 2}) {
    core::ThreadPool pool(threads);
    const solver::Settings settings;
    solver::Admm admm(problem.relaxation, settings, pool);
    admm.set_objective(problem.terms);
    for (int i = 0; i < 40; ++i) CHECK(admm.iterate(always));
    admm.multipliers(multipliers[threads - 1]);
  }
  CHECK(multipliers[0].size() == problem.relaxation.cliques.size());
  CHECK(multipliers[0] == multipliers[1]);
}

TEST(solver_stalls_when_the_last_part_of_the_iterations_gained_little) {
  std::vector<std::pair<Index, double>> bounds;
  for (Index k = 1; k <= 40; ++k) bounds.emplace_back(k, k <= 30 ? 100.0 - static_cast<double>(k) : 70.0);
  CHECK(!solver::stalled(bounds, 0.02));  // too early
  CHECK(solver::stalled(bounds, 0.02, 40, 0.25));
  CHECK(!solver::stalled(bounds, 0.02, 41, 0.25));
  CHECK(!solver::stalled(bounds, 0.02, 40, 0.5));
  CHECK(solver::stalled(bounds, 0.2, 40, 0.5));
  for (auto& [iteration, bound] : bounds) bound = -bound;
  CHECK(solver::stalled(bounds, 0.02, 40, 0.25));
  CHECK(!solver::stalled({{50, 1.0}}, 0.02, 40, 0.25));  // nothing to compare with
}
