// Confirms what a candidate point attains.
#pragma once

#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/core/measure.hpp"

namespace twincert::bounds {

// Rigorous lower bound, in exact arithmetic, of the measure at (x, y); zero when nothing is proven.
double confirmed_value(const Twin& twin, const core::Measure& measure, const Vector& x, const Vector& y);

}  // namespace twincert::bounds
