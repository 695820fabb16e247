// How far a step may go before a positive definite matrix is not one any more.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::solver {

// An estimate, mostly from below, of the smallest eigenvalue of L^-1 D L^-T by a few Lanczos steps (Toh 2002): of a positive definite L L^T
// and a symmetric D. Not a bound: whoever steps must still factorise.
double smallest_eigenvalue(const core::Matrix& lower, const core::Matrix& direction);

}  // namespace twincert::solver
