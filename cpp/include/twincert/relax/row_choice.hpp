// Which row families pay for a twin. More rows tighten the relaxation's limit but slow the splitting down.
#pragma once

#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/relax/options.hpp"

namespace twincert::relax {

// Twins whose hidden neurons differ by little compared with their own range: the lean rows. Others, and unpaired ones: reference and
// slack rows as well.
RowOptions choose_rows(const network::Twin& twin, const bounds::TwinBounds& bounds);

}  // namespace twincert::relax
