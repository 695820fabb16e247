// Backward substitution of linear forms through one network or through both at once.
//
// A batch of rows holds coefficients C_f, C_g of the values before stage k's activation and an upper bound c of the constant:
//   form <= C_f a_f + C_g a_g + c      on the whole input set.
// One stage down: activations become lines or pair planes (relaxation.hpp, envelope.hpp), then a = W x + b turns the coefficients of a
// into coefficients of the stage's input x. At the end the maximum over the input set closes the bound.
//
// Rounding. Let P = fl(C W) for C (R x m), W (m x n). In any order of summation, with or without FMA, |P - C W| <= gamma(m) |C| |W| plus
// one denormal per product. Only the value matters, so with |x| <= s (proven magnitudes) per row
//   |(P - C W) x| <= gamma(m) |C| (|W| s) + m eta sum(s),     |fl(C b) - C b| <= gamma(m) |C| |b| + m eta,
// and both together are gamma(m) |C| (|W| s + |b|) + m eta (1 + sum(s)): the vector |W| s + |b| is computed once per stage, so that
// rigour costs one matrix-vector product per stage and batch, not a second matrix product.
// The activations' own rounding is bounded the same way by the loads they report (PairRows). The coefficients that are stored are
// exact from then on. Overflow shows as an infinite or NaN coefficient; it is carried into c on purpose, and NaN ends as +infinity.
#pragma once

#include <vector>

#include "twincert/bounds/envelope.hpp"
#include "twincert/bounds/twin_bounds.hpp"

namespace twincert::bounds {

class BackwardPass {
 public:
  BackwardPass(const Twin& twin, const InputSet& set);

  // Proven bounds of the next stage, in order. Everything needed is copied; the twin and the set must outlive the pass.
  void add_stage(const StageBounds& bounds);

  // Bounds of stage k's values from the stages before it, which must have been added. Unit rows, both directions. The first two are the
  // better ones of both choices of lines.
  IntervalVector reference(Index stage) const;
  IntervalVector compressed(Index stage) const;
  IntervalVector difference(Index stage) const;

  // Upper bounds of C_f a_f + C_g a_g at a stage, one per row.
  Vector maximum(Index stage, const Matrix& reference_rows, const Matrix& compressed_rows) const;

 private:
  // The affine part of one network's stage: what rounding analysis needs to know of its input.
  struct Affine {
    const Matrix* weight;
    const Vector* bias;
    Vector load;           // |W| s + |b|, rounded up
    double magnitude_sum;  // sum(s), rounded up
  };
  struct Relaxed {
    struct Lines {
      std::vector<LinePair> tight;
      std::vector<LinePair> flat;  // empty when no neuron has another choice
    };
    Lines reference;
    Lines compressed;
    std::vector<PairRelaxation> pairs;  // only for paired stages
  };
  // Coefficients of a stage's input; a side without columns is absent from the form.
  struct Rows {
    Matrix reference;
    Matrix compressed;
    Vector constant;
  };

  void add_affine(const Vector& reference_magnitude, const Vector& compressed_magnitude);
  void through_activation(Index stage, LineChoice choice, Rows& rows) const;
  void through_affine(Index stage, Rows& rows) const;
  Vector finish(Index stage, LineChoice choice, Rows rows) const;
  Vector single(Index stage, const Rows& rows) const;

  const Twin& twin_;
  const InputSet& set_;
  std::vector<Affine> reference_;
  std::vector<Affine> compressed_;
  std::vector<Relaxed> relaxed_;
};

}  // namespace twincert::bounds
