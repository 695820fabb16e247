// Dense linear-algebra types shared by every module.
#pragma once

#include <Eigen/Dense>

namespace twincert::core {

using Index = Eigen::Index;
template <class Scalar>
using MatrixOf = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;  // column-major
template <class Scalar>
using VectorOf = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;
using Matrix = MatrixOf<double>;
using Vector = VectorOf<double>;

}  // namespace twincert::core
