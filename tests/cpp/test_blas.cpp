// The kernels give the same through a registered BLAS as through Eigen.
#include <random>

#include "check.hpp"
#include "eigenpairs.hpp"
#include "naive_blas.hpp"
#include "twincert/core/cholesky.hpp"
#include "twincert/core/error.hpp"
#include "twincert/core/positive_eigenpairs.hpp"
#include "twincert/core/product.hpp"
#include "twincert/core/small_product.hpp"

using namespace twincert;
using core::Index;
using core::Matrix;
using core::Transpose;
using core::Vector;

namespace {

Matrix random(Index rows, Index columns, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  Matrix matrix(rows, columns);
  for (double& entry : matrix.reshaped()) entry = uniform(engine);
  return matrix;
}

// Exactly the symmetric matrix's positive part when what is left over is negative and orthogonal to it.
Matrix positive_part(const Matrix& symmetric) {
  core::PositiveEigenpairs<double> pairs(symmetric.rows());
  Matrix overwritten = symmetric;
  CHECK(pairs.find(overwritten));
  const Matrix part = pairs.vectors() * pairs.values().asDiagonal() * pairs.vectors().transpose();
  const double tiny = 1e-12 * symmetric.norm();
  CHECK((pairs.values().array() > 0.0).all());
  CHECK(((symmetric - part) * part).norm() <= tiny * symmetric.norm());
  CHECK(testing::eigenpairs(symmetric - part).values.maxCoeff() <= tiny);
  return part;
}

struct Results {
  Matrix products[4];
  Matrix square;
  Matrix symmetric;
  Matrix positive_part;
};

Results all_kernels() {
  Results results;
  const Matrix a = random(7, 5, 1);
  const Matrix b = random(5, 6, 2);
  const Matrix a_flipped = a.transpose();
  const Matrix b_flipped = b.transpose();
  int k = 0;
  for (const Transpose flip_a : {Transpose::no, Transpose::yes}) {
    for (const Transpose flip_b : {Transpose::no, Transpose::yes}) {
      Matrix& c = results.products[k++];
      c = random(7, 6, 3);
      core::gemm(flip_a, flip_b, 2.0, flip_a == Transpose::yes ? a_flipped : a, flip_b == Transpose::yes ? b_flipped : b, 0.5, c);
    }
  }
  results.square = Matrix::Zero(7, 7);
  core::syrk_lower(1.0, a.data(), 7, 3, 7, 0.0, results.square);
  const Matrix large = random(40, 40, 4);
  const Matrix symmetric = large + large.transpose();
  core::symm_right_lower(random(3, 40, 5), symmetric, results.symmetric);
  results.positive_part = positive_part(symmetric);
  return results;
}

void check_all_cores() {
  core::ThreadPool pool(2);
  for (const Index n : {1, 96, 320, 321, 450}) {
    const Matrix a = random(n, n + 3, 1);
    const Matrix matrix = a * a.transpose();
    Matrix factor = matrix;
    CHECK(core::cholesky_lower(factor, pool));
    factor.triangularView<Eigen::StrictlyUpper>().setZero();
    CHECK((factor * factor.transpose() - matrix).cwiseAbs().maxCoeff() < 1e-11 * matrix.cwiseAbs().maxCoeff());
    const Matrix inverse = core::cholesky_inverse(factor, pool);
    CHECK((inverse * matrix - Matrix::Identity(n, n)).cwiseAbs().maxCoeff() < 1e-7);
    CHECK(inverse == inverse.transpose());
    Matrix indefinite = matrix;
    indefinite(n - 1, n - 1) = -1.0;
    CHECK(!core::cholesky_lower(indefinite, pool));
  }
  const Matrix a = random(70, 130, 2), b = random(130, 150, 3);
  const Matrix expected = a * b, at = a.transpose(), bt = b.transpose();
  for (const Transpose first : {Transpose::no, Transpose::yes}) {
    for (const Transpose second : {Transpose::no, Transpose::yes}) {
      const Matrix c = core::product(pool, first == Transpose::yes ? at : a, second == Transpose::yes ? bt : b, first, second);
      CHECK((c - expected).cwiseAbs().maxCoeff() < 1e-12 * 130);
    }
  }
  CHECK_THROWS(core::ShapeError, "does not fit", core::product(pool, a, a));
}

}  // namespace

TEST(blas_and_eigen_agree) {
  const Results eigen = all_kernels();
  const testing::WithNaiveBlas registered;
  CHECK(core::blas_registered());
  const Results blas = all_kernels();
  for (int k = 0; k < 4; ++k) CHECK(eigen.products[k].isApprox(blas.products[k], 1e-13));
  for (int k = 1; k < 4; ++k) CHECK(eigen.products[k].isApprox(eigen.products[0], 1e-13));
  CHECK(Matrix(eigen.square.triangularView<Eigen::Lower>()).isApprox(Matrix(blas.square.triangularView<Eigen::Lower>()), 1e-13));
  CHECK(eigen.symmetric.isApprox(blas.symmetric, 1e-13));
  CHECK(eigen.positive_part.isApprox(blas.positive_part, 1e-12));
}

TEST(blas_factors_and_products_on_all_cores) {
  check_all_cores();
  const testing::WithNaiveBlas registered;
  check_all_cores();
}

// Integers, so that every order of summation gives the same.
TEST(blas_small_products_are_plain_sums) {
  for (const Index m : {1, 3, 4, 5, 8, 11, 12, 13, 16, 31, 40}) {
    for (const Index n : {1, 3, 4, 9, 17}) {
      for (const Index k : {0, 1, 7}) {
        const auto integers = [](Index rows, Index columns, unsigned seed) {
          return Matrix((100.0 * random(rows, columns, seed)).array().round());
        };
        const Matrix a = integers(m, k, 1), b = integers(k, n, 2);
        Matrix exact = Matrix::Zero(m, n), c = Matrix::Constant(m, n, -1.0);
        for (Index l = 0; l < k; ++l) exact += a.col(l) * b.row(l);
        core::small_product(m, n, k, a.data(), b.data(), c.data());
        CHECK(c == exact);
        Matrix chosen;
        core::product(a, b, chosen);
        CHECK(chosen == exact);
      }
    }
  }
}

TEST(blas_unregisters) { CHECK(!core::blas_registered()); }
