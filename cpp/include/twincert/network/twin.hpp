// A reference network f and its twin g, stage by stage.
#pragma once

#include <vector>

#include "twincert/network/network.hpp"

namespace twincert::network {

// Stage k of f and g side by side. `paired`: equal width, and activations that are equal or both piecewise linear,
// so that neuron i of f is compared with neuron i of g.
// The last stage (the outputs) is always paired.
struct StagePair {
  Stage reference;
  Stage compressed;
  bool paired;
};

class Twin {
 public:
  // ShapeError unless input sizes agree and output sizes agree.
  Twin(Network reference, Network compressed);

  const Network& reference() const { return reference_; }
  const Network& compressed() const { return compressed_; }
  Index input_size() const { return reference_.input_size(); }
  Index output_size() const { return reference_.output_size(); }

  // Both chains, the shallower one padded with identity stages before its last stage.
  const std::vector<StagePair>& stages() const { return stages_; }

  // f(x) - g(y) in float64, columns are points; error(x) is error(x, x).
  Matrix error(const Matrix& x) const;
  Matrix error(const Matrix& x, const Matrix& y) const;

 private:
  Network reference_;
  Network compressed_;
  std::vector<StagePair> stages_;
};

}  // namespace twincert::network
