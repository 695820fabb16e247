// Values and gradients of a network at many points at once.
#pragma once

#include <vector>

#include "twincert/network/network.hpp"

namespace twincert::attack {

using core::Index;
using core::Matrix;
using core::Vector;

// Buffers are kept between calls, so that repeated calls with the same number of points do not allocate.
class BatchGradient {
 public:
  // The network must outlive this object.
  explicit BatchGradient(const network::Network& network);

  // Outputs (one column per point) at points (input_size x N).
  const Matrix& forward(const Matrix& points);

  // Gradients (input_size x N) with respect to the points of the last forward() of cotangents . outputs, column by column.
  const Matrix& backward(const Matrix& cotangents);

 private:
  const std::vector<network::Stage>& stages_;
  std::vector<Matrix> before_;  // per stage, before its activation
  std::vector<Matrix> after_;   // and after it
  Matrix cotangent_;
  Matrix next_cotangent_;
};

}  // namespace twincert::attack
