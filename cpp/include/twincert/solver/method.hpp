// What the solvers have in common: an iteration with valid multipliers at every step.
#pragma once

#include <any>
#include <functional>
#include <vector>

#include "twincert/relax/chordal_problem.hpp"

namespace twincert::solver {

using core::Index;
using core::Matrix;
using core::Vector;

// What another problem may start from: one number per entry of the cliques' lower triangles, column by column, and what else they depend
// on.
struct Start {
  Vector entries;
  double rho = 0.0;  // of the splitting; 0 with the interior-point method
};

class Method {
 public:
  Method() = default;
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;
  virtual ~Method() = default;

  virtual void set_objective(const relax::ChordalObjective& objective) = 0;
  // One step. A long one asks `go_on` now and then; false when that said no, or when the step failed and further ones are of no use. The
  // method is then where the step before left it.
  virtual bool iterate(const std::function<bool()>& go_on) = 0;
  // Valid ones of the last step, in the objective's own units, one per clique.
  virtual void multipliers(std::vector<Matrix>& out) const = 0;
  // How far the last step's moments are from feasible ones, relative to their size.
  virtual double residual() const = 0;
  // The method itself knows that there is nothing left to gain.
  virtual bool finished() const = 0;
  // After how many steps it is worth to look at the multipliers.
  virtual Index bound_every() const = 0;

  // With the same objective, steps go on from resume(state()) as if nothing had been in between.
  virtual std::any state() const = 0;
  virtual void resume(const std::any& state) = 0;
  // How many steps it should take before another objective has its turn.
  virtual Index turn() const = 0;

  // Of a state after some step.
  virtual Start start_of(const std::any& state) const = 0;
  virtual void start(const Start& from) = 0;
};

}  // namespace twincert::solver
