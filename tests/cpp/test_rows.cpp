// Which rows a relaxation gets, and how many it is expected to have.
#include "check.hpp"
#include "instances.hpp"
#include "twincert/network/layer.hpp"
#include "twincert/relax/row_choice.hpp"

using namespace twincert;
using core::Index;

TEST(rows_of_wide_cliques_are_few) {
  const network::Twin narrow = testing::random_twin({3, 12, 12, 2}, 0.5, 2), wide = testing::random_twin({1000, 600, 4, 2}, 0.5, 2);
  for (const network::Twin* twin : {&narrow, &wide}) {
    const sets::InputSet set = testing::cube(twin->input_size(), 0.5);
    const bounds::TwinBounds bounds = bounds::interval_bounds(*twin, set);
    const relax::RowOptions rows = relax::choose_rows(*twin, set, bounds);
    const bool is_wide = twin == &wide;
    CHECK(relax::is_wide(*twin, set, bounds, rows) == is_wide);
    CHECK(rows.slack_rows == !is_wide);
    CHECK(rows.reference_rows == !is_wide);
  }
}

TEST(rows_are_at_most_those_expected) {
  const network::Twin twin = testing::random_twin({4, 12, 12, 2}, 0.05, 2);
  for (const double radius : {0.1, 0.5}) {
    const sets::InputSet set = testing::cube(4, radius);
    const bounds::TwinBounds bounds = bounds::crown_bounds(twin, set);
    for (const bool slack : {false, true}) {
      for (const relax::Cliques cliques : {relax::Cliques::stages, relax::Cliques::single}) {
        relax::RowOptions rows;
        rows.slack_rows = slack;
        rows.cliques = cliques;
        const auto expected = relax::clique_sizes(twin, set, bounds, rows, relax::ObjectiveKind::linear);
        const relax::Relaxation relaxation = relax::build_relaxation(twin, set, bounds, rows, relax::ObjectiveKind::linear);
        CHECK(expected.size() == relaxation.cliques.size());
        for (std::size_t k = 0; k < expected.size(); ++k) {
          CHECK(relaxation.cliques[k].T.rows() <= expected[k].rows);
          CHECK(10 * relaxation.cliques[k].T.rows() >= 9 * expected[k].rows);
          CHECK(relaxation.cliques[k].T.cols() == expected[k].variables);
        }
      }
    }
  }
}
