#include "eigenpairs.hpp"

namespace twincert::testing {

Eigenpairs eigenpairs(const core::Matrix& symmetric) {
  const Eigen::SelfAdjointEigenSolver<core::Matrix> solver(symmetric);
  return {solver.eigenvalues(), solver.eigenvectors()};
}

}  // namespace twincert::testing
