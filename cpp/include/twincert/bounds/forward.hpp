// One step of forward interval propagation, shared by every method, and the error of a float64 evaluation.
#pragma once

#include <vector>

#include "twincert/bounds/twin_bounds.hpp"

namespace twincert::bounds {

// What one stage receives: values after the previous activation, and their difference when the neurons are paired (size 0 otherwise).
struct StageInput {
  IntervalVector reference;
  IntervalVector compressed;
  IntervalVector difference;
};

// ShapeError unless the set has the twin's input size.
void check_sizes(const Twin& twin, const InputSet& set);

// The input of the first stage, and of the stage after one whose bounds are known.
StageInput first_input(const InputSet& set);
StageInput next_input(const network::StagePair& pair, const StageBounds& bounds);

// Bounds of the first stage, exact up to rounding: maxima of linear forms over the set.
StageBounds first_stage(const Twin& twin, const InputSet& set);
// Interval bounds of a later stage.
StageBounds forward_stage(const network::StagePair& pair, const StageInput& input);

// Coordinate-wise intersections. NaN never survives: it counts as an unknown, infinite bound.
StageBounds intersect(const StageBounds& a, const StageBounds& b);

// x becomes its intersection with `by`. Where they contradict each other x stays, and the answer is false: of a part of an input set, which
// may hold no input at all, that is the proof. NaN counts as an unknown bound.
bool narrow(IntervalVector& x, Index i, Interval by);
bool narrow(StageBounds& x, const StageBounds& by);

// a_f = a_g + delta, a_g = a_f - delta, delta = a_f - a_g: each of the three narrows the others; false as above.
bool tighten_by_identity(StageBounds& bounds);

// TwinBounds::evaluation_error for proven stage bounds.
Vector evaluation_error(const Twin& twin, const InputSet& set, const std::vector<StageBounds>& stages);

}  // namespace twincert::bounds
