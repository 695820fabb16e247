// Quadratic upper bounds of ReLU pairs, passed from stage to stage: what planes lose falls with the number of inputs.
//
// Each neuron alone may reach the end of its range, all of them at once may not. So a row p y_f + q y_g of a stage's values is bounded by a
// plane and a parabola kappa (L - L0)^2 for each pair (quadratic_pair.hpp). L - L0 is linear in z, the stage's inputs (of f, and of f minus
// g) counted from their middles, and so all parabolas of the stage cost together
//   sum_i kappa_i (l_i . z)^2 <= lambda sum_j d_j z_j^2   for every d > 0, lambda the largest eigenvalue of D^-1/2 (sum kappa_i l_i l_i')
//   D^-1/2.
// At the network's inputs |z_j| <= 1 closes it. Anywhere else z_j is the value of a neuron of the stage before: with its middle relu(c),
//   (relu(a_f) - relu(c))^2 <= (a_f - c)^2,   (relu(a_f) - relu(a_g))^2 <= (a_f - a_g)^2 = (a_f - a_g - m)^2 + 2 m (a_f - a_g) - m^2
// since relu is 1-Lipschitz, and these squares of linear forms join the squares of that stage's own parabolas; the linear rest joins the
// row. This is a dual of Shor's relaxation of the twin (diagonal between the stages) that is never formed: slopes, kappa and d are its
// multipliers. No matrix is larger than a stage, and only products with the weights are needed to improve the multipliers.
#pragma once

#include <functional>
#include <vector>

#include "twincert/bounds/optimize_pair.hpp"
#include "twincert/bounds/quadratic_search.hpp"

namespace twincert::bounds {

// The hidden stages of a twin and what is proven of their values; all must outlive this.
class QuadraticChain {
 public:
  QuadraticChain(const std::vector<PairStage>& stages, const std::vector<StageBounds>& bounds, const InputSet& set);

  // There are no such bounds: they need ReLU everywhere, paired stages, one input for both networks, and a pair that is not affine.
  bool empty() const { return search_.empty(); }

  // `rows` of the values after the last stage become forms of the input, upper bounds over the set, after a search of so many steps. They
  // are asked for until `go_on` says no: then some are infinite.
  PairForms bound(const PairForms& rows, int steps, const std::function<bool()>& go_on) const;

 private:
  // What bounds the rounding of the neurons that search_ has. A value's distance from its middle is at most its range.
  struct Sizes {
    Vector reference, change;  // |W| |x| + |b| for a_f and for a_f - a_g
    Vector reference_range, change_range;
    double input_sum;  // of the magnitudes of the stage's inputs
  };
  // Rows at one stage, on the way down from the outputs.
  struct Descent {
    PairForms forms;
    Matrix value_weight, change_weight;  // of the squares of the stage's values; none behind the last stage
    Vector shift, load;                  // what the stage adds to the constants, and the scale of its rounding (PairRows)
    Vector cost;                         // what else it adds, an upper bound
  };

  void add_stage(const PairStage& stage, const std::vector<Index>& neurons, const StageBounds& bounds, const InputSet& set);
  QuadraticRows split(const PairForms& rows) const;
  void relax(std::size_t k, Index r, const QuadraticMultipliers& multipliers, Descent& rows, Matrix& input_weight) const;

  const std::vector<PairStage>& stages_;
  Vector half_width_;  // of the inputs' box, rounded up
  std::vector<QuadraticStage> search_;
  std::vector<Sizes> sizes_;
};

}  // namespace twincert::bounds
