#include "twincert/network/network.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "twincert/core/error.hpp"

namespace twincert::network {
namespace {

using core::ParseError;
using core::SettingsError;
using core::ShapeError;

// Columns evaluated at once: bounds the memory of large batches and keeps a block in cache.
constexpr Index block_columns = 512;

std::string shown(double value) {
  std::ostringstream text;
  text.precision(17);
  text << value;
  return text.str();
}

std::string describe(const std::vector<Layer>& layers, Index index) {
  const std::string& name = layers[static_cast<std::size_t>(index)].name;
  return "layer " + std::to_string(index) + (name.empty() ? "" : " (\"" + name + "\")");
}

void check_dense(const Dense& dense, Index input_size, const std::string& where) {
  const Matrix& weight = dense.weight;
  if (weight.rows() == 0 || weight.cols() == 0) throw ShapeError(where + ": the weight matrix is empty");
  if (weight.cols() != input_size) {
    throw ShapeError(where + ": the weight matrix has " + std::to_string(weight.cols()) + " columns, but the layer's input has size " +
                     std::to_string(input_size));
  }
  if (dense.bias.size() != weight.rows()) {
    throw ShapeError(where + ": the bias has " + std::to_string(dense.bias.size()) + " entries, but the weight matrix has " +
                     std::to_string(weight.rows()) + " rows");
  }
  for (Index j = 0; j < weight.cols(); ++j) {
    for (Index i = 0; i < weight.rows(); ++i) {
      if (!std::isfinite(weight(i, j))) {
        throw ParseError(where + ": weight[" + std::to_string(i) + ", " + std::to_string(j) + "] is " + std::to_string(weight(i, j)) +
                         ", expected a finite number");
      }
    }
  }
  for (Index i = 0; i < dense.bias.size(); ++i) {
    if (!std::isfinite(dense.bias[i])) {
      throw ParseError(where + ": bias[" + std::to_string(i) + "] is " + std::to_string(dense.bias[i]) + ", expected a finite number");
    }
  }
}

// Beyond these, indices of levels, half steps and their products would not be doubles exactly.
constexpr double most_levels = 0x1p24;
constexpr double largest_step = 0x1p400;

void check_staircase(const Activation& activation, const std::string& where) {
  const auto [kind, slope, lower, upper, step] = activation;
  const std::string name = where + ": " + to_string(kind);
  if (!(step >= 1.0 / largest_step && step <= largest_step)) {
    throw SettingsError(name + " has the step " + shown(step) + ", expected a positive number from 2^-400 to 2^400");
  }
  if (!(lower < upper && std::isfinite(lower) && std::isfinite(upper))) {
    throw SettingsError(name + " has the limits " + shown(lower) + " and " + shown(upper) + ", expected finite lower < upper");
  }
  for (const double limit : {lower, upper}) {
    const double index = std::round(limit / step);
    if (!(std::abs(index) <= most_levels)) {
      throw SettingsError(name + " has the limit " + shown(limit) + ", expected at most 2^24 steps of " + shown(step));
    }
    if (std::fma(index, step, -limit) != 0.0) {
      throw SettingsError(name + " has the limit " + shown(limit) + ", expected a multiple of its step " + shown(step));
    }
  }
  int exponent = 0;
  double digits = std::ldexp(std::frexp(step, &exponent), 53);
  while (std::fmod(digits, 2.0) == 0.0) digits *= 0.5;
  if (digits * std::round(std::max(std::abs(lower), std::abs(upper)) / step) > 0x1p53) {
    throw SettingsError(name + " has the step " + shown(step) + ", whose multiples up to the limits are not doubles exactly; expected " +
                        "fewer digits, e.g. a power of two or a float32");
  }
}

// Also clears the parameters that the kind does not use, so that equal functions compare equal.
Activation checked(const Activation& activation, const std::string& where) {
  switch (activation.kind) {
    case ActivationKind::leaky_relu:
      if (!(activation.slope > 0.0 && activation.slope < 1.0)) {
        throw SettingsError(where + ": the slope of leaky_relu is " + std::to_string(activation.slope) + ", expected 0 < slope < 1");
      }
      return {activation.kind, activation.slope};
    case ActivationKind::clip:
      if (!(activation.lower < activation.upper)) {
        throw SettingsError(where + ": clip has the limits " + std::to_string(activation.lower) + " and " +
                            std::to_string(activation.upper) + ", expected lower < upper");
      }
      return {activation.kind, 0.0, activation.lower, activation.upper};
    case ActivationKind::quantize:
    case ActivationKind::quantize_even:
      check_staircase(activation, where);
      return {activation.kind, 0.0, activation.lower, activation.upper, activation.step};
    default:
      return {activation.kind};
  }
}

// Indices of the layers between input and output, in order of evaluation.
std::vector<std::size_t> path(const std::vector<Layer>& layers) {
  std::vector<std::size_t> indices;
  for (Index index = static_cast<Index>(layers.size()) - 1; index >= 0; index = layers[indices.back()].inputs.front()) {
    indices.push_back(static_cast<std::size_t>(index));
  }
  std::reverse(indices.begin(), indices.end());
  return indices;
}

Stage identity_stage(Index size, const Activation& activation) { return {Matrix::Identity(size, size), Vector::Zero(size), activation}; }

std::vector<Stage> normal_form(const std::vector<Layer>& layers, Index input_size) {
  std::vector<Stage> stages;
  bool open = false;  // the last stage may still take an activation
  for (const std::size_t index : path(layers)) {
    if (const auto* dense = std::get_if<Dense>(&layers[index].operation)) {
      stages.push_back({dense->weight, dense->bias, {}});
      open = true;
      continue;
    }
    const auto& activation = std::get<Activation>(layers[index].operation);
    if (activation.kind == ActivationKind::identity) continue;
    if (open) {
      stages.back().activation = activation;
    } else {
      stages.push_back(identity_stage(stages.empty() ? input_size : stages.back().bias.size(), activation));
    }
    open = false;
  }
  if (stages.empty() || stages.back().activation.kind != ActivationKind::identity) {
    stages.push_back(identity_stage(stages.empty() ? input_size : stages.back().bias.size(), {}));
  }
  return stages;
}

}  // namespace

Network::Network(Index input_size, std::vector<Layer> layers) : input_size_(input_size), output_size_(0), layers_(std::move(layers)) {
  if (input_size < 1) throw ShapeError("a network's input size must be at least 1, not " + std::to_string(input_size));
  if (layers_.empty()) throw ShapeError("a network needs at least one layer, none was given");
  std::vector<Index> sizes;
  for (Index index = 0; index < static_cast<Index>(layers_.size()); ++index) {
    Layer& layer = layers_[static_cast<std::size_t>(index)];
    const std::string where = describe(layers_, index);
    if (layer.inputs.size() != 1) {
      throw ShapeError(where + " has " + std::to_string(layer.inputs.size()) + " inputs, expected exactly one");
    }
    const Index source = layer.inputs.front();
    if (source < -1 || source >= index) {
      throw ShapeError(where + " reads from " + std::to_string(source) + ", expected the network's input (-1) or an earlier layer");
    }
    const Index size = source < 0 ? input_size_ : sizes[static_cast<std::size_t>(source)];
    if (const auto* dense = std::get_if<Dense>(&layer.operation)) {
      check_dense(*dense, size, where);
      sizes.push_back(dense->weight.rows());
    } else {
      layer.operation = checked(std::get<Activation>(layer.operation), where);
      sizes.push_back(size);
    }
  }
  output_size_ = sizes.back();
  stages_ = normal_form(layers_, input_size_);
}

Network Network::from_arrays(const std::vector<Dense>& layers, const Activation& activation) {
  if (layers.empty()) throw ShapeError("a network needs at least one (weight, bias) pair, none was given");
  std::vector<Layer> graph;
  for (std::size_t k = 0; k < layers.size(); ++k) {
    graph.push_back({"dense_" + std::to_string(k), layers[k], {static_cast<Index>(graph.size()) - 1}});
    if (k + 1 < layers.size() && activation.kind != ActivationKind::identity) {
      graph.push_back({to_string(activation.kind) + "_" + std::to_string(k), activation, {static_cast<Index>(graph.size()) - 1}});
    }
  }
  return Network(layers.front().weight.cols(), std::move(graph));
}

Matrix Network::evaluate(const Matrix& points) const {
  if (points.rows() != input_size_) {
    throw ShapeError("the network takes inputs of size " + std::to_string(input_size_) + ", got points of size " +
                     std::to_string(points.rows()));
  }
  const std::vector<std::size_t> order = path(layers_);
  Matrix outputs(output_size_, points.cols());
  for (Index start = 0; start < points.cols(); start += block_columns) {
    const Index count = std::min(block_columns, points.cols() - start);
    Matrix values = points.middleCols(start, count);
    for (const std::size_t index : order) {
      if (const auto* dense = std::get_if<Dense>(&layers_[index].operation)) {
        Matrix next = dense->bias.replicate(1, count);
        next.noalias() += dense->weight * values;
        values.swap(next);
      } else {
        const auto& activation = std::get<Activation>(layers_[index].operation);
        values = values.unaryExpr([&](double x) { return activation(x); }).eval();
      }
    }
    outputs.middleCols(start, count) = values;
  }
  return outputs;
}

Index Network::parameter_count() const {
  Index count = 0;
  for (const Layer& layer : layers_) {
    if (const auto* dense = std::get_if<Dense>(&layer.operation)) count += dense->weight.size() + dense->bias.size();
  }
  return count;
}

}  // namespace twincert::network
