// Which rows and cliques a relaxation has within the memory limit, decided before anything is built.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/settings.hpp"

namespace twincert::solver {

struct RowPlan {
  relax::RowOptions rows;
  std::vector<relax::CliqueSize> sizes;
  double memory;        // GiB that relaxation and method take, estimated from above
  std::string refusal;  // empty when that is within the limit, else what is needed and what would fit
};

// The rows asked for, or else those that pay; of these fewer when memory does not allow them. Affine measures are about the inputs, which
// are then never reduced. `more` are bytes that whoever solves takes besides.
RowPlan plan_rows(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds,
                  const std::optional<relax::RowOptions>& asked, relax::ObjectiveKind kind, const Settings& settings,
                  const std::function<double(const std::vector<relax::CliqueSize>&)>& more = {});

}  // namespace twincert::solver
