#include "twincert/solver/admm.hpp"

#include <algorithm>
#include <utility>

namespace twincert::solver {
namespace {

// Relative residuals that single precision still reaches in large cliques, and steps that it may take without coming closer, besides a
// third of all steps.
constexpr double reachable = 3e-5;
constexpr Index patience = 300;

// With the problem, its objective here and there, and multipliers being found, best and proven.
template <class Scalar>
double estimate(const std::vector<relax::CliqueSize>& sizes, Index acceleration_memory) {
  double bytes = Splitting<Scalar>::memory_estimate(sizes, acceleration_memory);
  for (const relax::CliqueSize& size : sizes) {
    const double rows = static_cast<double>(size.rows), variables = static_cast<double>(size.variables);
    bytes += 8.0 * (7.0 * rows * rows + 2.0 * rows * variables);
  }
  return bytes;
}

}  // namespace

Admm::Admm(const relax::ChordalProblem& problem, const Settings& settings, core::ThreadPool& pool)
    : problem_(problem),
      settings_(settings),
      pool_(pool),
      refinable_(estimate<double>(relax::clique_sizes(problem), settings.memory) <= settings.memory_limit * 0x1p30),
      splitting_(std::make_unique<Splitting<float>>(problem, settings, pool)) {}

double Admm::memory_estimate(const std::vector<relax::CliqueSize>& sizes, Index acceleration_memory) {
  return estimate<float>(sizes, acceleration_memory);
}

void Admm::set_objective(const relax::ChordalObjective& objective) {
  objective_ = objective;
  std::visit([&](const auto& splitting) { splitting->set_objective(objective_); }, splitting_);
  course_ = {};
}

std::any Admm::state() const {
  return std::visit([&](const auto& splitting) { return State{refined(), splitting->point(), splitting->penalty(), course_}; }, splitting_);
}

void Admm::resume(const std::any& state) {
  const State& from = std::any_cast<const State&>(state);
  if (from.refined && !refined() && refinable_) refine();
  start(from.point, from.penalty);
  course_ = from.course;
}

Start Admm::start_of(const std::any& state) const {
  const State& from = std::any_cast<const State&>(state);
  return {from.point, from.penalty.rho};
}

// Another method's start has no rho, and means something else.
void Admm::start(const Start& from) {
  if (from.rho > 0.0) start(from.entries, {from.rho});
}

// A point that overflowed is no start.
void Admm::start(const Vector& point, const Penalty& penalty) {
  if (!point.allFinite()) return;
  std::visit([&](const auto& splitting) { splitting->start(point, penalty); }, splitting_);
}

// From the same point, or from the cold start if that overflowed.
void Admm::refine() {
  const auto [point, penalty] =
      std::visit([](const auto& splitting) { return std::pair(splitting->point(), splitting->penalty()); }, splitting_);
  splitting_ = std::unique_ptr<Splitting<float>>();
  auto precise = std::make_unique<Splitting<double>>(problem_, settings_, pool_);
  precise->set_objective(objective_);
  if (point.allFinite()) precise->start(point, penalty);
  splitting_ = std::move(precise);
}

void Admm::watch() {
  ++course_.steps;
  ++course_.since_least;
  const double rho = std::visit([](const auto& splitting) { return splitting->penalty().rho; }, splitting_);
  if (rho != course_.rho) course_.least_residual = std::numeric_limits<double>::infinity();
  course_.rho = rho;
  if (residual() < 0.9 * course_.least_residual) {
    course_.least_residual = residual();
    course_.since_least = 0;
  }
  course_.exhausted = refinable_ && (residual() < reachable || course_.since_least > patience + course_.steps / 3);
}

bool Admm::step() {
  return std::visit([](const auto& splitting) { return splitting->iterate(); }, splitting_);
}

bool Admm::iterate(const std::function<bool()>&) {
  if (course_.exhausted && !refined()) refine();
  const bool stepped = step();
  if (refined()) return stepped;
  if (stepped) {
    watch();
    return true;
  }
  if (!refinable_) return false;
  refine();
  return step();
}

double Admm::residual() const {
  return std::visit([](const auto& splitting) { return splitting->residual(); }, splitting_);
}

void Admm::multipliers(std::vector<Matrix>& out) const {
  std::visit([&](const auto& splitting) { splitting->multipliers(out); }, splitting_);
}

}  // namespace twincert::solver
