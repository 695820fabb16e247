// What an activation contributes to a clique: rows of one neuron (or a pair) and facts about their products.
#pragma once

#include <optional>
#include <vector>

#include "twincert/relax/layer_rows.hpp"
#include "twincert/relax/row_set.hpp"

namespace twincert::relax {

// act(a) = slope a + offset on the whole interval, exactly.
struct LinearPiece {
  double slope;
  double offset;

  bool operator==(const LinearPiece&) const = default;
};

// The linear piece that covers the interval, if one does ("stable" neurons).
std::optional<LinearPiece> linear_piece(const network::Activation& activation, Interval before);

// Which rows of the layer after a stage belong to neurons that are linear, in both networks where they are paired.
std::vector<bool> linear_rows(const network::StagePair& stage, const bounds::StageBounds& bounds, const LayerRows& layer);

// One neuron of one network: the forms of a and x = act(a) with their intervals.
struct NeuronForms {
  Form before;
  Form after;
  Interval before_interval;
  Interval after_interval;
  bool nonlinear;
};

// Rows of the nonnegative slacks whose product is zero (piecewise linear) or nonnegative (sector); what a pair needs of them.
struct NeuronRows {
  Index positive = -1;  // x - slope a >= 0
  Index negative = -1;  // x - a >= 0 (ReLU and leaky ReLU)
};

NeuronRows add_neuron_rows(RowSet& rows, const network::Activation& activation, const NeuronForms& neuron, const RowOptions& options);

// Rows that couple neuron i of f with neuron i of g, at the scale of their difference (relaxation.md, section 2).
struct PairForms {
  NeuronForms reference;
  NeuronForms compressed;
  Form difference_before;  // delta
  Form difference_after;   // d
  Interval difference_before_interval;
  Interval difference_after_interval;
};

void add_pair_rows(RowSet& rows, const network::Activation& activation, const PairForms& pair, NeuronRows reference_rows,
                   NeuronRows compressed_rows, Index difference_row);

}  // namespace twincert::relax
