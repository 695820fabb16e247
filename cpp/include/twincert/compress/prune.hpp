// Pruning: parameters set to zero, sizes unchanged, biases kept.
#pragma once

#include <string>

#include "twincert/core/types.hpp"
#include "twincert/network/network.hpp"

namespace twincert::compress {

// magnitude  the weights of smallest absolute value become zero.
// row        whole neurons: score = 2-norm of the incoming row, the rows of smallest score become zero (Li, Drummond, Duncan,
//            arXiv 2012.00138). Never in the last dense layer: its rows are the outputs.
// n_m        of every m consecutive weights of a row the n of largest absolute value stay ("2:4"); a shorter last group keeps at most n.
enum class PruneStructure { magnitude, row, n_m };

// Whether the smallest are chosen within each dense layer or among all of them at once.
enum class PruneScope { layer, global };

// Of c candidates (per layer, or in all) the nearest integer to sparsity * c, ties to even, become zero; those that are zero already count.
// Equal values: the earlier layer, row, column goes first. n_m reads n and m instead of sparsity.
struct PruneOptions {
  double sparsity = 0.3;  // 0 to 1
  PruneStructure structure = PruneStructure::magnitude;
  PruneScope scope = PruneScope::layer;
  core::Index n = 2;  // n_m: 1 to m - 1
  core::Index m = 4;  // n_m: 2 to 1024
};

// "magnitude", "row", or "n:m" in digits, as in "2:4". Sets structure, n and m; SettingsError on anything else.
void set_structure(PruneOptions& options, const std::string& text);
PruneScope prune_scope(const std::string& name);  // SettingsError on unknown names

// SettingsError on bad options, on a global scope for n_m, and on row pruning of a network without hidden dense layer.
network::Network prune(const network::Network& network, const PruneOptions& options);

}  // namespace twincert::compress
