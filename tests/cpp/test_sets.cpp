// Input sets: membership, support function, and the errors of impossible ones.
#include <limits>

#include "check.hpp"
#include "twincert/core/error.hpp"
#include "twincert/sets/input_set.hpp"

using namespace twincert;
using core::Matrix;
using core::Vector;
using sets::Ball;
using sets::Box;
using sets::InputSet;

namespace {

Box box(double lower, double upper) { return {{Vector::Constant(3, lower), Vector::Constant(3, upper)}}; }

}  // namespace

TEST(sets_maximum_of_a_box_and_a_ball) {
  Matrix direction(1, 3);
  direction << 1.0, -2.0, 2.0;
  const InputSet cube(box(-1.0, 1.0), Vector::Zero(3));
  CHECK(cube.maximum(direction)[0] >= 5.0 && cube.maximum(direction)[0] <= 5.0 + 1e-12);
  const InputSet ball(Ball{Vector::Zero(3), 2.0}, Vector::Zero(3));
  CHECK(ball.maximum(direction)[0] >= 6.0 && ball.maximum(direction)[0] <= 6.0 + 1e-12);
}

TEST(sets_samples_and_projections_belong) {
  const InputSet cube(box(0.0, 0.1), Vector::Zero(3));
  const Matrix samples = cube.sample(50, 7);
  CHECK(samples.cols() == 50);
  for (core::Index i = 0; i < samples.cols(); ++i) CHECK(cube.contains(samples.col(i)));
  CHECK(cube.contains(cube.project(Vector::Constant(3, 9.0))));
  CHECK(!cube.contains(Vector::Constant(3, 0.1000001)));
}

TEST(sets_two_inputs_widen_the_twins_box) {
  const InputSet set(box(0.0, 1.0), Vector::Constant(3, 0.5));
  CHECK(!set.shared_input());
  CHECK(set.compressed_bounding_box().lower[0] <= -0.5 && set.compressed_bounding_box().upper[2] >= 1.5);
}

TEST(sets_errors_name_the_problem) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Box crossed = box(0.0, 1.0);
  crossed.bounds.upper[1] = -1.0;
  CHECK_THROWS(core::ParseError, "1", InputSet(crossed, Vector::Zero(3)));
  Box undefined = box(0.0, 1.0);
  undefined.bounds.lower[2] = nan;
  CHECK_THROWS(core::ParseError, "2", InputSet(undefined, Vector::Zero(3)));
  CHECK_THROWS(core::ShapeError, "3", InputSet(box(0.0, 1.0), Vector::Zero(2)));
  CHECK_THROWS(core::Error, "radius", InputSet(Ball{Vector::Zero(3), -1.0}, Vector::Zero(3)));
}
