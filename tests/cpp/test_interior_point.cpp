// The interior-point method: its bounds, its steps.
#include <vector>

#include "check.hpp"
#include "eigenpairs.hpp"
#include "instances.hpp"
#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/relax/support.hpp"
#include "twincert/solver/active_entries.hpp"
#include "twincert/solver/interior_point.hpp"
#include "twincert/solver/row_products.hpp"
#include "twincert/solver/smallest_eigenvalue.hpp"
#include "twincert/solver/solve.hpp"

using namespace twincert;
using core::Index;
using core::Matrix;
using core::Vector;
using testing::random_matrix;

namespace {

bool always() { return true; }

Matrix multipliers_of(const solver::InteriorPoint& method) {
  std::vector<Matrix> multipliers;
  method.multipliers(multipliers);
  return multipliers.front();
}

struct Problem {
  network::Twin twin = testing::random_twin({5, 8, 8, 3}, 0.01, 1);
  sets::InputSet set = testing::cube(5, 0.5);
  relax::Relaxation relaxation;
  relax::ObjectiveTerms terms;

  Problem() {
    relax::RowOptions rows;
    rows.cliques = relax::Cliques::single;
    relaxation = relax::build_relaxation(twin, set, bounds::crown_bounds(twin, set), rows, relax::ObjectiveKind::linear);
    terms = relax::objective_terms(twin, relaxation, {relax::ObjectiveKind::linear, Vector(Vector::Unit(3, 0))});
  }
};

}  // namespace

TEST(interior_point_estimates_smallest_eigenvalues) {
  const Matrix a = random_matrix(60, 60, 4), direction = random_matrix(60, 60, 5) + random_matrix(60, 60, 5).transpose();
  const Matrix definite = a * a.transpose() + Matrix::Identity(60, 60);
  const Matrix lower = definite.llt().matrixL();
  const Matrix root = testing::eigenpairs(definite).apply([](double x) { return 1.0 / std::sqrt(x); });
  const double truth = testing::eigenpairs(root * direction * root).values[0], estimate = solver::smallest_eigenvalue(lower, direction);
  CHECK(estimate <= truth * (1.0 - 1e-9));
  CHECK(estimate >= 1.1 * truth);
}

TEST(interior_point_picks_rows_of_one_variable) {
  Matrix T = random_matrix(9, 6, 6);
  T.row(1) = -2.0 * Vector::Unit(6, 3).transpose();
  T.row(4) = Vector::Unit(6, 0).transpose();
  T.row(5) = 0.5 * Vector::Unit(6, 3).transpose();
  const Vector norms = Vector::LinSpaced(9, 1.0, 3.0);
  const std::vector<Index> used{7, 4, 2, 1, 5, 0};
  const Matrix rows = (norms.cwiseInverse().asDiagonal() * T)(used, Eigen::all);
  core::ThreadPool pool(2);
  solver::RowProducts products(pool);
  products.use(T, used, norms);
  CHECK(products.size() == 6);
  const Matrix half = random_matrix(6, 6, 7), M = half + half.transpose();
  const Matrix image = products.image(M), expected = rows * M * rows.transpose();
  CHECK(image.isApprox(M * rows.transpose(), 1e-14));
  CHECK(products.congruence(image).isApprox(expected, 1e-14));
  std::vector<solver::RowPair> pairs;
  Matrix sum = Matrix::Zero(6, 6);
  for (Index i = 0; i < 6; ++i) {
    for (Index j = 0; j < 6; ++j) {
      CHECK(std::abs(products.entry(image, i, j) - expected(i, j)) < 1e-13 * expected.cwiseAbs().maxCoeff());
      const double weight = 1.0 + static_cast<double>(i - 2 * j);
      pairs.push_back({i, j, weight});
      sum += 0.5 * weight * (rows.row(i).transpose() * rows.row(j) + rows.row(j).transpose() * rows.row(i));
    }
  }
  CHECK(products.sum(pairs).isApprox(sum, 1e-13));
}

// Of many variables: rows of the first of them, with and without a few far ones, and rows of all.
TEST(interior_point_multiplies_only_the_heads_of_rows) {
  const Index n = 600, count = 300;
  Matrix T = random_matrix(count, n, 8);
  for (Index i = 0; i < count; ++i) {
    if (i % 3 == 0) T.row(i).tail(n - 150).setZero();
    if (i % 3 == 1) T.row(i).tail(n - 300).setZero();
    if (i % 6 == 0) T(i, n - 1 - i) = 2.0;
    if (i % 6 == 1) T(i, 450 + i / 4) = T(i, n - 1) = -3.0;
    if (i % 10 == 9) T.row(i) = 4.0 * Vector::Unit(n, i).transpose();
  }
  T.row(7).setZero();
  T(7, 580) = T(7, 590) = 1.0;
  std::vector<Index> used;
  for (Index i = 0; i < count; ++i) used.push_back((7 * i) % count);
  const Vector norms = Vector::LinSpaced(count, 1.0, 3.0);
  const Matrix rows = (norms.cwiseInverse().asDiagonal() * T)(used, Eigen::all);
  core::ThreadPool pool(2);
  solver::RowProducts products(pool);
  products.use(T, used, norms);
  const Matrix half = random_matrix(n, n, 9), M = half + half.transpose();
  const Matrix image = products.image(M), expected = rows * M * rows.transpose();
  CHECK(image.isApprox(M * rows.transpose(), 1e-13));
  CHECK(products.congruence(image).isApprox(expected, 1e-13));
  std::vector<solver::RowPair> pairs;
  Matrix weights = Matrix::Zero(count, count);
  for (Index i = 0; i < count; ++i) {
    const Index j = (i * i + 5) % count;
    CHECK(std::abs(products.entry(image, i, j) - expected(i, j)) < 1e-12 * expected.cwiseAbs().maxCoeff());
    pairs.push_back({i, j, 1.0 + static_cast<double>(i % 5)});
    weights(i, j) += pairs.back().weight;
  }
  const Matrix sum = rows.transpose() * weights * rows;
  CHECK(products.sum(pairs).isApprox(0.5 * (sum + sum.transpose()), 1e-13));
}

// While many are violated a row takes one entry at a time, later two.
TEST(interior_point_spreads_new_entries_over_rows) {
  const Index n = 20;
  relax::Clique clique;
  clique.T = Matrix::Identity(n, n);
  clique.lower = Matrix::Constant(n, n, -0.5);
  clique.upper = Matrix::Constant(n, n, 0.5);
  clique.upper.diagonal().setConstant(2.0);
  solver::ActiveEntries many(clique), few(clique);
  CHECK(many.size() == n && many.initial() == n);
  CHECK(many.grow(Matrix::Constant(n, n, 0.8), 100) == n / 2);
  Matrix moments = Matrix::Zero(n, n);
  moments.col(0).tail(n - 1).setConstant(0.8);
  CHECK(few.grow(moments, 100) == 2);
}

// The first entries bound squares of rows that the first moments exceed, most of which are small at the optimum.
TEST(interior_point_leaves_out_entries_far_from_their_limits) {
  Problem problem;
  core::ThreadPool pool(1);
  solver::InteriorPoint method(problem.relaxation, 1e-3, pool);
  method.set_objective(problem.terms);
  std::vector<Matrix> first, last;
  CHECK(method.iterate(always));
  method.multipliers(first);
  for (int step = 0; step < 200 && !method.finished(); ++step) CHECK(method.iterate(always));
  method.multipliers(last);
  CHECK(((first.front().array() != 0.0) && (last.front().array() == 0.0)).any());
  CHECK(((first.front().array() == 0.0) && (last.front().array() != 0.0)).any());
}

TEST(interior_point_goes_on_where_it_paused) {
  Problem problem;
  const relax::ObjectiveTerms other =
      relax::objective_terms(problem.twin, problem.relaxation, {relax::ObjectiveKind::linear, Vector(-Vector::Unit(3, 1))});
  core::ThreadPool pool(1);
  solver::InteriorPoint method(problem.relaxation, 1e-3, pool);
  const auto iterate = [&](int steps) {
    for (int step = 0; step < steps; ++step) CHECK(method.iterate(always));
    return multipliers_of(method);
  };
  method.set_objective(problem.terms);
  iterate(9);
  const std::any state = method.state();
  const Matrix expected = iterate(5);
  method.set_objective(other);
  iterate(12);
  method.set_objective(problem.terms);
  method.resume(state);
  CHECK(iterate(5) == expected);
}

// Wherever a step is stopped, its next try ends where it would have ended.
TEST(interior_point_stops_within_a_step) {
  constexpr int steps = 12;  // the working set loses and gains entries on the way
  Problem problem;
  core::ThreadPool pool(1);
  solver::InteriorPoint whole(problem.relaxation, 1e-3, pool), method(problem.relaxation, 1e-3, pool);
  whole.set_objective(problem.terms);
  method.set_objective(problem.terms);
  for (int step = 0; step < steps; ++step) {
    const Matrix before = step > 0 ? multipliers_of(method) : Matrix();
    const double residual = method.residual();
    int stops = 0;
    const auto stopped_at = [&](int call) { return !method.iterate([&, calls = 0]() mutable { return ++calls < call; }); };
    for (; stops < 1000 && stopped_at(stops + 1); ++stops) {
      CHECK(method.residual() == residual);
      if (step > 0) CHECK(multipliers_of(method) == before);
    }
    CHECK(stops > 30 && stops < 1000);
    CHECK(whole.iterate(always));
    CHECK(multipliers_of(method) == multipliers_of(whole));
  }
}

TEST(interior_point_solves_stop_within_a_step) {
  Problem problem;
  core::ThreadPool pool(2);
  const auto always_due = [] { return true; };
  for (const auto& [reason, status] :
       {std::pair{solver::Continue::time_limit, core::Status::time_limit}, {solver::Continue::interrupted, core::Status::interrupted}}) {
    solver::InteriorPoint method(problem.relaxation, 1e-3, pool);
    method.set_objective(problem.terms);
    int calls = 0;
    const auto second_of_step_three = [&, reason = reason](const solver::Iteration& now) {
      calls = now.iteration == 2 ? calls + 1 : 0;
      return calls < 3 ? solver::Continue::yes : reason;  // the first one is about the step, the others are within the next
    };
    const solver::Solution solution = solver::solve(method, problem.relaxation, problem.terms, {}, always_due, second_of_step_three);
    CHECK(solution.status == status && !solution.paused);
    CHECK(solution.iterations == 2 && solution.history.size() == 2);
    CHECK(problem.terms.finish(relax::support_bound(problem.relaxation, problem.terms, solution.multipliers)) == solution.bound);
  }
}

TEST(interior_point_bounds_at_every_iterate_and_converges) {
  Problem problem;
  CHECK(problem.relaxation.cliques.size() == 1);
  std::vector<Matrix> multipliers[2];
  double last = 0.0;
  for (const int threads : {1, 2}) {
    core::ThreadPool pool(threads);
    solver::InteriorPoint method(problem.relaxation, 1e-3, pool);
    method.set_objective(problem.terms);
    for (int step = 0; step < 200 && !method.finished(); ++step) {
      CHECK(method.iterate(always));
      method.multipliers(multipliers[threads - 1]);
      const Matrix& T = problem.relaxation.cliques.front().T;
      const Matrix congruence = T.transpose() * multipliers[threads - 1].front() * T;
      CHECK(congruence.llt().info() == Eigen::Success);  // what the bound rests on
      last = relax::support_bound(problem.relaxation, problem.terms, multipliers[threads - 1]);
    }
    CHECK(method.finished());
    CHECK(method.residual() < 1.0);
  }
  CHECK(multipliers[0] == multipliers[1]);
  CHECK(last > 0.0);
}
