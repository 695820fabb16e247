#include "twincert/compress/prune.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <utility>
#include <variant>
#include <vector>

#include "twincert/core/error.hpp"

namespace twincert::compress {

namespace {

using core::Index;
using core::Matrix;
using network::Dense;
using network::Layer;
using network::Network;

constexpr Index maximum_group = 1024;

// A weight, or with column -1 a whole row, that may become zero.
struct Candidate {
  double score;
  std::size_t layer;
  Index row;
  Index column;
};

// Summed in a fixed order, so that ties fall the same way on every machine; scaled, so that no square overflows or vanishes.
double row_norm(const Matrix& weight, Index row) {
  const double scale = weight.row(row).cwiseAbs().maxCoeff();
  if (scale == 0.0) return 0.0;
  double sum = 0.0;
  for (Index j = 0; j < weight.cols(); ++j) {
    const double ratio = weight(row, j) / scale;
    sum += ratio * ratio;
  }
  return scale * std::sqrt(sum);
}

void add_candidates(const Matrix& weight, std::size_t layer, PruneStructure structure, std::vector<Candidate>& candidates) {
  for (Index i = 0; i < weight.rows(); ++i) {
    if (structure == PruneStructure::row) {
      candidates.push_back({row_norm(weight, i), layer, i, -1});
    } else {
      for (Index j = 0; j < weight.cols(); ++j) candidates.push_back({std::abs(weight(i, j)), layer, i, j});
    }
  }
}

// Zeroes the share `sparsity` of smallest score; candidates come in order of layer, row, column, which the stable sort keeps among equals.
void zero_smallest(std::vector<Candidate>& candidates, double sparsity, const std::vector<Dense*>& dense) {
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.score < b.score; });
  const auto count = static_cast<std::size_t>(std::nearbyint(sparsity * static_cast<double>(candidates.size())));
  for (std::size_t k = 0; k < count; ++k) {
    const Candidate& chosen = candidates[k];
    Matrix& weight = dense[chosen.layer]->weight;
    if (chosen.column < 0) {
      weight.row(chosen.row).setZero();
    } else {
      weight(chosen.row, chosen.column) = 0.0;
    }
  }
}

void prune_groups(Matrix& weight, Index keep, Index size) {
  std::vector<Index> order;
  for (Index i = 0; i < weight.rows(); ++i) {
    for (Index start = 0; start < weight.cols(); start += size) {
      order.clear();
      for (Index j = start; j < std::min(start + size, weight.cols()); ++j) order.push_back(j);
      std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return std::abs(weight(i, a)) < std::abs(weight(i, b)); });
      for (Index k = 0; k + keep < static_cast<Index>(order.size()); ++k) weight(i, order[static_cast<std::size_t>(k)]) = 0.0;
    }
  }
}

void check(const PruneOptions& options) {
  std::ostringstream message;
  if (!(options.sparsity >= 0.0 && options.sparsity <= 1.0)) {
    message << "sparsity: expected a number from 0 to 1; found " << options.sparsity;
  } else if (options.structure == PruneStructure::n_m && !(options.n >= 1 && options.n < options.m && options.m <= maximum_group)) {
    message << "structure n:m: expected 1 <= n < m <= " << maximum_group << "; found " << options.n << ":" << options.m;
  } else if (options.structure == PruneStructure::n_m && options.scope == PruneScope::global) {
    message << "scope: expected layer for structure n:m, which compares weights within groups of m only; found global";
  } else {
    return;
  }
  throw core::SettingsError(message.str());
}

[[noreturn]] void refuse_structure(const std::string& text) {
  throw core::SettingsError("structure: expected magnitude, row, or n:m with integers 1 <= n < m <= " + std::to_string(maximum_group) +
                            ", as in 2:4; found '" + text + "'");
}

Index parse_count(const std::string& text, std::size_t begin, std::size_t end) {
  Index value = 0;
  const char* const last = text.data() + end;
  const auto [stop, error] = std::from_chars(text.data() + begin, last, value);
  if (error != std::errc() || stop != last) refuse_structure(text);
  return value;
}

}  // namespace

void set_structure(PruneOptions& options, const std::string& text) {
  if (text == "magnitude" || text == "row") {
    options.structure = text == "row" ? PruneStructure::row : PruneStructure::magnitude;
    return;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) refuse_structure(text);
  options.structure = PruneStructure::n_m;
  options.n = parse_count(text, 0, colon);
  options.m = parse_count(text, colon + 1, text.size());
}

PruneScope prune_scope(const std::string& name) {
  if (name == "layer") return PruneScope::layer;
  if (name == "global") return PruneScope::global;
  throw core::SettingsError("scope: expected one of layer, global; found '" + name + "'");
}

Network prune(const Network& network, const PruneOptions& options) {
  check(options);
  std::vector<Layer> layers = network.layers();
  std::vector<Dense*> dense;
  for (Layer& layer : layers) {
    if (auto* const operation = std::get_if<Dense>(&layer.operation)) dense.push_back(operation);
  }
  if (options.structure == PruneStructure::n_m) {
    for (Dense* const layer : dense) prune_groups(layer->weight, options.n, options.m);
    return Network(network.input_size(), std::move(layers));
  }
  const bool rows = options.structure == PruneStructure::row;
  if (rows && dense.size() < 2) {
    throw core::SettingsError(
        "structure row: expected a network with at least 2 dense layers, as the last one's rows are the outputs; found " +
        std::to_string(dense.size()));
  }
  std::vector<Candidate> candidates;
  for (std::size_t k = 0; k + (rows ? 1 : 0) < dense.size(); ++k) {
    add_candidates(dense[k]->weight, k, options.structure, candidates);
    if (options.scope == PruneScope::global) continue;
    zero_smallest(candidates, options.sparsity, dense);
    candidates.clear();
  }
  zero_smallest(candidates, options.sparsity, dense);
  return Network(network.input_size(), std::move(layers));
}

}  // namespace twincert::compress
