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

#include <memory>
#include <vector>

#include "twincert/bounds/envelope.hpp"
#include "twincert/bounds/input_forms.hpp"
#include "twincert/bounds/row_forms.hpp"
#include "twincert/bounds/twin_bounds.hpp"

namespace twincert::bounds {

// Neurons of a stage whose bounds are wanted, for a_f, a_g and a_f - a_g.
struct Selection {
  std::vector<Index> reference;
  std::vector<Index> compressed;
  std::vector<Index> difference;

  static Selection all(const network::StagePair& pair);
};

// How a backward pass used its neurons, for choosing what to split by: per stage and neuron, summed over the rows, |p + q| and |q| of
// p act(a_f) + q act(a_g).
struct Usage {
  std::vector<Vector> common;
  std::vector<Vector> change;
};

class BackwardPass {
 public:
  // One network's part of a stage, restricted to live neurons: those that are not constantly zero (in a paired stage: in both networks).
  struct Side {
    std::vector<Index> live;
    Matrix weight;  // (live x live of the stage before)
    Vector bias;
    Vector load;
    double magnitude_sum = 0.0;
    double value_sum = 0.0;  // bound of the sum of the live values' magnitudes, from `load`
    std::vector<LinePair> tight;
    std::vector<LinePair> flat;  // empty when no neuron has another choice
  };
  struct Relaxed {
    Side reference;
    Side compressed;
    std::vector<PairRelaxation> pairs;  // only for paired stages

    double value_sum() const { return core::add_up(reference.value_sum, compressed.value_sum); }
  };

  // Both must outlive the pass.
  BackwardPass(const Twin& twin, const InputSet& set);
  // For a subset of the set of `whole`, to which every stage but the last has been added: its magnitudes serve the rounding analysis here.
  BackwardPass(const BackwardPass& whole, const InputSet& subset);

  // Proven bounds of the next stage, in order.
  void add_stage(const StageBounds& bounds);

  // Bounds of stage k's values from the stages before it, which must have been added. Unit rows, both directions; entries that are not
  // selected are infinite. For a single network the better ones of both choices of lines.
  // `forms`, if given, gets the forms of a_i for the selected neurons of f, then of g, then those of -a_i in this order; those of g are in
  // its own input.
  StageBounds stage(Index k, const Selection& selection, InputForms* forms = nullptr) const;

  // Upper bounds of C_f a_f + C_g a_g at a stage, one per row.
  Vector maximum(Index stage, const Matrix& reference_rows, const Matrix& compressed_rows, Usage* usage = nullptr) const;

  // Of a stage that was added.
  const Relaxed& relaxed(Index stage) const { return relaxed_[static_cast<std::size_t>(stage)]; }

  // Coefficients of a = W x + b become coefficients of x; the constant takes what rounding may cost.
  static void through_affine(const Side& side, Matrix& rows, Vector& constant);

 private:
  // The affine part of one network's stage: what rounding analysis needs to know of its input.
  struct Affine {
    Vector load;           // |W| s + |b|, rounded up
    double magnitude_sum;  // sum(s), rounded up
  };
  struct Affines {
    std::vector<Affine> reference;
    std::vector<Affine> compressed;
  };
  struct Batch {
    RowForms reference;
    RowForms compressed;
    Index pairs = 0;
  };

  // Kept between passes of a thread.
  static Batch& own_batch();
  void add_affine(const Vector& reference_magnitude, const Vector& compressed_magnitude);
  const std::vector<Index>* live_before(Index stage, Side Relaxed::*side) const;
  Side make_side(Side Relaxed::*side, const network::Stage& stage, const Affine& affine, const IntervalVector& x,
                 const std::vector<LinePair>& lines, std::vector<Index> live) const;
  void unit_forms(Index stage, Side Relaxed::*side, const std::vector<Index>& alone, const std::vector<Index>& paired, double sign,
                  RowForms& forms) const;
  void through_activation(const Relaxed& relaxed, Batch& batch) const;
  static void through_affine(const Side& side, RowForms& forms);
  void to_input(Index stage, Batch& batch, Usage* usage = nullptr) const;
  void record(Index stage, const Batch& batch, Usage& usage) const;
  Vector alone_maximum(const Batch& batch, bool compressed) const;
  Vector pair_maximum(const Batch& batch) const;

  const Twin& twin_;
  const InputSet& set_;
  std::shared_ptr<Affines> affines_;
  std::vector<Relaxed> relaxed_;
};

}  // namespace twincert::bounds
