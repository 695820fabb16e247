// Single neurons whose lower line has a free slope, and its optimisation. Nothing here trusts a slope: constants are maxima over the
// breakpoints for whatever coefficient was chosen.
#pragma once

#include <vector>

#include "twincert/bounds/backward.hpp"

namespace twincert::bounds {

// The part of a stage's parameters after one step of Adam (arXiv 1412.6980): rate, decays of the two moments, their bias corrections.
struct AdamStep {
  double rate;
  double decay1, decay2;
  double correction1, correction2;

  AdamStep(double rate, double decay1, double decay2, int step);  // steps count from 0
};

// An unstable neuron of ReLU (slope 0) or leaky ReLU: lower < 0 < upper. Above the chord is best; below, any line through 0 with a slope
// between `slope` and 1.
struct FreeNeuron {
  Index column;  // among the live neurons
  double lower, upper;
  double slope;
  double chord;
};

// One network's relaxed stage.
struct FreeStage {
  const BackwardPass::Side* side;
  Matrix weight_transpose;
  std::vector<FreeNeuron> free;

  FreeStage(const BackwardPass::Side& side, const network::Activation& activation, const IntervalVector& bounds);
};

// Per row and free neuron of a stage (rows x free): alpha is the slope below. Where a case analysis fixed the neuron's side, `code` is
// +1 or -1 and `push` = code * beta, beta >= 0, is added to the coefficient: code * a >= 0 there, so that this only raises the form.
struct FreeLines {
  Matrix alpha;
  Matrix first, second;  // moments
  Matrix code, push;

  FreeLines(const FreeStage& stage, Index rows);

  void set_alpha(const FreeStage& stage, LineChoice choice);

  // Coefficients of the values after the activation become coefficients of those before it (PairRows' contract, with code's domain).
  void relax(const FreeStage& stage, Matrix& rows, Vector& constant, Vector& load) const;

  // `values` before the activation become those on the lines that `relax` used for `coefficients`; takes a step down the gradient.
  void follow(const FreeStage& stage, const AdamStep& step, const Matrix& coefficients, Matrix& values);
};

// W x + b of a stage's live neurons for `inputs` (points x inputs).
void affine_points(const FreeStage& stage, const Matrix& inputs, Matrix& values);

}  // namespace twincert::bounds
