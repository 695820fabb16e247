// Quantisation of a network's parameters: the twin holds, in float64, the values that the low-precision kernel computes with.
#pragma once

#include <string>

#include "twincert/network/network.hpp"

namespace twincert::compress {

// What a stored weight stands for. s is a scale and z a zero point, one of each per group of weights (see QuantizeOptions::per_channel).
//   symmetric    s k,       k an integer in [-(2^(bits-1) - 1), 2^(bits-1) - 1],  s = max|w| / (2^(bits-1) - 1)
//   affine       s (k - z), k, z integers in [0, 2^bits - 1],  s = (max(w, 0) - min(w, 0)) / (2^bits - 1),  z = nearest to -min(w, 0) / s
//   fixed_point  k 2^-bits, k an integer (Li, Drummond, Duncan, arXiv 2012.00138, with `bits` fractional bits, truncated towards zero)
//   float16      IEEE 754 binary16, subnormals included
//   bfloat16     the upper half of IEEE 754 binary32, subnormals included
// Biases: symmetric and affine keep them as they are, as integer deployments do (their int32 biases are finer than any other step);
// fixed_point, float16 and bfloat16 convert them as they convert the weights.
enum class QuantizeScheme { symmetric, affine, fixed_point, float16, bfloat16 };

// nearest: to nearest, ties to even; truncate: towards zero (for affine: of w / s, before the zero point is added).
enum class Rounding { nearest, truncate };

struct QuantizeOptions {
  int bits = 8;  // 2 to 16; float16 and bfloat16 have 16 and do not read it
  QuantizeScheme scheme = QuantizeScheme::symmetric;
  bool per_channel = true;  // symmetric and affine: a scale per row of the weight (per output), else one per weight matrix
  Rounding rounding = Rounding::nearest;
};

QuantizeScheme quantize_scheme(const std::string& name);  // SettingsError on unknown names
Rounding rounding(const std::string& name);               // SettingsError on unknown names

// The network with every dense layer's parameters quantised; activations, names and order as they were.
// SettingsError on bad options, or naming layer and value when a parameter lies beyond the format's largest number.
network::Network quantize(const network::Network& network, const QuantizeOptions& options);

}  // namespace twincert::compress
