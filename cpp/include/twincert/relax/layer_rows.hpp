// The rows that two neighbouring cliques share: centred and scaled values x, y and d = x - y of one layer.
//
// Scales are powers of two and centres are doubles, so a row is an affine functional with exactly representable coefficients: prover
// and checker mean the same functional to the last bit.
#pragma once

#include <vector>

#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/relax/options.hpp"

namespace twincert::relax {

using core::Index;
using core::Interval;
using core::IntervalVector;
using core::Matrix;
using core::Vector;

// Proven intervals of a layer's values after the activation (or of the inputs); d is empty for unpaired layers.
struct LayerValues {
  IntervalVector reference;
  IntervalVector compressed;
  IntervalVector difference;
  bool paired;
};

LayerValues input_values(const sets::InputSet& set);
LayerValues stage_values(const network::StagePair& stage, const bounds::StageBounds& bounds);

enum class Side { reference, compressed, difference };

// The functional (value - center) 2^exponent with its proven interval of magnitude at most about 1.
struct SharedRow {
  Side side;
  Index neuron;
  double center;
  int exponent;
  Interval interval;
};

// Positions in LayerRows::rows of the rows that determine a neuron's x, y and d; -1 where the value is constant or follows from the others.
struct DefiningRows {
  Index reference = -1;
  Index compressed = -1;
  Index difference = -1;
};

struct LayerRows {
  LayerValues values;
  std::vector<SharedRow> rows;
  std::vector<DefiningRows> defining;  // per neuron (of the wider network when unpaired)
};

LayerRows layer_rows(LayerValues values, const RowOptions& options);

// Widths so small that a value is treated as constant and a difference as absent; they go into the rows' error terms instead.
bool is_constant(Interval value);
bool negligible_difference(Interval difference, Interval reference, Interval compressed);

// Smallest e with magnitude <= 2^e, negated: scaling by 2^(that) brings the magnitude into (1/2, 1].
int scale_exponent(double magnitude);

// (value - center) 2^exponent, outward rounded.
Interval scaled(Interval value, double center, int exponent);

}  // namespace twincert::relax
