#include "twincert/relax/row_choice.hpp"

#include <algorithm>

#include "twincert/relax/activation_rows.hpp"

namespace twincert::relax {
namespace {

// Measured on the frozen twins of tests/reference: with more unstable neurons than this, and a difference below this fraction of the
// neurons' range, slack rows did not pay within the default iteration limit.
constexpr Index few = 40;
constexpr double far = 0.05;

// Variables of a wide clique: a step of the interior-point method takes a second and more.
constexpr Index many = 1000;

// Rows per variable of a single clique. With more, most rows belong to stable neurons, and the time grows with the square of the depth;
// without those rows the bounds of benchmarks/sdp_suite.py, all below this, are looser by at most 0.4 %, of most by less than 0.03 %.
constexpr Index many_rows = 12;

Index unstable(const network::Activation& activation, const IntervalVector& before) {
  Index count = 0;
  for (Index i = 0; i < before.size(); ++i) count += linear_piece(activation, before[i]) ? 0 : 1;
  return count;
}

}  // namespace

bool is_wide(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds, RowOptions rows) {
  rows.cliques = Cliques::stages;
  const std::vector<CliqueSize> sizes = clique_sizes(twin, set, bounds, rows, ObjectiveKind::linear);
  return std::any_of(sizes.begin(), sizes.end(), [](const CliqueSize& size) { return size.variables >= many; });
}

RowOptions choose_rows(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds) {
  double difference = 0.0, range = 0.0;
  bool paired = true;
  Index most = 0;
  for (std::size_t k = 0; k + 1 < bounds.stages.size(); ++k) {
    paired = paired && twin.stages()[k].paired;
    most = std::max({most, unstable(twin.stages()[k].reference.activation, bounds.stages[k].reference),
                     unstable(twin.stages()[k].compressed.activation, bounds.stages[k].compressed)});
    if (!twin.stages()[k].paired) continue;
    difference += bounds.stages[k].difference.magnitude().sum();
    range += bounds.stages[k].compressed.magnitude().sum();
  }
  RowOptions rows;
  if (is_wide(twin, set, bounds, rows)) return rows;
  rows.reference_rows = !paired || difference > far * range;
  rows.slack_rows = rows.reference_rows || most <= few;
  RowOptions single = rows;
  single.cliques = Cliques::single;
  const std::vector<CliqueSize> sizes = clique_sizes(twin, set, bounds, single, ObjectiveKind::linear);
  rows.unstable_only = sizes.size() == 1 && sizes.front().rows > many_rows * sizes.front().variables;
  return rows;
}

}  // namespace twincert::relax
