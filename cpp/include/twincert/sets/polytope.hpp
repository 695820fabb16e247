// Dual bounds and feasible points of {x in bounds : A x <= b}.
#pragma once

#include <optional>

#include "twincert/sets/input_set.hpp"

namespace twincert::sets {

enum class Effort { full, little };

// Rigorous upper bounds of max C x, one per row: for any multipliers m >= 0, m b + max over the bounds of (C - m A) x. The multipliers
// come from a first-order method and exact coordinate-wise minimisation of that convex, piecewise linear function (they need not be
// optimal); never looser than the bounds alone. With little effort, for thousands of parts, several
// constraints get the first-order method's guess only.
Vector polytope_maximum(const Polytope& polytope, const Matrix& coefficients, Effort effort = Effort::full);

// A row whose constraint the others rule out: min A_k x over the rest is proven to exceed b_k (Farkas). Empty when none was found.
std::optional<Index> infeasible_row(const Polytope& polytope);

// True when x satisfies every inequality, evaluated with outward rounding.
bool polytope_contains(const Polytope& polytope, const Vector& x);

// A point as deep inside as successive projections find (Agmon 1954), with margins halved until they succeed.
std::optional<Vector> polytope_interior(const Polytope& polytope);

}  // namespace twincert::sets
