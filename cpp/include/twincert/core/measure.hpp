// What is bounded: a function of the outputs f(x) and g(y), of the affine measures also of the inputs.
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
  affine,   // weight_x gamma_x + weight gamma for gamma_x, gamma >= 0 with |f(x) - g(y)|^2 <= gamma_x q + gamma, q as `of` says
  top1      // the confidence f_i - max_{k != i} f_k of f, i its class, where some other output of g reaches g_i; 0 where none does
};

// Most outputs for which top1 is bounded: its pairs of outputs are quadratic in them.
inline constexpr Index top1_outputs = 128;

// The q of an affine measure.
enum class AffineInput {
  input,      // |x|^2
  difference  // |x - y|^2
};

// Weights of an affine measure lie between these, which keeps what is computed from them clear of underflow and overflow.
inline constexpr double smallest_weight = 1e-100;
inline constexpr double largest_weight = 1e100;

struct Measure {
  MeasureKind kind = MeasureKind::inf;
  Index output = 0;       // for MeasureKind::output and margin
  Index other = 0;        // for MeasureKind::margin
  double weight_x = 1.0;  // for MeasureKind::affine
  double weight = 1.0;
  AffineInput of = AffineInput::input;

  // SettingsError unless networks with this many outputs have such a measure.
  void validate(Index outputs) const;

  // float64 value at two output vectors of equal size; all but top1 depend on their float64 difference only. NaN where that is not a
  // number. SettingsError for affine measures.
  double operator()(const Vector& reference, const Vector& compressed) const;

  // The same for all measures, f(x) and g(y) being given: that of an affine measure is |f(x) - g(y)|^2 share(x, y), which no weighted sum
  // of valid gamma_x and gamma stays below.
  double at(const Vector& x, const Vector& y, const Vector& reference, const Vector& compressed) const;

  // min(weight, weight_x / q): with |f - g|^2 <= gamma_x q + gamma this times the left side is at most weight_x gamma_x + weight gamma.
  double share(const Vector& x, const Vector& y) const;
};

// The name of a kind, and back (SettingsError lists the kinds).
std::string to_string(MeasureKind kind);
MeasureKind measure_kind(const std::string& name);
std::string to_string(const Measure& measure);
std::string to_string(AffineInput of);
AffineInput affine_input(const std::string& name);  // SettingsError lists the names

}  // namespace twincert::core
