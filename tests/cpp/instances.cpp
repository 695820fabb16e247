#include "instances.hpp"

#include <cmath>
#include <random>

namespace twincert::testing {

using core::Index;
using core::Matrix;
using core::Vector;

network::Twin random_twin(const std::vector<Index>& widths, double step, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<network::Dense> reference;
  std::vector<network::Dense> compressed;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    Matrix weight(widths[k + 1], widths[k]);
    Vector bias(widths[k + 1]);
    for (double& entry : weight.reshaped()) entry = 1.4 * normal(engine) / std::sqrt(static_cast<double>(widths[k]));
    for (double& entry : bias) entry = 0.1 * normal(engine);
    reference.push_back({weight, bias});
    compressed.push_back({(weight / step).array().round() * step, bias});
  }
  const network::Activation relu{network::ActivationKind::relu, 0.0, 0.0, 0.0};
  return {network::Network::from_arrays(reference, relu), network::Network::from_arrays(compressed, relu)};
}

sets::InputSet cube(Index size, double radius) {
  return {sets::Box{{Vector::Constant(size, -radius), Vector::Constant(size, radius)}}, Vector::Zero(size)};
}

core::Matrix random_matrix(core::Index rows, core::Index columns, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  return core::Matrix::NullaryExpr(rows, columns, [&] { return normal(generator); });
}

}  // namespace twincert::testing
