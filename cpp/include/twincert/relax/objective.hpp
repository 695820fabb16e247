// What one SDP maximises.
#pragma once

#include "twincert/core/measure.hpp"
#include "twincert/core/types.hpp"

namespace twincert::relax {

using core::Index;
using core::Matrix;
using core::Vector;

enum class ObjectiveKind {
  linear,            // weights . (f - g)
  squared_two_norm,  // |f - g|_2^2
  one_norm,          // |f - g|_1, by sign variables s_i with s_i^2 = 1
  affine_input,      // |f - g|_2^2 - slope |x|_2^2
  affine_difference  // |f - g|_2^2 - slope |x - y|_2^2
};

struct Objective {
  ObjectiveKind kind = ObjectiveKind::linear;
  Vector weights;      // one per output, for ObjectiveKind::linear
  double slope = 0.0;  // at least zero, for affine_input and affine_difference
};

inline ObjectiveKind affine_kind(core::AffineInput of) {
  return of == core::AffineInput::input ? ObjectiveKind::affine_input : ObjectiveKind::affine_difference;
}
inline bool is_affine(ObjectiveKind kind) { return kind == ObjectiveKind::affine_input || kind == ObjectiveKind::affine_difference; }

}  // namespace twincert::relax
