// Proven bounds of eigenvalues.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::core {

// An upper bound of the largest eigenvalue of a symmetric positive semidefinite matrix, of which only the lower triangle is read; infinite
// where none was proven. Within a per cent in general, 1e-5 where the power iterations that guess it settle.
//
// The proof is a Cholesky factorisation that completes: of A = nu I - K in floating point, in any order of summation, it shows
// A + E = L L' with |E| at most gamma(n + 1) times the trace of A (Rump, BIT 46, 2006), so that K has no eigenvalue above nu + |E|.
double largest_eigenvalue_upper(const Matrix& lower);

}  // namespace twincert::core
