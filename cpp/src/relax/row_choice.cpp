#include "twincert/relax/row_choice.hpp"

namespace twincert::relax {
namespace {

// Measured on the frozen twins of tests/reference: below it slack rows did not pay within the default iteration limit.
constexpr double far = 0.05;

}  // namespace

RowOptions choose_rows(const network::Twin& twin, const bounds::TwinBounds& bounds) {
  double difference = 0.0, range = 0.0;
  bool paired = true;
  for (std::size_t k = 0; k + 1 < bounds.stages.size(); ++k) {
    paired = paired && twin.stages()[k].paired;
    if (!twin.stages()[k].paired) continue;
    difference += bounds.stages[k].difference.magnitude().sum();
    range += bounds.stages[k].compressed.magnitude().sum();
  }
  RowOptions rows;
  rows.slack_rows = rows.reference_rows = !paired || difference > far * range;
  return rows;
}

}  // namespace twincert::relax
