#include "twincert/attack/affine_samples.hpp"

#include <cmath>

#include "twincert/attack/gradient.hpp"

namespace twincert::attack {

std::vector<std::pair<double, double>> affine_samples(const network::Twin& twin, const sets::InputSet& set, const core::Measure& measure,
                                                      core::Index count, std::uint64_t seed) {
  Matrix x = set.sample(count, seed);
  const sets::InputSet shifts(sets::Box{{-set.difference(), set.difference()}}, Vector::Zero(set.size()));
  Matrix shift = shifts.sample(count, seed + 1);
  const bool of_input = measure.of == core::AffineInput::input;
  for (Index j = 0; j < count; j += 2) {  // towards q = 0
    const double share = static_cast<double>(j) / static_cast<double>(count);
    if (of_input) {
      x.col(j) = set.project(share * x.col(j));
    } else {
      shift.col(j) *= share;
    }
  }
  BatchGradient reference(twin.reference()), compressed(twin.compressed());
  const Matrix difference = reference.forward(x) - compressed.forward(x - shift);
  std::vector<std::pair<double, double>> samples;
  for (Index j = 0; j < count; ++j) {
    const double square = difference.col(j).squaredNorm();
    if (std::isfinite(square)) samples.emplace_back((of_input ? x : shift).col(j).squaredNorm(), square);
  }
  return samples;
}

}  // namespace twincert::attack
