// What is bounded: a function of the outputs f(x) and g(y).
#pragma once

#include <string>

#include "twincert/core/types.hpp"

namespace twincert::core {

enum class MeasureKind {
  outputs,  // the largest |d_i| of the difference d = f(x) - g(y); every d_i is bounded on both sides
  output,   // |d_output|
  inf,      // the largest |d_i|
  two,      // the 2-norm of d
  one,      // the 1-norm of d
  margin,   // |d_output - d_other|: the change of the margin between two outputs
  top1      // the confidence f_i - max_{k != i} f_k of f, i its class, where some other output of g reaches g_i; 0 where none does
};

// Most outputs for which top1 is bounded: its pairs of outputs are quadratic in them.
inline constexpr Index top1_outputs = 128;

struct Measure {
  MeasureKind kind = MeasureKind::inf;
  Index output = 0;  // for MeasureKind::output and margin
  Index other = 0;   // for MeasureKind::margin

  // SettingsError unless networks with this many outputs have such a measure.
  void validate(Index outputs) const;

  // float64 value at two output vectors of equal size; all but top1 depend on their float64 difference only. NaN where that is not a
  // number.
  double operator()(const Vector& reference, const Vector& compressed) const;
};

// The name of a kind, and back (SettingsError lists the kinds).
std::string to_string(MeasureKind kind);
MeasureKind measure_kind(const std::string& name);
std::string to_string(const Measure& measure);

}  // namespace twincert::core
