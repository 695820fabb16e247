// Which method solves a problem, and what it needs.
#pragma once

#include <memory>
#include <vector>

#include "twincert/core/parallel.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/method.hpp"
#include "twincert/solver/settings.hpp"

namespace twincert::solver {

// The cliques that `rows` asks for; if automatic: a single one where the interior-point method suits it and memory allows, else one per
// stage.
relax::Cliques choose_cliques(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds,
                              const relax::RowOptions& rows, relax::ObjectiveKind kind, const Settings& settings);

// The interior-point method is for a single clique that is not too large, the splitting for all others.
bool suits_interior_point(const std::vector<relax::CliqueSize>& sizes);
// Nor may it have thousands of fixed entries: those of twins are fewer than their variables.
bool suits_interior_point(const relax::ChordalProblem& problem);

// Keeps references to problem and pool.
std::unique_ptr<Method> make_method(const relax::ChordalProblem& problem, const Settings& settings, core::ThreadPool& pool);

// Estimate from above of the memory that problem and method take, in bytes.
double memory_estimate(const std::vector<relax::CliqueSize>& sizes, const Settings& settings);
double memory_estimate(const relax::ChordalProblem& problem, const Settings& settings);

}  // namespace twincert::solver
