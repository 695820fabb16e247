// Linear forms of the networks' inputs, where backward passes end, and their proven maxima over the input set.
#pragma once

#include "twincert/bounds/twin_bounds.hpp"

namespace twincert::bounds {

// value <= rows x + constant, one row each; the coefficients are exact as stored, the constants are rounded up.
struct InputForms {
  Matrix rows;
  Vector constant;
};

// Forms of both networks' inputs; their sum is what is bounded.
struct PairForms {
  InputForms reference;
  InputForms compressed;
};

// Proven maxima, one per row; infinite where a row overflowed. `compressed`: the forms are in the compressed network's own input.
Vector maximum(const InputSet& set, InputForms forms, bool compressed);
Vector maximum(const InputSet& set, PairForms forms);

}  // namespace twincert::bounds
