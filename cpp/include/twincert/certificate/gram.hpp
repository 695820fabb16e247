// The products that a proof is made of.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::certificate {

using core::Matrix;

// T^T multiplier T. Rows of the multiplier that are mostly zeros, and rows of T with a single entry, are not multiplied out: every sum has
// at most as many terms as T has rows, in some order.
Matrix gram(const Matrix& T, const Matrix& multiplier);

}  // namespace twincert::certificate
