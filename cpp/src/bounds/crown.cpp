#include "twincert/bounds/backward.hpp"
#include "twincert/bounds/forward.hpp"

namespace twincert::bounds {

TwinBounds crown_bounds(const Twin& twin, const InputSet& set) {
  const TwinBounds intervals = interval_bounds(twin, set);
  BackwardPass backward(twin, set);
  TwinBounds bounds;
  for (std::size_t k = 0; k < twin.stages().size(); ++k) {
    StageBounds stage = intervals.stages[k];
    if (k > 0) {
      const Index index = static_cast<Index>(k);
      stage = intersect(stage, forward_stage(twin.stages()[k], next_input(twin.stages()[k - 1], bounds.stages.back())));
      stage = intersect(stage, backward.stage(index, Selection::all(twin.stages()[k])));
    }
    tighten_by_identity(stage);
    if (k + 1 < twin.stages().size()) backward.add_stage(stage);
    bounds.stages.push_back(std::move(stage));
  }
  bounds.evaluation_error = evaluation_error(twin, set, bounds.stages).cwiseMin(intervals.evaluation_error);
  return bounds;
}

}  // namespace twincert::bounds
