#include "twincert/core/status.hpp"

namespace twincert::core {

std::string to_string(Status status) {
  switch (status) {
    case Status::converged:
      return "converged";
    case Status::iteration_limit:
      return "iteration_limit";
    case Status::time_limit:
      return "time_limit";
    case Status::interrupted:
      return "interrupted";
    case Status::threshold_reached:
      return "threshold_reached";
    case Status::size_limit:
      return "size_limit";
    case Status::propagation_only:
      return "propagation_only";
    case Status::numerical_error:
      return "numerical_error";
  }
  return "";
}

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::holds:
      return "holds";
    case Verdict::violated:
      return "violated";
    case Verdict::unknown:
      return "unknown";
  }
  return "";
}

}  // namespace twincert::core
