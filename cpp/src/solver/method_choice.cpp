#include "twincert/solver/method_choice.hpp"

#include "twincert/solver/admm.hpp"
#include "twincert/solver/interior_point.hpp"

namespace twincert::solver {
namespace {

// With more variables a step of the interior-point method takes more than a quarter of a minute, and its matrices ten gigabytes.
constexpr Index most_variables = 3000;

// Of Settings::tolerance, which is about progress: how small the interior-point method's gap must be.
constexpr double gap_of_tolerance = 0.4;

// All of them are active from the start.
Index fixed_entries(const relax::Clique& clique) { return (clique.lower.array() == clique.upper.array()).count() / 2; }

}  // namespace

bool suits_interior_point(const std::vector<relax::CliqueSize>& sizes) {
  return sizes.size() == 1 && sizes.front().variables <= most_variables;
}

bool suits_interior_point(const relax::ChordalProblem& problem) {
  return suits_interior_point(relax::clique_sizes(problem)) && fixed_entries(problem.cliques.front()) <= ActiveEntries::most / 2;
}

relax::Cliques choose_cliques(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds,
                              const relax::RowOptions& rows, relax::ObjectiveKind kind, const Settings& settings) {
  if (rows.cliques != relax::Cliques::automatic) return rows.cliques;
  relax::RowOptions single = rows;
  single.cliques = relax::Cliques::single;
  const std::vector<relax::CliqueSize> sizes = relax::clique_sizes(twin, set, bounds, single, kind);
  const bool fits = memory_estimate(sizes, settings) <= settings.memory_limit * 0x1p30;
  return fits && suits_interior_point(sizes) ? relax::Cliques::single : relax::Cliques::stages;
}

std::unique_ptr<Method> make_method(const relax::ChordalProblem& problem, const Settings& settings, core::ThreadPool& pool) {
  if (!suits_interior_point(problem)) return std::make_unique<Admm>(problem, settings, pool);
  return std::make_unique<InteriorPoint>(problem, gap_of_tolerance * settings.tolerance, pool);
}

double memory_estimate(const std::vector<relax::CliqueSize>& sizes, const Settings& settings) {
  if (suits_interior_point(sizes)) return InteriorPoint::memory_estimate(sizes.front().rows, sizes.front().variables);
  return Admm::memory_estimate(sizes, settings.memory);
}

double memory_estimate(const relax::ChordalProblem& problem, const Settings& settings) {
  const std::vector<relax::CliqueSize> sizes = relax::clique_sizes(problem);
  return suits_interior_point(problem) ? memory_estimate(sizes, settings) : Admm::memory_estimate(sizes, settings.memory);
}

}  // namespace twincert::solver
