// Which row families pay for a twin. More rows tighten the relaxation's limit but slow the solver down.
#pragma once

#include "twincert/relax/relaxation.hpp"

namespace twincert::relax {

// Whether a clique over a single hidden stage has so many variables that what it costs decides what can be bounded at all.
bool is_wide(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds, RowOptions rows);

// Twins whose hidden neurons differ by much compared with their own range, and unpaired ones: reference and slack rows. Near twins: slack
// rows as long as few neurons are unstable. Wide ones: neither, which halves the rows. Deep ones of which few neurons are unstable: only
// these have rows.
RowOptions choose_rows(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds);

}  // namespace twincert::relax
