// Which row families pay for a twin. More rows tighten the relaxation's limit but slow the solver down.
#pragma once

#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/relax/options.hpp"

namespace twincert::relax {

// Twins whose hidden neurons differ by much compared with their own range, and unpaired ones: reference and slack rows. Near twins: slack
// rows as long as few neurons are unstable.
RowOptions choose_rows(const network::Twin& twin, const bounds::TwinBounds& bounds);

}  // namespace twincert::relax
