// Climbing on from a point: never below it, inside the set, and up to what random starts find.
#include "check.hpp"
#include "instances.hpp"
#include "twincert/attack/attack.hpp"

using namespace twincert;
using core::Index;
using core::Vector;

namespace {

attack::AttackResult at(const network::Twin& twin, const core::Measure& measure, const Vector& x) {
  const Vector f = twin.reference().evaluate(x), g = twin.compressed().evaluate(x);
  return {x, x, f, g, measure(f, g)};
}

}  // namespace

TEST(attack_climbs_on_from_a_point) {
  const core::Measure measure;
  int better = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    const network::Twin twin = testing::random_twin({4, 12, 12, 2}, 0.1, seed);
    const sets::InputSet set = testing::cube(4, 1.0);
    const Vector x = set.sample(8, seed).col(7);
    const attack::AttackResult start = at(twin, measure, x);
    const attack::AttackResult found = attack::improve(twin, set, measure, start);
    CHECK(found.value >= start.value);
    CHECK(set.contains(found.reference_input, found.compressed_input));
    CHECK(found.value == at(twin, measure, found.reference_input).value);
    if (found.value >= 0.8 * attack::attack(twin, set, measure).value && found.value > start.value) ++better;
  }
  CHECK(better >= 8);
}
