#include "twincert/compress/quantize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "twincert/compress/number_format.hpp"
#include "twincert/core/error.hpp"

namespace twincert::compress {

namespace {

using core::Index;
using core::Matrix;
using core::Vector;
using network::Dense;
using network::Layer;
using network::Network;

constexpr int minimum_bits = 2;
constexpr int maximum_bits = 16;

template <typename Enum, std::size_t count>
Enum find_name(const std::array<std::pair<std::string_view, Enum>, count>& names, const std::string& option, const std::string& name) {
  std::string known;
  for (const auto& [text, value] : names) {
    if (text == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  throw core::SettingsError(option + ": expected one of " + known + "; found '" + name + "'");
}

// One scale for the whole group of weights. A group so small that its scale underflows becomes zero.
void quantize_symmetric(Eigen::Ref<Matrix> weights, int bits, bool nearest) {
  const double largest = std::ldexp(1.0, bits - 1) - 1.0;
  const double scale = weights.cwiseAbs().maxCoeff() / largest;
  for (double& weight : weights.reshaped()) {
    weight = scale > 0.0 ? scale * std::clamp(round_to_integer(weight / scale, nearest), -largest, largest) : 0.0;
  }
}

// The range is widened to contain zero, so that zero has an exact code.
void quantize_affine(Eigen::Ref<Matrix> weights, int bits, bool nearest) {
  const double levels = std::ldexp(1.0, bits) - 1.0;
  const double lower = std::min(weights.minCoeff(), 0.0);
  const double upper = std::max(weights.maxCoeff(), 0.0);
  // Two divisions instead of one: upper - lower can overflow.
  const double scale = upper / levels - lower / levels;
  const double zero = scale > 0.0 ? std::clamp(round_to_integer(-lower / scale, true), 0.0, levels) : 0.0;
  for (double& weight : weights.reshaped()) {
    weight = scale > 0.0 ? scale * (std::clamp(round_to_integer(weight / scale, nearest) + zero, 0.0, levels) - zero) : 0.0;
  }
}

void quantize_integer(Matrix& weight, const QuantizeOptions& options) {
  const auto quantize_group = options.scheme == QuantizeScheme::symmetric ? quantize_symmetric : quantize_affine;
  const bool nearest = options.rounding == Rounding::nearest;
  if (!options.per_channel) return quantize_group(weight, options.bits, nearest);
  for (Index i = 0; i < weight.rows(); ++i) {
    Matrix row = weight.row(i);
    quantize_group(row, options.bits, nearest);
    weight.row(i) = row;
  }
}

double convert(double value, const QuantizeOptions& options) {
  const bool nearest = options.rounding == Rounding::nearest;
  if (options.scheme == QuantizeScheme::fixed_point) return round_to_fixed_point(value, options.bits, nearest);
  return round_to_format(value, options.scheme == QuantizeScheme::float16 ? binary16 : bfloat16_format, nearest);
}

// Every value on its own; `where` names the parameter in the error about values that the format cannot hold.
template <typename Values>
void convert_each(Values& values, const QuantizeOptions& options, const std::string& where) {
  for (Index j = 0; j < values.cols(); ++j) {
    for (Index i = 0; i < values.rows(); ++i) {
      const double converted = convert(values(i, j), options);
      if (!std::isfinite(converted)) {
        std::ostringstream message;
        message.precision(17);
        message << "scheme " << (options.scheme == QuantizeScheme::float16 ? "float16" : "bfloat16") << ": expected values of size at most "
                << (options.scheme == QuantizeScheme::float16 ? 65504.0 : 0x1.fep127) << "; found " << values(i, j) << " in the " << where
                << ", row " << i;
        if (values.cols() > 1) message << ", column " << j;
        throw core::SettingsError(message.str());
      }
      values(i, j) = converted;
    }
  }
}

}  // namespace

QuantizeScheme quantize_scheme(const std::string& name) {
  static constexpr std::array<std::pair<std::string_view, QuantizeScheme>, 5> names{{{"symmetric", QuantizeScheme::symmetric},
                                                                                     {"affine", QuantizeScheme::affine},
                                                                                     {"fixed_point", QuantizeScheme::fixed_point},
                                                                                     {"float16", QuantizeScheme::float16},
                                                                                     {"bfloat16", QuantizeScheme::bfloat16}}};
  return find_name(names, "scheme", name);
}

Rounding rounding(const std::string& name) {
  static constexpr std::array<std::pair<std::string_view, Rounding>, 2> names{
      {{"nearest", Rounding::nearest}, {"truncate", Rounding::truncate}}};
  return find_name(names, "rounding", name);
}

Network quantize(const Network& network, const QuantizeOptions& options) {
  if (options.bits < minimum_bits || options.bits > maximum_bits) {
    throw core::SettingsError("bits: expected an integer from " + std::to_string(minimum_bits) + " to " + std::to_string(maximum_bits) +
                              "; found " + std::to_string(options.bits));
  }
  const bool integer = options.scheme == QuantizeScheme::symmetric || options.scheme == QuantizeScheme::affine;
  std::vector<Layer> layers = network.layers();
  for (std::size_t k = 0; k < layers.size(); ++k) {
    auto* const dense = std::get_if<Dense>(&layers[k].operation);
    if (dense == nullptr) continue;
    if (integer) {
      quantize_integer(dense->weight, options);
    } else {
      const std::string where = " of layer " + std::to_string(k) + " ('" + layers[k].name + "')";
      convert_each(dense->weight, options, "weight" + where);
      convert_each(dense->bias, options, "bias" + where);
    }
  }
  return Network(network.input_size(), std::move(layers));
}

}  // namespace twincert::compress
