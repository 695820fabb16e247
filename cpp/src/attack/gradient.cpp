#include "twincert/attack/gradient.hpp"

#include "twincert/core/blas.hpp"

namespace twincert::attack {
namespace {

using core::Transpose;
using network::Activation;
using network::ActivationKind;

// Slope at z, where a = act(z); zero at the kinks' flat side.
double slope_at(const Activation& activation, double z, double a) {
  switch (activation.kind) {
    case ActivationKind::relu:
      return z > 0.0 ? 1.0 : 0.0;
    case ActivationKind::leaky_relu:
      return z > 0.0 ? 1.0 : activation.slope;
    case ActivationKind::sigmoid:
      return a * (1.0 - a);
    case ActivationKind::tanh:
      return 1.0 - a * a;
    case ActivationKind::clip:
    case ActivationKind::quantize:  // as if the staircase were the line through its stairs
    case ActivationKind::quantize_even:
      return (z > activation.lower && z < activation.upper) ? 1.0 : 0.0;
    case ActivationKind::identity:
      break;
  }
  return 1.0;
}

}  // namespace

BatchGradient::BatchGradient(const network::Network& network)
    : stages_(network.stages()), before_(stages_.size()), after_(stages_.size()) {}

const Matrix& BatchGradient::forward(const Matrix& points) {
  const Matrix* input = &points;
  for (std::size_t k = 0; k < stages_.size(); ++k) {
    const network::Stage& stage = stages_[k];
    before_[k].resize(stage.bias.size(), points.cols());
    before_[k].colwise() = stage.bias;
    core::gemm(Transpose::no, Transpose::no, 1.0, stage.weight, *input, 1.0, before_[k]);
    if (stage.activation.kind == ActivationKind::identity) {
      input = &before_[k];
      continue;
    }
    after_[k] = before_[k].unaryExpr([&](double z) { return stage.activation(z); });
    input = &after_[k];
  }
  return *input;
}

const Matrix& BatchGradient::backward(const Matrix& cotangents) {
  cotangent_ = cotangents;
  for (std::size_t k = stages_.size(); k-- > 0;) {
    const network::Stage& stage = stages_[k];
    if (stage.activation.kind != ActivationKind::identity) {
      cotangent_.array() *= before_[k].binaryExpr(after_[k], [&](double z, double a) { return slope_at(stage.activation, z, a); }).array();
    }
    core::gemm(Transpose::yes, Transpose::no, 1.0, stage.weight, cotangent_, 0.0, next_cotangent_);
    cotangent_.swap(next_cotangent_);
  }
  return cotangent_;
}

}  // namespace twincert::attack
