#include "twincert/core/measure.hpp"

#include "twincert/core/error.hpp"

namespace twincert::core {

double Measure::operator()(const Vector& difference) const {
  switch (kind) {
    case MeasureKind::output:
      if (output < 0 || output >= difference.size()) {
        throw SettingsError("measure: output " + std::to_string(output) + " asked for, but the networks have " +
                            std::to_string(difference.size()) + " outputs");
      }
      return std::abs(difference[output]);
    case MeasureKind::two:
      return difference.stableNorm();
    case MeasureKind::one:
      return difference.lpNorm<1>();
    case MeasureKind::outputs:
    case MeasureKind::inf:
      break;
  }
  return difference.lpNorm<Eigen::Infinity>();
}

std::string to_string(const Measure& measure) {
  switch (measure.kind) {
    case MeasureKind::outputs:
      return "outputs";
    case MeasureKind::output:
      return "output(" + std::to_string(measure.output) + ")";
    case MeasureKind::two:
      return "two";
    case MeasureKind::one:
      return "one";
    case MeasureKind::inf:
      break;
  }
  return "inf";
}

}  // namespace twincert::core
