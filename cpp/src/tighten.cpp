#include "tighten.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "twincert/affine.hpp"
#include "twincert/bounds/measure_rows.hpp"
#include "twincert/certificate/bound.hpp"
#include "twincert/certify.hpp"
#include "twincert/relax/row_choice.hpp"
#include "twincert/solver/method_choice.hpp"
#include "twincert/solver/progress.hpp"
#include "twincert/solver/row_plan.hpp"
#include "twincert/solver/slope_search.hpp"

namespace twincert {
namespace {

using certificate::ObjectiveProof;
using certificate::ProvenObjective;
using core::Index;
using core::MeasureKind;
using core::Status;
using core::Vector;
using relax::ObjectiveKind;

constexpr double infinity = std::numeric_limits<double>::infinity();

// Another objective has its turn, but not for a hair's breadth.
constexpr double margin = 0.02;

// The joint bound gives way to the outputs' own objectives when the last part of its iterations lowered its square by less than this.
constexpr double joint_progress = 0.02;
constexpr Index joint_first = 24;
constexpr double joint_part = 0.25;

// GiB
double memory_of_points(const std::vector<relax::CliqueSize>& sizes, std::size_t points) {
  double entries = 0.0;
  for (const relax::CliqueSize& size : sizes) entries += 0.5 * static_cast<double>(size.rows) * static_cast<double>(size.rows + 1);
  return 0x1p-27 * entries * static_cast<double>(points);
}

}  // namespace

Tightening::Tightening(const Question& question, const Course& course, solver::WarmStarts& warm)
    : question_(question), course_(course), warm_(warm), known_(question.rows) {}

Status Tightening::run(Info& info, certificate::Proof& proof) {
  const auto& [twin, set, options, bounds, rows_known, lower] = question_;
  if (twin.stages().size() < 2 || options.settings.max_iterations == 0 || relax::overflowing_stage(bounds)) return Status::propagation_only;
  const Clock clock;
  list_tasks();
  const bool affine = options.measure.kind == MeasureKind::affine;
  if (tasks_.empty() && !affine) return Status::propagation_only;
  const ObjectiveKind kind = affine ? relax::affine_kind(options.measure.of) : tasks_.front().objective.kind;
  const bounds::TwinBounds claimed{certificate::widened(bounds.stages), bounds.evaluation_error};
  const solver::RowPlan plan = solver::plan_rows(twin, set, claimed, options.rows, kind, options.settings);
  info.memory_estimate = plan.memory;
  info.refusal = plan.refusal;
  if (!plan.refusal.empty()) return Status::size_limit;
  // One bound of |f - g|_2 bounds every output in the time of one objective.
  if (tasks_.size() > 2 && relax::is_wide(twin, set, claimed, plan.rows)) add({ObjectiveKind::squared_two_norm, Vector()}, infinity);
  relaxation_ = relax::build_relaxation(twin, set, claimed, plan.rows, kind);
  keeps_states_ = plan.memory + memory_of_points(plan.sizes, tasks_.size()) <= options.settings.memory_limit;
  for (const relax::Clique& clique : relaxation_.cliques) {
    info.clique_rows.push_back(clique.T.rows());
    info.clique_variables.push_back(clique.T.cols());
  }
  core::ThreadPool pool(static_cast<int>(options.settings.threads));
  const std::unique_ptr<solver::Method> method = solver::make_method(relaxation_, options.settings, pool);
  info.timings.emplace_back("build", clock.seconds());
  const Clock solve_clock;
  if (affine) try_slopes(*method);
  for (Task* task = loosest(); task && !stopped_ && !course_.late(); task = loosest()) {
    if (decided(task->share)) {
      task->open = false;
      continue;
    }
    begin(*task, *method);
    advance(*task, *method, static_cast<Index>(task - tasks_.data()) + 1, static_cast<Index>(tasks_.size()));
    if (keeps_states_) task->state = method->state();
    if (task->solution.paused) continue;
    task->open = false;
    if (is_joint(*task)) {
      use_joint(*task);
    } else {
      settled_ = std::max(settled_, task->share);
    }
  }
  if (const Task* task = loosest(); task && !stopped_ && !decided(task->share)) status_ = Status::time_limit;
  for (Task& task : tasks_) {
    info.iterations += task.solution.iterations;
    if (task.solution.iterations > 0) {
      info.primal_residual = task.solution.residual;
      if (keeps_states_ && task.solution.status != Status::numerical_error)
        warm_.keep(relaxation_, task.objective, method->start_of(task.state));
    }
  }
  if (affine) keep_best_slope();
  for (Task& task : tasks_) record(task, proof);
  info.timings.emplace_back("solve", solve_clock.seconds());
  if (!proven_.empty()) {
    proof.stages = claimed.stages;
    proof.rows = plan.rows;
  }
  return status_;
}

void Tightening::add(relax::Objective objective, double share) {
  ObjectiveProof best{objective, infinity, {}};
  tasks_.push_back({std::move(objective), share, {}, {}, {}, std::move(best)});
}

// Objectives that the measure needs; those of affine measures are found one after the other.
void Tightening::list_tasks() {
  const core::Measure& measure = question_.options.measure;
  const Index m = question_.twin.output_size();
  if (measure.kind == MeasureKind::affine) return;
  if (measure.kind == MeasureKind::two && m > 1) return add({ObjectiveKind::squared_two_norm, Vector()}, infinity);
  if (measure.kind == MeasureKind::one && m > 1) return add({ObjectiveKind::one_norm, Vector()}, infinity);
  for (const Index row : bounds::difference_rows(measure, m)) {
    const double share = bounds::row_share(measure, m, question_.rows, question_.bounds.evaluation_error, row);
    if (measure.kind == MeasureKind::top1 && decided(share)) continue;  // most pairs of classes
    add({ObjectiveKind::linear, bounds::difference_weights(measure, m, row)}, share);
  }
}

// Whether the objective bounds what others bound one by one.
bool Tightening::is_joint(const Task& task) const {
  return task.objective.kind == ObjectiveKind::squared_two_norm && question_.options.measure.kind != MeasureKind::two;
}

// What it proves of every row is known to the other objectives.
void Tightening::use_joint(const Task& joint) {
  known_ = certificate::lowered(question_.options.measure, question_.twin.output_size(), known_, {{joint.objective, joint.best.bound}});
  for (Task& task : tasks_) task.share = share_of(task.objective, task.best.bound);
}

// One objective per slope gamma_x, each from where the last one ended.
void Tightening::try_slopes(solver::Method& method) {
  const CertifyOptions& options = question_.options;
  minimise_slope(question_.twin, question_.set, options, [&](const relax::Objective& objective, Index number, Index count) {
    const bool enough = stopped_ || course_.late() || (options.threshold && upper() <= *options.threshold);
    if (enough) return std::optional<double>();
    add(objective, infinity);
    Task& task = tasks_.back();
    task.open = false;
    begin(task, method);
    advance(task, method, number + 1, count);
    if (keeps_states_) task.state = method.state();
    return std::optional<double>(task.best.bound);
  });
}

// Only one slope can stand in the claim.
void Tightening::keep_best_slope() {
  const Task* best = nullptr;
  double least = derive({}).upper;
  for (const Task& task : tasks_) {
    const double upper = derive({{task.objective, task.best.bound}}).upper;
    if (!(upper < least)) continue;
    least = upper;
    best = &task;
  }
  for (Task& task : tasks_) {
    if (&task != best) task.best.cliques.clear();
  }
}

Tightening::Task* Tightening::loosest() {
  Task* found = nullptr;
  for (Task& task : tasks_) {
    if (task.open && (!found || task.share > found->share)) found = &task;
  }
  return found;
}

double Tightening::share_of(const relax::Objective& objective, double bound) const {
  if (objective.kind != ObjectiveKind::linear) return infinity;
  const core::Measure& measure = question_.options.measure;
  const Index m = question_.twin.output_size();
  const Index row = *bounds::difference_row(measure, m, objective.weights);
  const Vector maxima = certificate::lowered(measure, m, known_, {{objective, bound}});
  return bounds::row_share(measure, m, maxima, question_.bounds.evaluation_error, row);
}

// Nothing that lets the measure reach no more than `share` can matter: below the threshold, below what a witness attains, or below the
// measure's other rows.
bool Tightening::decided(double share) const {
  const CertifyOptions& options = question_.options;
  if (options.threshold && share <= *options.threshold) return true;
  const MeasureKind kind = options.measure.kind;
  const bool largest_counts = kind == MeasureKind::inf || kind == MeasureKind::margin || kind == MeasureKind::top1;
  return largest_counts && share <= std::max(settled_, question_.lower);
}

// Whether nothing better than `bound` is needed of an objective.
bool Tightening::may_decide(const Task& task, double bound) const {
  const double best = std::min(bound, task.best.bound);
  if (task.objective.kind == ObjectiveKind::linear && decided(share_of(task.objective, best))) return true;
  if (!question_.options.threshold) return false;
  std::vector<ProvenObjective> proven{{task.objective, best}};
  for (const Task& other : tasks_) proven.push_back({other.objective, other.best.bound});
  return derive(proven).upper <= *question_.options.threshold;
}

// Whether another objective is the loosest by now.
bool Tightening::should_yield(const Task& task, Index since, Index turn) const {
  if (!keeps_states_ || task.objective.kind != ObjectiveKind::linear) return false;
  double next = -infinity;
  bool fresh = false;
  for (const Task& other : tasks_) {
    if (!other.open || &other == &task || other.share <= next) continue;
    next = other.share;
    fresh = !other.begun;
  }
  return (fresh || since >= turn) && task.share < (next > 0.0 ? 1.0 - margin : 1.0 + margin) * next;
}

double Tightening::upper() const {
  std::vector<ProvenObjective> proven;
  for (const Task& task : tasks_) proven.push_back({task.objective, task.best.bound});
  return derive(proven).upper;
}

certificate::Claim Tightening::derive(const std::vector<ProvenObjective>& proven) const {
  return certificate::derive_claim(question_.options.measure, question_.bounds, question_.rows, proven);
}

// Brings the method back to where the task paused, or to an earlier solve's point, or leaves it where the last objective did: a better
// start than none.
void Tightening::begin(Task& task, solver::Method& method) {
  if (!task.begun) task.terms = relax::objective_terms(question_.twin, relaxation_, task.objective);
  method.set_objective(task.terms);
  if (task.begun) return method.resume(task.state);
  task.begun = true;
  const bool next_slope = relax::is_affine(task.objective.kind) && tasks_.size() > 1;
  if (next_slope) return;
  const solver::Start start = warm_.find(relaxation_, task.objective);
  if (start.entries.size() > 0) method.start(start);
}

// Tightens one objective until it is done or another is looser.
void Tightening::advance(Task& task, solver::Method& method, Index number, Index count) {
  const Index before = task.solution.iterations;
  task.solution = solver::solve(
      method, relaxation_, task.terms, question_.options.settings, course_.due,
      [&](const solver::Iteration& iteration) {
        // A proof costs some iterations: ever more seldom, but where it may decide it is not put off.
        const auto done = static_cast<double>(iteration.iteration);
        if (done >= task.next_proof || may_decide(task, iteration.bound)) {
          prove(task, iteration.bound, iteration.multipliers);
          task.next_proof = 1.25 * done;
        }
        if (!course_.report(iteration.iteration, number, count, upper())) {
          stopped_ = true;
          return solver::Continue::interrupted;
        }
        if (course_.late()) return solver::Continue::time_limit;
        if (may_decide(task, task.best.bound)) return solver::Continue::decided;
        if (stalled(task, iteration)) return solver::Continue::decided;
        return should_yield(task, iteration.iteration - before, method.turn()) ? solver::Continue::pause : solver::Continue::yes;
      },
      std::move(task.solution));
  const Status status = task.solution.status;
  if (!task.solution.paused && status != Status::converged && status != Status::threshold_reached) status_ = status;
  prove(task, task.solution.bound, task.solution.multipliers);
  task.solution.multipliers.clear();
}

// Of affine measures it is the weighted sum that must still move: gamma alone may be near zero. A joint bound must move more than others.
bool Tightening::stalled(Task& task, const solver::Iteration& now) const {
  const CertifyOptions& options = question_.options;
  if (is_joint(task)) {
    task.watched.emplace_back(now.iteration, now.bound);
    return solver::stalled(task.watched, joint_progress, joint_first, joint_part);
  }
  if (!relax::is_affine(task.objective.kind)) return false;
  task.watched.emplace_back(now.iteration, certificate::weighted_sum(options.measure, {task.objective.slope, std::max(0.0, now.bound)}));
  return solver::stalled(task.watched, options.settings.tolerance);
}

// Turns multipliers into a proof by the checker's own code.
void Tightening::prove(Task& task, double bound, const std::vector<core::Matrix>& multipliers) {
  if (!(bound < task.tried)) return;
  task.tried = bound;
  const bool affine = relax::is_affine(task.objective.kind);
  const double cancelled = affine ? task.objective.slope * largest_affine_input(question_.options.measure, question_.set) : 0.0;
  ObjectiveProof proof = certificate::prove(relaxation_, task.terms, task.objective, multipliers, cancelled);
  if (!(proof.bound < task.best.bound)) return;
  task.best = std::move(proof);
  task.share = share_of(task.objective, task.best.bound);
}

// Keeps a proof when it proves more than propagation does.
void Tightening::record(Task& task, certificate::Proof& proof) {
  if (task.best.cliques.empty()) return;
  const std::vector<ProvenObjective> with{{task.objective, task.best.bound}};
  const core::Measure& measure = question_.options.measure;
  const Vector& rows = is_joint(task) ? question_.rows : known_;
  const bool helps =
      certificate::lowered(measure, question_.twin.output_size(), rows, with) != rows || derive(with).upper < derive({}).upper;
  if (!helps) return;
  proven_.push_back(with.front());
  proof.objectives.push_back(std::move(task.best));
}

}  // namespace twincert
