// Proven bounds of every stage of a twin, the common result of all propagation methods.
#pragma once

#include <functional>
#include <vector>

#include "twincert/core/interval.hpp"
#include "twincert/network/twin.hpp"
#include "twincert/sets/input_set.hpp"

namespace twincert::bounds {

using core::Index;
using core::Interval;
using core::IntervalVector;
using core::Matrix;
using core::Vector;
using network::Twin;
using sets::InputSet;

// Enclosures over the input set, in exact arithmetic, of the values before stage k's activation.
struct StageBounds {
  IntervalVector reference;   // a_f
  IntervalVector compressed;  // a_g
  IntervalVector difference;  // a_f - a_g, only for paired stages (size 0 otherwise)

  bool operator==(const StageBounds&) const = default;
};

struct TwinBounds {
  std::vector<StageBounds> stages;  // one per twin.stages(); the last one holds the outputs
  // Per output: upper bound of |fl(f(x)) - f(x)| + |fl(g(y)) - g(y)| for a float64 evaluation in any order of summation, plus the
  // rounding of their subtraction. Added to every reported bound, so that evaluated differences never exceed it.
  Vector evaluation_error;

  const IntervalVector& output_difference() const { return stages.back().difference; }
  bool operator==(const TwinBounds&) const = default;
};

// Both tight: per stage and coordinate the smaller interval.
TwinBounds intersect(const TwinBounds& a, const TwinBounds& b);

// Forward interval arithmetic for f, g and their difference (differential interval propagation as in ReluDiff).
TwinBounds interval_bounds(const Twin& twin, const InputSet& set);

// Backward linear bounds (CROWN, arXiv 1811.00866) of a_f and a_g at every stage, and differential backward propagation with the exact
// pair envelope for a_f - a_g (design notes, bounds.md); intersected with interval_bounds().
TwinBounds crown_bounds(const Twin& twin, const InputSet& set);

// crown_bounds() with optimised lower lines and a case analysis for single networks, and optimised planes for pairs (optimize.hpp), on
// `threads` threads (0: one per core); no entry is looser. `crown` are crown_bounds(); about `budget` floating-point operations. `go_on`,
// if given, is asked now and then in the calling thread; when it says no, the result is `crown`.
inline constexpr double operation_budget = 6e9;  // a few tenths of a second on one core
inline constexpr double largest_budget = 1e15;   // that certificates may ask for; what fits is bounded by the networks' sizes as well
TwinBounds optimized_bounds(const Twin& twin, const InputSet& set, const TwinBounds& crown, int threads, double budget = operation_budget,
                            const std::function<bool()>& go_on = {});
TwinBounds optimized_bounds(const Twin& twin, const InputSet& set);

}  // namespace twincert::bounds
