// A feed-forward network: an immutable graph of layers, and its normal form as a chain of stages.
#pragma once

#include <string>
#include <vector>

#include "twincert/network/layer.hpp"

namespace twincert::network {

// One node of the graph. `inputs` are indices of earlier nodes, -1 is the network's input; the last node is the output.
struct Layer {
  std::string name;
  Operation operation;
  std::vector<Index> inputs;
};

// activation(weight x + bias); the last stage of a network always has the identity as its activation.
struct Stage {
  Matrix weight;
  Vector bias;
  Activation activation;
};

class Network {
 public:
  // Checks sizes, finiteness and indices: ShapeError or ParseError naming the layer.
  Network(Index input_size, std::vector<Layer> layers);

  // The chain weight/bias, activation, ..., without activation after the last pair.
  static Network from_arrays(const std::vector<Dense>& layers, const Activation& activation);

  Index input_size() const { return input_size_; }
  Index output_size() const { return output_size_; }
  const std::vector<Layer>& layers() const { return layers_; }

  // Normal form: the layers between input and output as stages, identity weights inserted where an activation follows an
  // activation or the input; no weights are multiplied together, so the function is the same in exact arithmetic.
  const std::vector<Stage>& stages() const { return stages_; }

  // float64; points (input_size x N), one point a column; returns (output_size x N). ShapeError on a wrong size.
  Matrix evaluate(const Matrix& points) const;

  Index parameter_count() const;

 private:
  Index input_size_;
  Index output_size_;
  std::vector<Layer> layers_;
  std::vector<Stage> stages_;
};

}  // namespace twincert::network
