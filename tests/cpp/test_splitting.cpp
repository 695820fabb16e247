// The splitting: its steps are those of the textbook, in either precision.
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "eigenpairs.hpp"
#include "instances.hpp"
#include "naive_blas.hpp"
#include "twincert/relax/shared_entries.hpp"
#include "twincert/solver/admm.hpp"
#include "twincert/solver/packed_triangle.hpp"
#include "twincert/solver/sparse_product.hpp"
#include "twincert/solver/splitting.hpp"

using namespace twincert;
using core::Index;
using core::Matrix;
using core::Vector;
using relax::ChordalObjective;
using relax::ChordalProblem;
using relax::Clique;
using testing::random_matrix;

namespace {

bool always() { return true; }

Matrix random_symmetric(Index n, unsigned seed) {
  const Matrix a = random_matrix(n, n, seed);
  return a + a.transpose();
}

// Rows of random directions; entries in intervals of the given half width around those of a random moment matrix.
Clique random_clique(Index rows, Index variables, double width, unsigned seed) {
  Clique clique;
  clique.T = random_matrix(rows, variables, seed);
  clique.T.topRows(variables).setIdentity();
  const Matrix points = clique.T * random_matrix(variables, 2, seed + 1);
  const Matrix moments = points * points.transpose();
  clique.lower = moments.array() - width;
  clique.upper = moments.array() + width;
  clique.error = Vector::Zero(rows);
  clique.variable_magnitude = Vector::Ones(variables);
  return clique;
}

// Of wide cliques few entries are clipped, of narrow ones nearly all. Row 0 of the first is in all of them.
struct Example {
  ChordalProblem problem;
  ChordalObjective objective;

  Example() {
    problem.cliques = {random_clique(30, 11, 20.0, 1), random_clique(24, 9, 0.05, 3), random_clique(40, 14, 6.0, 5)};
    problem.overlaps = {{0, 1, {0, 5, 3}, {2, 1, 7}}, {1, 2, {2, 9}, {0, 1}}, {0, 2, {10, 11}, {30, 20}}};
    problem.cliques[2].ball_rows = {2, 3, 4, 5};
    problem.cliques[2].ball_cap = 1.0;
    objective.matrices = {random_symmetric(30, 7), Matrix(), random_symmetric(40, 8)};
  }
};

Example lone(Index rows, Index variables) {
  Example example;
  example.problem = {{random_clique(rows, variables, 20.0, 1)}, {}};
  example.objective.matrices = {random_symmetric(rows, 2)};
  return example;
}

// The largest cut of a ring of five nodes (docs/chordal.md).
Example ring() {
  Example example;
  Clique triangle;
  triangle.T = Matrix::Identity(3, 3);
  triangle.upper = Matrix::Ones(3, 3);
  triangle.lower = 2.0 * triangle.T - triangle.upper;
  triangle.error = Vector::Zero(3);
  triangle.variable_magnitude = Vector::Ones(3);
  example.problem = {{triangle, triangle, triangle}, {{0, 1, {0, 2}, {0, 1}}, {1, 2, {0, 2}, {0, 1}}}};
  const auto edges = [](bool last) {
    Matrix matrix = Matrix::Zero(3, 3);
    matrix(1, 2) = matrix(2, 1) = -0.25;
    if (last) matrix(0, 2) = matrix(2, 0) = -0.25;
    return matrix;
  };
  Matrix first = edges(false);
  first(0, 1) = first(1, 0) = -0.25;
  example.objective = {{first, edges(false), edges(true)}, 2.5};
  return example;
}

Matrix symmetric(const Matrix& lower) { return lower.selfadjointView<Eigen::Lower>(); }

// The header's three lines, with full matrices.
struct Textbook {
  const Example& example;
  double rho, alpha, scale = 0.0;
  std::vector<Matrix> bases, points, projected;

  Textbook(const Example& from, const solver::Settings& settings) : example(from), rho(settings.rho), alpha(settings.relaxation) {
    for (const Clique& clique : example.problem.cliques) {
      bases.push_back(clique.T * testing::eigenpairs(clique.T.transpose() * clique.T).apply([](double x) { return 1.0 / std::sqrt(x); }));
      points.push_back(Matrix::Zero(clique.T.rows(), clique.T.rows()));
      points.back()(0, 0) = 1.0;
    }
    for (const Matrix& matrix : example.objective.matrices) scale = std::max(scale, matrix.size() > 0 ? matrix.cwiseAbs().maxCoeff() : 0.0);
  }

  void average(std::vector<Matrix>& matrices) const {
    const auto ends = relax::overlap_ends(example.problem);
    for (const relax::Overlap& overlap : example.problem.overlaps) {
      relax::for_each_entry(overlap, [&](Index i, Index j, Index k, Index l) {
        double& x = matrices[static_cast<std::size_t>(overlap.first)](i, j);
        double& y = matrices[static_cast<std::size_t>(overlap.second)](k, l);
        x = y = 0.5 * (x + y);
      });
    }
    for (const auto& copies : relax::linked_entries(example.problem, ends)) {
      double sum = 0.0;
      for (const relax::Entry& entry : copies) sum += matrices[static_cast<std::size_t>(entry.clique)](entry.row, entry.column);
      for (const relax::Entry& entry : copies)
        matrices[static_cast<std::size_t>(entry.clique)](entry.row, entry.column) = sum / static_cast<double>(copies.size());
    }
    for (Matrix& matrix : matrices) matrix = symmetric(matrix);
  }

  static void project_ball(const Clique& clique, Matrix& matrix) {
    if (clique.ball_rows.empty()) return;
    const auto sum = [&](double shift) {
      double total = 0.0;
      for (const Index i : clique.ball_rows) total += std::max(0.0, matrix(i, i) - shift);
      return total;
    };
    if (sum(0.0) <= clique.ball_cap) return;
    double low = 0.0, high = matrix.diagonal().maxCoeff();
    for (int step = 0; step < 200; ++step) (sum(0.5 * (low + high)) > clique.ball_cap ? low : high) = 0.5 * (low + high);
    for (const Index i : clique.ball_rows) matrix(i, i) = std::max(0.0, matrix(i, i) - high);
  }

  // The multipliers of the step. A change of rho keeps moments and multipliers.
  std::vector<Matrix> iterate(double change = 1.0) {
    rho *= change;
    std::vector<Matrix> reflected, multipliers;
    projected.clear();
    for (std::size_t k = 0; k < points.size(); ++k) {
      const testing::Eigenpairs reduced = testing::eigenpairs(bases[k].transpose() * points[k] * bases[k]);
      const Matrix positive = reduced.apply([](double x) { return std::max(0.0, x); });
      projected.push_back(bases[k] * positive * bases[k].transpose());
      points[k] = projected[k] + (points[k] - projected[k]) / change;
      reflected.push_back(2.0 * projected[k] - points[k]);
      if (example.objective.matrices[k].size() > 0) reflected[k] += example.objective.matrices[k] / (rho * scale);
      multipliers.push_back(rho * scale * (projected[k] - points[k]));
    }
    average(reflected);
    for (std::size_t k = 0; k < points.size(); ++k) {
      const Clique& clique = example.problem.cliques[k];
      project_ball(clique, reflected[k]);
      const Matrix clipped = reflected[k].cwiseMax(clique.lower).cwiseMin(clique.upper);
      points[k] += alpha * (clipped - projected[k]);
    }
    return multipliers;
  }

  Vector point() const {
    Index size = 0, position = 0;
    for (const Matrix& matrix : points) size += solver::triangle(matrix.rows());
    Vector packed(size);
    for (const Matrix& matrix : points) {
      for (Index j = 0; j < matrix.rows(); ++j) {
        for (Index i = j; i < matrix.rows(); ++i) packed[position++] = matrix(i, j);
      }
    }
    return packed;
  }
};

double distance(const std::vector<Matrix>& a, const std::vector<Matrix>& b) {
  double largest = 0.0, size = 0.0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    largest = std::max(largest, (a[k] - b[k]).cwiseAbs().maxCoeff());
    size = std::max(size, a[k].cwiseAbs().maxCoeff());
  }
  return largest / size;
}

template <class Scalar>
void check_steps(const Example& example, int steps, double precision) {
  solver::Settings settings;
  settings.memory = 0;
  settings.adaptive_rho = false;
  core::ThreadPool pool(2);
  Textbook textbook(example, settings);
  solver::Splitting<Scalar> splitting(example.problem, settings, pool), later(example.problem, settings, pool);
  splitting.set_objective(example.objective);
  later.set_objective(example.objective);
  std::vector<Matrix> found;
  for (int step = 0; step < steps; ++step) {
    if (step == steps / 2) later.start(textbook.point(), {textbook.rho});
    const double change = step == steps / 4 ? 3.0 : step == 3 * steps / 4 ? 0.6 : 1.0;
    for (solver::Splitting<Scalar>* both : {&splitting, &later}) {
      solver::Penalty penalty = both->penalty();
      penalty.change = change;
      if (change != 1.0) both->start(both->point(), penalty);
    }
    const std::vector<Matrix> expected = textbook.iterate(change);
    CHECK(splitting.iterate());
    splitting.multipliers(found);
    CHECK(distance(expected, found) < precision);
    if (step < steps / 2) continue;
    CHECK(later.iterate());
    later.multipliers(found);
    CHECK(distance(expected, found) < precision);
  }
  CHECK((textbook.point() - splitting.point()).cwiseAbs().maxCoeff() < precision * textbook.point().cwiseAbs().maxCoeff());
}

std::vector<Matrix> multipliers_after(int steps, const Example& example) {
  core::ThreadPool pool(1);
  solver::Admm admm(example.problem, solver::Settings(), pool);
  admm.set_objective(example.objective);
  for (int step = 0; step < steps; ++step) CHECK(admm.iterate(always));
  std::vector<Matrix> multipliers;
  admm.multipliers(multipliers);
  return multipliers;
}

template <class Scalar>
void check_sparse_products(Scalar precision) {
  using MatrixS = core::MatrixOf<Scalar>;
  for (const Index n : {1, 7, 150}) {
    for (const Index height : {1, 5, 131, 300}) {
      const MatrixS a = random_matrix(height, n, 1).cast<Scalar>();
      MatrixS lower = MatrixS::Zero(n, n), product(height, n);
      solver::SparseProduct<Scalar> sparse(n);
      for (unsigned round = 0; round < 3; ++round) {  // empty at first
        sparse.multiply(a, lower, product);
        const MatrixS full = lower.template selfadjointView<Eigen::Lower>();
        CHECK((product - a * full).cwiseAbs().maxCoeff() <= precision);
        const Matrix random = random_matrix(n, n, 2 + round);
        for (Index j = 0, left = solver::SparseProduct<Scalar>::most(n); j < n; ++j) {
          for (Index i = j; i < n; ++i) {
            const bool kept = random(i, j) > 1.2 && left-- > 0;
            lower(i, j) = kept ? static_cast<Scalar>(random(i, j)) : Scalar(0);
          }
        }
        if (round == 1) lower(n - 1, n - 1) = 1;
      }
    }
  }
}

}  // namespace

TEST(splitting_steps_are_the_textbooks) {
  const Example example;
  check_steps<double>(example, 40, 1e-10);
  check_steps<float>(example, 40, 1e-3);
  const Example large = lone(170, 150);
  check_steps<double>(large, 4, 1e-10);
  check_steps<float>(large, 4, 1e-3);
  const testing::WithNaiveBlas registered;
  check_steps<double>(example, 40, 1e-10);
  check_steps<float>(example, 40, 1e-3);
}

TEST(splitting_multiplies_by_nonzeros_only) {
  check_sparse_products<double>(1e-12);
  check_sparse_products<float>(1e-3F);
}

TEST(splitting_goes_on_in_double_precision) {
  const Example example = ring();
  core::ThreadPool pool(1);
  solver::Settings settings;
  settings.memory = 0;
  solver::Admm admm(example.problem, settings, pool);
  admm.set_objective(example.objective);
  for (int step = 0; step < 1000; ++step) CHECK(admm.iterate(always));
  CHECK(admm.residual() < 1e-12);

  // Another objective and back.
  const std::any state = admm.state();
  const double rho = admm.start_of(state).rho;
  admm.set_objective({{Matrix(), random_symmetric(3, 9), Matrix()}, 0.0});
  for (int step = 0; step < 25; ++step) CHECK(admm.iterate(always));
  CHECK(admm.start_of(admm.state()).rho != rho);
  admm.set_objective(example.objective);
  admm.resume(state);
  CHECK(admm.iterate(always));
  CHECK(admm.residual() < 1e-12);

  // Without room for that it stays in single precision.
  settings.memory_limit = 1e-9;
  solver::Admm single(example.problem, settings, pool);
  single.set_objective(example.objective);
  for (int step = 0; step < 1000; ++step) CHECK(single.iterate(always));
  CHECK(single.residual() > 1e-10 && single.residual() < 1e-5);
  single.resume(state);
  CHECK(single.iterate(always));
  CHECK(single.residual() > 1e-10 && single.residual() < 1e-5);
}

TEST(splitting_ignores_starts_that_overflowed_or_are_not_its_own) {
  const Example example = ring();
  core::ThreadPool pool(1);
  solver::Admm plain(example.problem, solver::Settings(), pool), poisoned(example.problem, solver::Settings(), pool);
  std::vector<Matrix> expected, found;
  for (solver::Admm* admm : {&plain, &poisoned}) {
    admm->set_objective(example.objective);
    if (admm == &poisoned) {
      Vector point = Vector::Ones(18);
      admm->start({point, 0.0});  // not the splitting's
      point[7] = std::numeric_limits<double>::infinity();
      admm->start({point, 0.15});
    }
    for (int step = 0; step < 30; ++step) CHECK(admm->iterate(always));
    admm->multipliers(admm == &plain ? expected : found);
  }
  CHECK(expected == found);
}

TEST(splitting_takes_objectives_of_any_size) {
  for (const double size : {1e-320, 1e-290, 1e290}) {
    Example example = ring();
    for (Matrix& matrix : example.objective.matrices) matrix *= size;
    const std::vector<Matrix> multipliers = multipliers_after(30, example);
    for (const Matrix& matrix : multipliers) CHECK(matrix.allFinite());
  }
}

TEST(splitting_survives_what_single_precision_does_not_hold) {
  Example example;
  for (Clique& clique : example.problem.cliques) {
    clique.lower *= 1e60;
    clique.upper *= 1e60;
    clique.ball_cap *= 1e60;
  }
  const std::vector<Matrix> multipliers = multipliers_after(50, example);
  for (const Matrix& matrix : multipliers) CHECK(matrix.allFinite());
  CHECK(multipliers.front().cwiseAbs().maxCoeff() > 1e40);
}
