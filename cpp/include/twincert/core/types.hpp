// Dense linear-algebra types shared by every module.
#pragma once

#include <Eigen/Dense>

namespace twincert::core {

using Index = Eigen::Index;
using Matrix = Eigen::MatrixXd;  // column-major
using Vector = Eigen::VectorXd;

}  // namespace twincert::core
