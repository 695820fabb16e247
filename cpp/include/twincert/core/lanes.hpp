// Four doubles that are worked on at once, for loops that compilers do not vectorise by themselves.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::core {

// Wherever they lie in memory; two registers where the machine has no wider ones. For local variables only.
using Lanes [[gnu::vector_size(32), gnu::aligned(8), gnu::may_alias]] = double;
inline constexpr Index lanes = 4;

}  // namespace twincert::core
