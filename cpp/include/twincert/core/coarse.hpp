// Numbers without their last bits, on which BLAS libraries do not agree.
#pragma once

#include <bit>
#include <cstdint>

namespace twincert::core {

// The next number with 24 significant bits. A search that starts from such bounds ends at the same place whichever library computed them,
// unless the last bits decide the rounding.
inline double coarse_up(double x) {
  constexpr std::uint64_t dropped = (std::uint64_t{1} << 29) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  return std::bit_cast<double>((x > 0.0 ? bits + dropped : bits) & ~dropped);
}
inline double coarse_down(double x) { return -coarse_up(-x); }

}  // namespace twincert::core
