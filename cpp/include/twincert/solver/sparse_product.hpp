// Products with a symmetric matrix of which most entries are zero: what clipping takes away from a matrix of moments.
#pragma once

#include <cstdint>
#include <vector>

#include "twincert/core/types.hpp"

namespace twincert::solver {

using core::Index;

// In double or single precision. All storage is allocated by the constructor.
template <class Scalar>
class SparseProduct {
 public:
  using Matrix = core::MatrixOf<Scalar>;

  // For symmetric matrices of `rows` rows.
  explicit SparseProduct(Index rows);

  // With more nonzeros in the lower triangle, products of full matrices are faster.
  static Index most(Index rows);

  // product = a S, from the lower triangle of S, which has at most most() nonzeros.
  void multiply(const Matrix& a, const Matrix& symmetric, Matrix& product);

 private:
  void collect(const Matrix& symmetric);

  std::vector<Index> begin_;         // of every column's entries
  std::vector<Index> next_;          // where its next entry goes
  std::vector<std::int32_t> which_;  // their rows
  std::vector<Scalar> values_;
};

}  // namespace twincert::solver
