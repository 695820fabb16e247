// Certifies a small network against a copy with rounded weights: prints what is proven and what an attack attains.
#include <iostream>

#include "twincert/certificate/check.hpp"
#include "twincert/certify.hpp"

using namespace twincert;
using core::Matrix;
using core::Vector;

int main() {
  const network::Activation relu{network::ActivationKind::relu};
  Matrix first{{0.91, -0.42}, {-0.33, 0.78}, {0.57, 0.64}};
  Matrix second{{0.49, -0.86, 0.27}};
  const auto round = [](const Matrix& weight) -> Matrix { return (weight * 8.0).array().round() / 8.0; };

  const network::Network reference = network::Network::from_arrays({{first, Vector::Constant(3, 0.1)}, {second, Vector::Zero(1)}}, relu);
  const network::Network compressed =
      network::Network::from_arrays({{round(first), Vector::Constant(3, 0.1)}, {round(second), Vector::Zero(1)}}, relu);
  const network::Twin twin(reference, compressed);
  const sets::InputSet box(sets::Box{{Vector::Constant(2, -1.0), Vector::Constant(2, 1.0)}}, Vector::Zero(2));

  const Result result = certify(twin, box, CertifyOptions{});
  const certificate::CheckReport report = certificate::check(twin, box, result.claim, result.proof);
  std::cout << "|f(x) - g(x)| <= " << result.claim.upper << " for every x of the box (" << to_string(result.method) << ")\n"
            << "attained:        " << result.witness.value << "\n"
            << "checker:         " << (report.valid ? "accepted" : "refused: " + report.reason) << "\n";
  return report.valid && result.witness.value <= result.claim.upper ? 0 : 1;
}
