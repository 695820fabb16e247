// Bounds of linear functions of the output difference, for margins and norms.
#pragma once

#include "twincert/bounds/twin_bounds.hpp"

namespace twincert::bounds {

// Upper bounds of output_rows (f(x) - g(y)) over the set, one per row, in exact arithmetic (add the evaluation errors yourself), by
// differential backward propagation. `intermediate` are proven bounds of every stage, e.g. of crown_bounds(); output_rows is
// (rows x outputs). ShapeError on wrong sizes.
Vector difference_maximum(const Twin& twin, const InputSet& set, const TwinBounds& intermediate, const Matrix& output_rows);

}  // namespace twincert::bounds
