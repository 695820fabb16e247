#include "twincert/compress/number_format.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace twincert::compress {

double round_to_integer(double value, bool nearest) { return nearest ? std::nearbyint(value) : std::trunc(value); }

double round_to_format(double value, const FloatFormat& format, bool nearest) {
  if (value == 0.0) return value;
  // Scaling by the power of two that makes the last place 1 is exact: only tiny values are scaled up and only huge ones down.
  const int last_place = std::max(std::ilogb(value), format.minimum_exponent) - (format.precision - 1);
  const double rounded = std::ldexp(round_to_integer(std::ldexp(value, -last_place), nearest), last_place);
  if (std::abs(rounded) >= std::ldexp(1.0, format.maximum_exponent + 1)) {
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  }
  return rounded;
}

double round_to_fixed_point(double value, int bits, bool nearest) {
  // From 2^52 on every double is an integer, and the scaling could overflow.
  if (std::abs(value) >= 0x1p52) return value;
  return std::ldexp(round_to_integer(std::ldexp(value, bits), nearest), -bits);
}

}  // namespace twincert::compress
