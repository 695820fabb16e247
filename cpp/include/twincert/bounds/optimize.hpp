// How much optimized_bounds() does. Its effort is counted in operations, never in seconds, so that results do not depend on the machine's
// load.
//
// Per stage, from the bounds that crown_bounds() would have given there:
//   1. rows +-a_i of each network for its unstable neurons: single_steps steps on the lower slopes of every row (optimize_single.hpp);
//   2. for those still unstable the case analysis: some neurons of each row fixed on either side, case_steps steps in each case;
//   3. rows +-(a_f - a_g) where not both are affine: pair_steps steps (last_pair_steps for the outputs) on the planes (optimize_pair.hpp);
//   4. for the outputs of ReLU networks quadratic bounds of all stages' pairs (optimize_quadratic.hpp); behind more than one hidden stage
//      only where the budget is more than operation_budget;
//   5. for the outputs also the sums of both networks' rows from 1, maximised jointly over the input set.
// All steps run in plain arithmetic but for the constants, which are rounded up throughout: whatever slopes and planes come out, the best
// form found for each row, and its quadratic one, is a proven bound, and its maximum over the set closes it.
#pragma once

#include <vector>

#include "twincert/bounds/twin_bounds.hpp"

namespace twincert::bounds {

// Neurons of each row that a case analysis fixes, and up to how many where the budget is more than operation_budget.
inline constexpr Index few_case_neurons = 2;
inline constexpr Index most_case_neurons = 8;
// Steps of the search for quadratic bounds, and up to how many where the budget is more than operation_budget.
inline constexpr int few_quadratic_steps = 40;
inline constexpr int most_quadratic_steps = 300;

// What fits into the budget: first the case analysis goes, then the intermediate stages' planes, then their lines; then the outputs'
// steps shrink, to none in the end. Quadratic bounds take what is left over, and larger cases what they leave.
struct OptimizationPlan {
  std::vector<Index> case_neurons;  // of each case analysis, one after the other
  bool intermediate_planes;
  bool intermediate_lines;
  int output_steps;     // on the outputs' planes
  int quadratic_steps;  // where both networks read the same input; 0: none
  double operations;    // estimate
};

// From the layers' sizes and the neurons that `crown` leaves unstable.
OptimizationPlan optimization_plan(const Twin& twin, const TwinBounds& crown, double budget);

}  // namespace twincert::bounds
