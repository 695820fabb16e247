// Time, and limits of it.
#pragma once

#include <chrono>
#include <string>

#include "twincert/core/error.hpp"

namespace twincert {

// Seconds since it was made.
class Clock {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// SettingsError for what is no number of seconds above zero.
inline void check_time_limit(double limit) {
  if (!(limit > 0.0)) throw core::SettingsError("time_limit: expected a number of seconds > 0, found " + std::to_string(limit));
}

}  // namespace twincert
