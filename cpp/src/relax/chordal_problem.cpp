#include "twincert/relax/chordal_problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "twincert/core/error.hpp"
#include "twincert/core/interval.hpp"

namespace twincert::relax {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }
std::string text(Index i) { return std::to_string(i); }
std::string text(std::size_t i) { return std::to_string(i); }
std::string number(double value) {
  std::string digits(32, '\0');
  digits.resize(at(std::snprintf(digits.data(), digits.size(), "%.17g", value)));
  return digits;
}
std::string entry(Index i, Index j) { return "[" + text(i) + ", " + text(j) + "]"; }

void expect_size(const Matrix& matrix, Index rows, Index columns, const std::string& name) {
  if (matrix.rows() == rows && matrix.cols() == columns) return;
  throw core::ShapeError(name + ": expected " + text(rows) + " x " + text(columns) + " numbers, found " + text(matrix.rows()) + " x " +
                         text(matrix.cols()));
}

void expect_size(const Vector& vector, Index size, const std::string& name) {
  if (vector.size() == size) return;
  throw core::ShapeError(name + ": expected " + text(size) + " numbers, found " + text(vector.size()));
}

void expect_finite(const Matrix& matrix, const std::string& name) {
  for (Index j = 0; j < matrix.cols(); ++j) {
    for (Index i = 0; i < matrix.rows(); ++i) {
      if (!std::isfinite(matrix(i, j))) {
        throw core::ParseError(name + entry(i, j) + ": expected a finite number, found " + number(matrix(i, j)));
      }
    }
  }
}

void expect_symmetric(const Matrix& matrix, const std::string& name) {
  for (Index j = 0; j < matrix.cols(); ++j) {
    for (Index i = j + 1; i < matrix.rows(); ++i) {
      if (matrix(i, j) != matrix(j, i)) {
        throw core::ParseError(name + ": expected a symmetric matrix, found " + number(matrix(i, j)) + " at " + entry(i, j) + " and " +
                               number(matrix(j, i)) + " at " + entry(j, i));
      }
    }
  }
}

void expect_magnitudes(const Vector& vector, const std::string& name) {
  for (Index i = 0; i < vector.size(); ++i) {
    if (!(vector[i] >= 0.0 && std::isfinite(vector[i]))) {
      throw core::ParseError(name + "[" + text(i) + "]: expected a finite number >= 0, found " + number(vector[i]));
    }
  }
}

// Positions of `rows` among `size`, each at most once.
void expect_rows(const std::vector<Index>& rows, Index size, const std::string& name) {
  std::vector<bool> seen(at(size), false);
  for (const Index row : rows) {
    if (row < 0 || row >= size) throw core::ShapeError(name + ": expected rows 0 to " + text(size - 1) + ", found " + text(row));
    if (seen[at(row)]) throw core::ShapeError(name + ": row " + text(row) + " occurs twice");
    seen[at(row)] = true;
  }
}

void validate(const Clique& clique, const std::string& name) {
  const Index n = clique.T.rows(), v = clique.T.cols();
  if (v < 1 || n < v) {
    throw core::ShapeError(name + ", T: expected at least one variable and at least as many rows as variables, found " + text(n) + " x " +
                           text(v));
  }
  expect_finite(clique.T, name + ", T");
  expect_size(clique.lower, n, n, name + ", lower");
  expect_size(clique.upper, n, n, name + ", upper");
  expect_size(clique.error, n, name + ", error");
  expect_size(clique.variable_magnitude, v, name + ", variable_magnitude");
  expect_finite(clique.lower, name + ", lower");
  expect_finite(clique.upper, name + ", upper");
  expect_symmetric(clique.lower, name + ", lower");
  expect_symmetric(clique.upper, name + ", upper");
  expect_magnitudes(clique.error, name + ", error");
  expect_magnitudes(clique.variable_magnitude, name + ", variable_magnitude");
  for (Index j = 0; j < n; ++j) {
    for (Index i = j; i < n; ++i) {
      if (!(clique.lower(i, j) <= clique.upper(i, j))) {
        throw core::ParseError(name + ": lower" + entry(i, j) + " = " + number(clique.lower(i, j)) + " exceeds upper" + entry(i, j) +
                               " = " + number(clique.upper(i, j)));
      }
    }
    if (clique.upper(j, j) < 0.0) {
      throw core::ParseError(name + ", upper" + entry(j, j) + ": expected a number >= 0 on the diagonal, found " +
                             number(clique.upper(j, j)));
    }
  }
  expect_rows(clique.ball_rows, n, name + ", ball rows");
  if (!(clique.ball_cap >= 0.0 && std::isfinite(clique.ball_cap))) {
    throw core::ParseError(name + ", ball cap: expected a finite number >= 0, found " + number(clique.ball_cap));
  }
}

void validate_end(const ChordalProblem& problem, Index clique, const std::vector<Index>& rows, const std::string& name) {
  const auto count = static_cast<Index>(problem.cliques.size());
  if (clique < 0 || clique >= count) {
    throw core::ShapeError(name + ": expected a clique 0 to " + text(count - 1) + ", found " + text(clique));
  }
  const Clique& block = problem.cliques[at(clique)];
  expect_rows(rows, block.T.rows(), name + " rows");
  for (const Index row : rows) {
    if (std::find(block.ball_rows.begin(), block.ball_rows.end(), row) != block.ball_rows.end()) {
      throw core::ShapeError(name + " rows: row " + text(row) + " of clique " + text(clique) +
                             " belongs to a ball, which no overlap may share");
    }
  }
}

}  // namespace

void validate(const ChordalProblem& problem) {
  if (problem.cliques.empty()) throw core::ShapeError("cliques: expected at least one, found none");
  for (std::size_t k = 0; k < problem.cliques.size(); ++k) validate(problem.cliques[k], "clique " + text(k));
  for (std::size_t o = 0; o < problem.overlaps.size(); ++o) {
    const Overlap& overlap = problem.overlaps[o];
    const std::string name = "overlap " + text(o);
    validate_end(problem, overlap.first, overlap.first_rows, name + ", first");
    validate_end(problem, overlap.second, overlap.second_rows, name + ", second");
    if (overlap.first == overlap.second) throw core::ShapeError(name + ": expected two cliques, found " + text(overlap.first) + " twice");
    if (overlap.first_rows.size() != overlap.second_rows.size()) {
      throw core::ShapeError(name + ": expected as many rows in the second clique as in the first, found " +
                             text(overlap.first_rows.size()) + " and " + text(overlap.second_rows.size()));
    }
  }
}

void validate(const ChordalProblem& problem, const ChordalObjective& objective, const std::string& name) {
  if (objective.matrices.size() != problem.cliques.size()) {
    throw core::ShapeError(name + ": expected one matrix per clique, " + text(problem.cliques.size()) + ", found " +
                           text(objective.matrices.size()));
  }
  for (std::size_t k = 0; k < objective.matrices.size(); ++k) {
    const Matrix& matrix = objective.matrices[k];
    if (matrix.size() == 0) continue;
    const std::string place = name + ", matrix " + text(k);
    expect_size(matrix, problem.cliques[k].T.rows(), problem.cliques[k].T.rows(), place);
    expect_finite(matrix, place);
    expect_symmetric(matrix, place);
  }
  if (!std::isfinite(objective.constant)) {
    throw core::ParseError(name + ", constant: expected a finite number, found " + number(objective.constant));
  }
}

Vector row_magnitude(const Clique& clique) {
  return clique.upper.diagonal().unaryExpr([](double square) { return core::next_up(std::sqrt(std::max(0.0, square))); });
}

Vector variable_magnitude(const Clique& clique) {
  const Index n = clique.T.rows(), v = clique.T.cols();
  constexpr double inflation = 1.0 + 1e-9;  // for the rounding of sums of nonnegative terms
  const Vector reach = row_magnitude(clique) + clique.error;
  // v = L (r - e) + (I - L T) v for any L; norms are those of L2, so the triangle inequality holds for them. Small rows weigh more.
  const double floor = std::max(1e-12 * reach.maxCoeff(), std::numeric_limits<double>::min());
  const Vector weight = reach.cwiseMax(floor).cwiseInverse();
  const Eigen::ColPivHouseholderQR<Matrix> qr(weight.asDiagonal() * clique.T);
  const Matrix left = qr.solve(Matrix(weight.asDiagonal()));
  const Matrix one = Matrix::Identity(v, v);
  const Matrix rest = (one - left * clique.T).cwiseAbs() + core::gamma(n + 4) * (one + left.cwiseAbs() * clique.T.cwiseAbs());
  const Vector known = (left.cwiseAbs() * reach) * inflation;
  const Vector share = (rest.rowwise().sum() * inflation).array() + 0x1p-1000;
  if (!left.allFinite() || !known.allFinite() || !share.allFinite() || !(share.maxCoeff() < 0.5)) {
    throw core::ParseError("T: expected full column rank, found rank " + text(qr.rank()) + " of " + text(v) + " (to working precision)");
  }
  Vector result = ((known + share * (known.maxCoeff() / (1.0 - share.maxCoeff()))) * inflation).array() + 0x1p-1000;
  // A row that is a multiple of one variable says it directly.
  for (Index i = 0; i < n; ++i) {
    Index column = 0;
    const double coefficient = clique.T.row(i).cwiseAbs().maxCoeff(&column);
    if (coefficient > 0.0 && (clique.T.row(i).array() != 0.0).count() == 1) {
      result[column] = std::min(result[column], core::next_up(core::next_up(reach[i]) / coefficient));
    }
  }
  return result;
}

std::vector<CliqueSize> clique_sizes(const ChordalProblem& problem) {
  std::vector<CliqueSize> sizes;
  for (const Clique& clique : problem.cliques) sizes.push_back({clique.T.rows(), clique.T.cols()});
  return sizes;
}

}  // namespace twincert::relax
