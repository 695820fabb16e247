// Lower triangles as vectors, column by column.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::solver {

inline core::Index triangle(core::Index n) { return n * (n + 1) / 2; }

// Where entry (i, j), i >= j, of an n x n matrix stands.
inline core::Index packed(core::Index n, core::Index i, core::Index j) { return triangle(n) - triangle(n - j) + i - j; }

}  // namespace twincert::solver
