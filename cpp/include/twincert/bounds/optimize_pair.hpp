// Optimised planes of pairs of neurons, for blocks of rows p f + q g.
#pragma once

#include <memory>
#include <vector>

#include "twincert/bounds/optimize_kernels.hpp"
#include "twincert/bounds/optimize_single.hpp"

namespace twincert::bounds {

inline constexpr int pair_steps = 20;
inline constexpr int last_pair_steps = 100;

// A neuron of both networks over a polygon, and where it is among the free neurons of each network (-1: not there).
struct PlaneNeuron {
  Index column;
  Index free_reference, free_compressed;
  std::vector<double> x, y, f, d;
  PlaneTable table;
};

// Both networks' relaxed stage.
struct PairStage {
  const BackwardPass::Relaxed* relaxed;
  const network::Activation* reference_activation;
  const network::Activation* compressed_activation;
  FreeStage reference;
  FreeStage compressed;
  std::vector<PlaneNeuron> planes;
  Matrix weight_change;  // W_f - W_g where both read paired values
  Matrix weight_change_transpose;

  PairStage(const BackwardPass::Relaxed& relaxed, const network::StagePair& pair, const StageBounds& bounds, bool paired_input);

  bool paired() const { return !relaxed->pairs.empty(); }
};

// Slopes of lower lines per stage (rows x free) for the rows of both networks.
struct PairSlopes {
  std::vector<Matrix> reference;
  std::vector<Matrix> compressed;
};

// Upper bounds of reference + compressed, rows of the values after the last of `stages`. Starts with the better of the fixed facets and
// both networks' lines with `slopes`; after every step the next one shrinks by `decay`.
PairForms optimize_planes(const std::vector<PairStage>& stages, const InputSet& set, const PairForms& start, const PairSlopes& slopes,
                          int steps, double decay);

}  // namespace twincert::bounds
