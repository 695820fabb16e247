// Eigen's eigenvalues and eigenvectors of symmetric matrices, compiled once for all tests.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::testing {

struct Eigenpairs {
  core::Vector values;  // ascending
  core::Matrix vectors;

  // f of the matrix, for a function of its eigenvalues.
  template <class Function>
  core::Matrix apply(Function f) const {
    return vectors * values.unaryExpr(f).asDiagonal() * vectors.transpose();
  }
};

Eigenpairs eigenpairs(const core::Matrix& symmetric);

}  // namespace twincert::testing
