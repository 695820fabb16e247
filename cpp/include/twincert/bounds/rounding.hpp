// What a backward pass adds to its constants so that they stay upper bounds (the analysis is in backward.hpp).
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::bounds {

using core::Index;
using core::Vector;

// x, or infinity where x is NaN or minus infinity (which only overflow produces): those say nothing.
double proven_upper(double x);

// constant + shift after the lines or planes of `neurons` neurons, whose terms sum to `shift` and whose scales (PairRows) to `load`;
// value_sum bounds the sum of the values' magnitudes.
void add_neuron_terms(Eigen::Ref<Vector> constant, const Eigen::Ref<const Vector>& shift, const Eigen::Ref<const Vector>& load,
                      Index neurons, double value_sum);

// constant + shift after an affine map of `terms` coefficients c: `shift` is c . b, `load` |c| . (|W| s + |b|), magnitude_sum bounds
// sum(s).
void add_affine_terms(Eigen::Ref<Vector> constant, const Eigen::Ref<const Vector>& shift, const Eigen::Ref<const Vector>& load, Index terms,
                      double magnitude_sum);

}  // namespace twincert::bounds
