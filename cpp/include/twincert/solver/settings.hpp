// The solver's settings, declared once.
#pragma once

#include <cstdint>
#include <vector>

#include "twincert/core/settings_table.hpp"

// X(type, name, default, minimum, maximum, description)
#define TWINCERT_SETTINGS(X)                                                                                                       \
  X(std::int64_t, max_iterations, 5000, 0, 1e9, "iterations of the solver per objective")                                          \
  X(std::int64_t, bound_every, 20, 1, 1e6, "iterations between two evaluations of the valid bound")                                \
  X(double, rho, 0.3, 1e-9, 1e9, "penalty of the splitting, in units of the scaled objective")                                     \
  X(bool, adaptive_rho, true, 0, 1, "rho is where the splitting starts; it then balances multipliers and moments")                 \
  X(double, relaxation, 1.8, 0.1, 1.99, "over-relaxation of the splitting")                                                        \
  X(std::int64_t, memory, 10, 0, 50, "memory of the Anderson acceleration; 0 switches it off")                                     \
  X(double, tolerance, 0.005, 0.0, 1.0,                                                                                            \
    "stop when the valid bound improves by less than this fraction over the last half of the iterations; 0 switches the test off") \
  X(std::int64_t, threads, 0, 0, 1024, "threads over cliques; 0 means one per core")                                               \
  X(std::int64_t, attack_restarts, 64, 0, 1e6, "starting points of the attack")                                                    \
  X(std::int64_t, attack_steps, 40, 0, 1e6, "gradient steps of the attack per starting point")                                     \
  X(std::int64_t, seed, 0, 0, 9e15, "seed of the attack")                                                                          \
  X(std::int64_t, part_limit, 1000000, 1, 1e15, "parts of the input set that branching bounds at most")                            \
  X(std::int64_t, split_inputs, 20, 0, 1e9, "branching splits inputs where at most this many vary, neurons where more do")         \
  X(double, gap, 0.01, 0.0, 1e9, "without a threshold, branching stops when the bound is within this fraction of the witness")     \
  X(double, memory_limit, 8.0, 0.001, 1e6,                                                                                         \
    "GiB that the relaxation may use; where no rows fit, the SDP is refused and propagation's bound stands")

namespace twincert::solver {

struct Settings {
#define TWINCERT_FIELD(type, name, value, minimum, maximum, description) type name = value;
  TWINCERT_SETTINGS(TWINCERT_FIELD)
#undef TWINCERT_FIELD

  bool operator==(const Settings&) const = default;

  // SettingsError naming the first setting outside its range (NaN included).
  void validate() const;
};

const std::vector<core::SettingInfo>& settings_table();

}  // namespace twincert::solver
