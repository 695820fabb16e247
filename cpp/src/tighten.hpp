// The SDP stage of certify(): tightens the objectives that can still decide the measure, the loosest first.
#pragma once

#include <any>
#include <functional>
#include <utility>
#include <vector>

#include "clock.hpp"
#include "memory.hpp"
#include "twincert/certificate/claim.hpp"
#include "twincert/certify.hpp"
#include "twincert/solver/solve.hpp"

namespace twincert {

// The question, and what is known about it so far.
struct Question {
  const network::Twin& twin;
  const sets::InputSet& set;
  const CertifyOptions& options;
  const bounds::TwinBounds& bounds;
  const core::Vector& rows;  // proven maxima of the measure's rows
  double lower;              // attained by a witness
};

// How the stage talks to the rest of the computation.
struct Course {
  std::function<bool()> late;  // no time is left
  std::function<bool()> due;   // somebody waits for a report
  // A bound of the measure was proven, or nothing better yet; false stops.
  std::function<bool(core::Index iteration, core::Index objective, core::Index objectives, double upper)> report;
};

class Tightening {
 public:
  // Keeps references. `warm` gives and takes starting points.
  Tightening(const Question& question, const Course& course, solver::WarmStarts& warm);

  // Adds to `info` and `proof`; propagation_only when there was nothing to do.
  core::Status run(Info& info, certificate::Proof& proof);

  const std::vector<certificate::ProvenObjective>& proven() const { return proven_; }

 private:
  struct Task {
    relax::Objective objective;
    double share;  // what the objective lets the measure reach, evaluation error included
    relax::ObjectiveTerms terms;
    std::any state;  // of the method, when it paused or ended
    solver::Solution solution;
    certificate::ObjectiveProof best;
    double tried = std::numeric_limits<double>::infinity();  // least unproven bound that a proof was made of
    double next_proof = 0.0;
    std::vector<std::pair<core::Index, double>> watched = {};  // what must still move, by iteration, where it is not the bound alone
    bool open = true;
    bool begun = false;
  };

  void add(relax::Objective objective, double share);
  void list_tasks();
  void try_slopes(solver::Method& method);
  void keep_best_slope();
  bool is_joint(const Task& task) const;
  void use_joint(const Task& joint);
  Task* loosest();
  double share_of(const relax::Objective& objective, double bound) const;
  bool decided(double share) const;
  bool may_decide(const Task& task, double bound) const;
  bool should_yield(const Task& task, core::Index since, core::Index turn) const;
  double upper() const;
  void begin(Task& task, solver::Method& method);
  void advance(Task& task, solver::Method& method, core::Index number, core::Index count);
  bool stalled(Task& task, const solver::Iteration& now) const;
  void prove(Task& task, double bound, const std::vector<core::Matrix>& multipliers);
  void record(Task& task, certificate::Proof& proof);
  certificate::Claim derive(const std::vector<certificate::ProvenObjective>& proven) const;

  const Question& question_;
  const Course& course_;
  solver::WarmStarts& warm_;
  core::Vector known_;  // question_.rows, lowered by the joint objective
  relax::Relaxation relaxation_;
  std::vector<Task> tasks_;
  std::vector<certificate::ProvenObjective> proven_;
  double settled_ = 0.0;  // what the measure reaches by objectives that will not be tightened further
  bool keeps_states_ = true;
  bool stopped_ = false;
  core::Status status_ = core::Status::converged;
};

}  // namespace twincert
