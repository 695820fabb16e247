// Random numbers that are the same on every platform for the same seed.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

#include "twincert/core/types.hpp"

namespace twincert::core {

// The standard fixes mt19937_64 bit for bit but not its distributions, hence the hand-written ones.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }  // in [0, 1)
  bool coin() { return (engine_() >> 63) != 0; }
  Index below(Index count) { return static_cast<Index>(uniform() * static_cast<double>(count)); }
  double normal() { return std::sqrt(-2.0 * std::log1p(-uniform())) * std::cos(6.283185307179586 * uniform()); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace twincert::core
