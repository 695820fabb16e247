#include "twincert/solver/progress.hpp"

#include <algorithm>
#include <cmath>

namespace twincert::solver {

bool stalled(const std::vector<std::pair<core::Index, double>>& bounds, double tolerance, core::Index first, double part) {
  const auto [iteration, bound] = bounds.back();
  if (iteration < first) return false;
  const double since = (1.0 - part) * static_cast<double>(iteration);
  const auto before =
      std::find_if(bounds.rbegin(), bounds.rend(), [since](const auto& entry) { return static_cast<double>(entry.first) <= since; });
  return before != bounds.rend() && before->second - bound < tolerance * std::abs(bound);
}

}  // namespace twincert::solver
