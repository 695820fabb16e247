// How an iteration ended, and what is known about a threshold. Never mixed.
#pragma once

#include <string>

namespace twincert::core {

enum class Status { converged, iteration_limit, time_limit, interrupted, threshold_reached, size_limit, propagation_only, numerical_error };
enum class Verdict { holds, violated, unknown };

std::string to_string(Status status);
std::string to_string(Verdict verdict);

}  // namespace twincert::core
