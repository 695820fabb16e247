// The bound of the largest eigenvalue is one, is tight, and survives bad input.
#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "eigenpairs.hpp"
#include "twincert/core/eigenvalue_bound.hpp"

using namespace twincert::core;

namespace {

Matrix gram(Index n, Index rank, double scale) {
  const Matrix factor = scale * Matrix::Random(n, rank);
  return factor * factor.transpose();
}

}  // namespace

TEST(eigenvalue_bound_encloses_and_is_tight) {
  std::srand(7);
  for (const Index n : {1, 2, 5, 30, 120}) {
    for (const double scale : {1e-120, 1e-3, 1.0, 1e100}) {
      for (const Index rank : {Index{1}, n, 3 * n}) {
        const Matrix matrix = gram(n, rank, scale);
        const double exact = twincert::testing::eigenpairs(matrix).values[n - 1];
        const double bound = largest_eigenvalue_upper(matrix);
        CHECK(bound >= exact);
        CHECK(bound <= 1.01 * exact);
      }
    }
  }
}

// Two equal eigenvalues, and one that the power iterations start orthogonal to.
TEST(eigenvalue_bound_of_awkward_matrices) {
  CHECK(largest_eigenvalue_upper(Matrix::Identity(40, 40)) >= 1.0);
  Matrix hidden = Matrix::Zero(2, 2);
  const Eigen::Vector2d start(1.0, 2.0), other(-2.0, 1.0);
  hidden = 1e-3 * start * start.transpose() + other * other.transpose();
  CHECK(largest_eigenvalue_upper(hidden) >= 5.0);
  CHECK(largest_eigenvalue_upper(Matrix::Zero(3, 3)) == 0.0);
}

TEST(eigenvalue_bound_reads_the_lower_triangle) {
  const Matrix matrix = gram(6, 6, 1.0);
  Matrix spoiled = matrix;
  spoiled.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::quiet_NaN());
  CHECK(largest_eigenvalue_upper(spoiled) == largest_eigenvalue_upper(matrix));
}

TEST(eigenvalue_bound_of_what_is_no_number_is_infinite) {
  Matrix matrix = Matrix::Identity(3, 3);
  matrix(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isinf(largest_eigenvalue_upper(matrix)));
  matrix(1, 1) = std::numeric_limits<double>::infinity();
  CHECK(std::isinf(largest_eigenvalue_upper(matrix)));
  matrix(1, 1) = 1.0;
  matrix(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isinf(largest_eigenvalue_upper(matrix)));
}
