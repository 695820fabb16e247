// What one SDP maximises.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::relax {

using core::Index;
using core::Matrix;
using core::Vector;

enum class ObjectiveKind {
  linear,            // weights . (f - g)
  squared_two_norm,  // |f - g|_2^2
  one_norm           // |f - g|_1, by sign variables s_i with s_i^2 = 1
};

struct Objective {
  ObjectiveKind kind = ObjectiveKind::linear;
  Vector weights;  // one per output, for ObjectiveKind::linear
};

}  // namespace twincert::relax
