// Quadratic upper bounds of the first stage's pairs: what planes lose there falls with the number of inputs.
//
// For ReLU on both sides and p q < 0 (rows f - g of close twins),  p act(a_f) + q act(a_g) <= max(0, L),  L = p a_f + q a_g:  let p > 0 >
// q, the other case mirrors it. For a_f, a_g >= 0 the left side is L; for a_f, a_g <= 0 it is 0; for a_f >= 0 >= a_g it is p a_f <= L; for
// a_f <= 0 <= a_g it is q a_g <= 0. For any theta in [0, 1] and kappa >= 0
//   max(0, L) <= theta L + T + kappa (L - L0)^2   on L's range,   T = max over the range of max(0, L) - theta L - kappa (L - L0)^2,
// with L0 the value in the middle of the inputs' box. kappa = 0 is a line; a larger kappa lowers T. Over the box |z_j| <= 1 the squares of
// all neurons i, with L_i - L0_i = l_i . z, cost together
//   sum_i kappa_i (l_i . z)^2 <= lambda sum_j d_j   for every d > 0,   lambda the largest eigenvalue of D^-1/2 (sum kappa_i l_i l_i')
//   D^-1/2,
// which many inputs make small: each neuron alone may reach the end of its range, all of them at once may not. This is the dual of a
// semidefinite relaxation of the first stage (Shor's with a diagonal D), in which theta, kappa and d are multipliers.
#pragma once

#include <vector>

#include "twincert/bounds/optimize_pair.hpp"
#include "twincert/bounds/quadratic_search.hpp"

namespace twincert::bounds {

// The first stage of a twin; it must outlive this.
class QuadraticStage {
 public:
  QuadraticStage(const PairStage& stage, const InputSet& set);

  // No pair has a quadratic bound: only those of ReLU have, of networks that read the same input.
  bool empty() const { return planes_.empty(); }

  // `rows` of the values after the stage become forms of the input, upper bounds over the set.
  PairForms bound(const PairForms& rows) const;

 private:
  // Pairs that have no quadratic bound in a row get their planes in `forms`, the others zero.
  QuadraticRows split(const PairForms& rows, PairForms& forms, Vector& shift, Vector& load) const;
  void close(const PairForms& rows, const QuadraticRows& quadratic, const QuadraticMultipliers& multipliers, Index r, PairForms& forms,
             Vector& shift, Vector& load) const;

  const PairStage& stage_;
  std::vector<Index> planes_;          // among the stage's pairs
  Vector half_width_;                  // of the inputs' box, rounded up
  Matrix all_reference_, all_change_;  // W and W - V times the half widths, for live neurons
  Matrix reference_, change_;          // the same for the pairs
  Matrix reference_transpose_, change_transpose_;
  Vector reference_middle_, change_middle_;  // a_f and a_f - a_g of the pairs in the middle
  Vector reference_size_, change_size_;      // bounds of |W| |x| + |b| and of |W - V| |x| + |b - c|
};

}  // namespace twincert::bounds
