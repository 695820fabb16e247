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

TEST(rows_of_stable_neurons_are_left_out_of_deep_networks) {
  std::vector<Index> widths{3};
  widths.insert(widths.end(), 20, 12);
  const network::Twin deep = testing::random_twin(widths, 0.01, 2);
  const sets::InputSet set = testing::cube(3, 0.001);
  const bounds::TwinBounds bounds = bounds::crown_bounds(deep, set);
  relax::RowOptions rows = relax::choose_rows(deep, set, bounds);
  CHECK(rows.unstable_only);
  rows.cliques = relax::Cliques::single;
  const auto size_with = [&](bool unstable_only) {
    rows.unstable_only = unstable_only;
    return relax::build_relaxation(deep, set, bounds, rows, relax::ObjectiveKind::linear).cliques.front().T.rows();
  };
  CHECK(3 * size_with(true) < size_with(false));
  const network::Twin shallow = testing::random_twin({3, 12, 12, 2}, 0.01, 2);
  CHECK(!relax::choose_rows(shallow, set, bounds::crown_bounds(shallow, set)).unstable_only);
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
        rows.unstable_only = slack;
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
