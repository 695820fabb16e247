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

  static double memory_estimate(Index rows);  // in bytes
  // With more nonzeros in the lower triangle, products of full matrices are faster.
  static Index most(Index rows);

  // product = a S, from the lower triangle of S, which has at most most() nonzeros.
  void multiply(const Matrix& a, const Matrix& symmetric, Matrix& product);

 private:
  struct Columns {
    std::vector<Index> begin;         // of every column's entries
    std::vector<std::int32_t> which;  // their rows
    std::vector<Scalar> values;
  };

  void collect_lower(const Matrix& symmetric);
  void mirror();

  Columns lower_;
  Columns both_;              // of both triangles
  std::vector<Index> next_;   // where a column's next entry goes
  std::vector<Scalar> part_;  // some rows of the other factor
};

}  // namespace twincert::solver
