// The relaxation that certify() solves, as a problem for the generic door.
#pragma once

#include <optional>

#include "twincert/chordal.hpp"
#include "twincert/network/twin.hpp"
#include "twincert/relax/options.hpp"
#include "twincert/sets/input_set.hpp"

namespace twincert {

// Maximise weights . (f(x) - g(y)) over the set, relaxed over the stage bounds that method "sdp" starts from: what the program's bounds
// bound, in exact arithmetic. The rounding of the rows is in the constant, that of evaluating the networks in float64 is not. Row families
// are chosen automatically when absent, as many as solving may take memory for; of the settings, threads and memory_limit count.
//
// ShapeError for weights or a set of another size, ParseError for weights that are not finite; SettingsError for networks without hidden
// stage, stage bounds that are too large for products, and relaxations beyond memory_limit.
ChordalProgram twin_program(const network::Twin& twin, const sets::InputSet& set, const core::Vector& weights,
                            const std::optional<relax::RowOptions>& rows = {}, const solver::Settings& settings = {});

}  // namespace twincert
