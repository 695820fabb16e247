// Networks: evaluation against hand-computed values, normal form, and the errors of impossible ones.
#include <limits>

#include "check.hpp"
#include "twincert/core/error.hpp"
#include "twincert/network/network.hpp"
#include "twincert/network/twin.hpp"

using namespace twincert;
using network::Activation;
using network::ActivationKind;
using network::Dense;
using network::Index;
using network::Layer;
using network::Matrix;
using network::Network;
using network::Vector;

namespace {

const Activation relu{ActivationKind::relu, 0.0, 0.0, 0.0};

Dense dense(Index outputs, Index inputs, double weight, double bias) {
  return {Matrix::Constant(outputs, inputs, weight), Vector::Constant(outputs, bias)};
}

// relu(x0 - x1), relu(x1 - x0) summed: |x0 - x1| + 0.25.
Network absolute_difference() {
  Matrix first(2, 2);
  first << 1.0, -1.0, -1.0, 1.0;
  return Network::from_arrays({{first, Vector::Zero(2)}, dense(1, 2, 1.0, 0.25)}, relu);
}

}  // namespace

TEST(network_evaluates_a_batch) {
  Matrix points(2, 3);
  points << 1.0, -2.0, 0.5,  //
      3.0, -2.0, -0.5;
  const Matrix values = absolute_difference().evaluate(points);
  CHECK(values.rows() == 1 && values.cols() == 3);
  CHECK(values(0, 0) == 2.25);
  CHECK(values(0, 1) == 0.25);
  CHECK(values(0, 2) == 1.25);
}

TEST(network_normal_form_ends_with_the_identity) {
  const Network net = absolute_difference();
  CHECK(net.input_size() == 2 && net.output_size() == 1);
  CHECK(net.stages().size() == 2);
  CHECK(net.stages().front().activation == relu);
  CHECK(net.stages().back().activation.kind == ActivationKind::identity);
  CHECK(net.parameter_count() == 9);
}

TEST(network_activations_have_their_textbook_values) {
  CHECK(relu(-1.0) == 0.0 && relu(2.0) == 2.0);
  const Activation leaky{ActivationKind::leaky_relu, 0.25, 0.0, 0.0};
  CHECK(leaky(-2.0) == -0.5 && leaky(2.0) == 2.0);
  const Activation clip{ActivationKind::clip, 0.0, -1.0, 1.0};
  CHECK(clip(-3.0) == -1.0 && clip(0.5) == 0.5 && clip(3.0) == 1.0);
  CHECK(Activation{ActivationKind::tanh}(0.0) == 0.0);
  CHECK(Activation{ActivationKind::sigmoid}(0.0) == 0.5);
}

TEST(network_twin_error_is_the_difference) {
  const Network reference = absolute_difference();
  Matrix first(2, 2);
  first << 1.0, -1.0, -1.0, 1.0;
  const Network compressed = Network::from_arrays({{first, Vector::Zero(2)}, dense(1, 2, 0.5, 0.25)}, relu);
  const network::Twin twin(reference, compressed);
  CHECK(twin.stages().back().paired);
  CHECK(twin.error(Vector{{1.0, 5.0}})(0, 0) == 2.0);
}

TEST(network_errors_name_the_problem) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Network net = absolute_difference();
  CHECK_THROWS(core::ShapeError, "2", net.evaluate(Matrix::Zero(3, 1)));
  CHECK_THROWS(core::ShapeError, "2", Network(2, {{"first", dense(4, 3, 1.0, 0.0), {-1}}}));
  CHECK_THROWS(core::ParseError, "second", Network(2, {{"first", dense(4, 2, 1.0, 0.0), {-1}}, {"second", dense(1, 4, nan, 0.0), {0}}}));
  CHECK_THROWS(core::SettingsError, "softsign", network::activation_kind("softsign"));
  const Network wide = Network::from_arrays({dense(1, 3, 1.0, 0.0)}, relu);
  CHECK_THROWS(core::ShapeError, "3", network::Twin(net, wide));
}
