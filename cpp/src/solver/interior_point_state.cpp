// What the interior-point method needs to go on later.
#include "twincert/solver/interior_point.hpp"

namespace twincert::solver {
namespace {

struct State {
  std::vector<ActiveEntry> entries;
  Vector multipliers;
  Vector slacks;
  Matrix primal;
  Index iterations;
  double grown_at;
  double residual;
  double last_residual;
  double floor;
  int stuck;
};

}  // namespace

std::any InteriorPoint::state() const {
  return State{active_.entries(), multipliers_, slacks_, primal_, iterations_, grown_at_, residual_, last_residual_, floor_, stuck_};
}

void InteriorPoint::resume(const std::any& state) {
  const State& from = std::any_cast<const State&>(state);
  active_.restore(from.entries);
  use_rows();
  multipliers_ = from.multipliers;
  slacks_ = from.slacks;
  primal_ = from.primal;
  dual_.resize(0, 0);
  iterations_ = from.iterations;
  grown_at_ = from.grown_at;
  residual_ = from.residual;
  last_residual_ = from.last_residual;
  floor_ = from.floor;
  stuck_ = from.stuck;
}

Start InteriorPoint::start_of(const std::any& state) const {
  const State& from = std::any_cast<const State&>(state);
  return {active_.sides(from.entries, binding(from.multipliers, from.slacks))};
}

}  // namespace twincert::solver
