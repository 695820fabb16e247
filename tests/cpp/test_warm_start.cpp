// Starts are carried over row by row.
#include "check.hpp"
#include "instances.hpp"
#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/packed_triangle.hpp"
#include "twincert/solver/warm_start.hpp"

using namespace twincert;
using core::Index;
using core::Vector;

TEST(warm_start_finds_what_was_kept_of_the_same_objective) {
  const network::Twin twin = testing::random_twin({3, 6, 6, 2}, 0.1, 1);
  const auto relaxation = [&](double radius) {
    const sets::InputSet set = testing::cube(3, radius);
    return relax::build_relaxation(twin, set, bounds::crown_bounds(twin, set), {}, relax::ObjectiveKind::linear);
  };
  const relax::Relaxation kept = relaxation(0.5), near = relaxation(0.45), far = relaxation(1e-3);
  Index entries = 0;
  for (const relax::Clique& clique : kept.cliques) entries += solver::triangle(clique.T.rows());
  const relax::Objective first{relax::ObjectiveKind::linear, Vector::Unit(2, 0)}, other{relax::ObjectiveKind::linear, Vector::Unit(2, 1)};
  solver::WarmStarts starts;
  const Vector numbers = Vector::LinSpaced(entries, 1.0, 2.0);
  starts.keep(kept, first, {numbers, 0.7});
  CHECK(starts.find(kept, first).entries == numbers);
  for (const relax::Relaxation* relaxation : {&kept, &near, &far}) CHECK(starts.find(*relaxation, first).rho == 0.7);
  // Rows that the kept ones lack, or that have another scale, start from zero.
  const auto share = [&](const relax::Relaxation& relaxation) {
    return (starts.find(relaxation, first).entries.array() >= 1.0).cast<double>().mean();
  };
  CHECK(share(near) > 0.5);
  CHECK(share(far) > 0.0 && share(far) < 0.5);
  CHECK(starts.find(kept, other).entries.size() == 0);
}
