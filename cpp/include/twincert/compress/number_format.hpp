// Rounding of float64 numbers to coarser sets of numbers.
#pragma once

namespace twincert::compress {

// To the nearest integer, ties to even, or towards zero.
double round_to_integer(double value, bool nearest);

// A binary floating-point format: `precision` significant bits, normal exponents minimum_exponent to maximum_exponent, subnormals below.
struct FloatFormat {
  int precision;
  int minimum_exponent;
  int maximum_exponent;
};

inline constexpr FloatFormat binary16{11, -14, 15};
inline constexpr FloatFormat bfloat16_format{8, -126, 127};

// One rounding from float64 to the format (ties to even, or towards zero); infinite where the format's exponents do not suffice.
double round_to_format(double value, const FloatFormat& format, bool nearest);

// value 2^bits rounded to an integer, divided by 2^bits: exact apart from that rounding.
double round_to_fixed_point(double value, int bits, bool nearest);

}  // namespace twincert::compress
