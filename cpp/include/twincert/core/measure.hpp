// What is bounded: a function of the output difference f(x) - g(y).
#pragma once

#include <string>

#include "twincert/core/types.hpp"

namespace twincert::core {

enum class MeasureKind { outputs, output, inf, two, one };

struct Measure {
  MeasureKind kind = MeasureKind::inf;
  Index output = 0;  // for MeasureKind::output

  // float64 value for one difference vector: the largest |d_i|, |d_output|, the 2-norm or the 1-norm.
  double operator()(const Vector& difference) const;
};

std::string to_string(const Measure& measure);

}  // namespace twincert::core
