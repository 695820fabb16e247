#include "twincert/certify.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "twincert/affine.hpp"
#include "twincert/bounds/measure_rows.hpp"
#include "twincert/bounds/witness.hpp"
#include "twincert/branch/search.hpp"
#include "twincert/certificate/bound.hpp"
#include "twincert/certificate/claim.hpp"
#include "twincert/core/error.hpp"
#include "twincert/relax/row_choice.hpp"
#include "twincert/solver/slope_search.hpp"
#include "twincert/solver/solve.hpp"

namespace twincert {
namespace {

using certificate::Claim;
using certificate::ProvenObjective;
using core::Index;
using core::MeasureKind;
using core::Status;
using core::Vector;
using core::Verdict;

constexpr double infinity = std::numeric_limits<double>::infinity();

class Clock {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void validate(const network::Twin& twin, const sets::InputSet& set, const CertifyOptions& options) {
  options.settings.validate();
  if (set.size() != twin.input_size()) {
    throw core::ShapeError("input set: expected " + std::to_string(twin.input_size()) + " coordinates (the networks' inputs), found " +
                           std::to_string(set.size()));
  }
  options.measure.validate(twin.output_size());
  if (options.measure.kind == MeasureKind::affine) validate_affine(set, options);
  if (options.threshold && !(*options.threshold >= 0.0 && std::isfinite(*options.threshold))) {
    throw core::SettingsError("threshold: expected a finite number >= 0, found " + std::to_string(*options.threshold));
  }
  if (!(options.time_limit > 0.0)) {
    throw core::SettingsError("time_limit: expected a number of seconds > 0, found " + std::to_string(options.time_limit));
  }
}

bool finite(const bounds::TwinBounds& bounds) {
  for (const bounds::StageBounds& stage : bounds.stages) {
    for (const core::IntervalVector* box : {&stage.reference, &stage.compressed, &stage.difference}) {
      if (!box->lower.allFinite() || !box->upper.allFinite()) return false;
      // Scales beyond this leave no room for products of rows.
      if (box->size() > 0 && !(box->magnitude().maxCoeff() < 1e100)) return false;
    }
  }
  return true;
}

class Run {
 public:
  Run(const network::Twin& twin, const sets::InputSet& set, const CertifyOptions& options) : twin_(twin), set_(set), options_(options) {}

  Result certify() {
    propagate("interval", Method::interval, bounds::interval_bounds(twin_, set_));
    attack();
    if (proceeds(Method::interval)) {
      propagate("crown", Method::crown, bounds::crown_bounds(twin_, set_));
      if (optimizes()) optimize();
      if (proceeds(Method::crown) && !prefers_branching()) relax_and_solve();
      if (branches()) branch();
    }
    result_.claim = certificate::relaxed(result_.claim);
    result_.verdict = verdict();
    if (result_.verdict != Verdict::unknown && options_.threshold && result_.status == Status::propagation_only) {
      result_.status = Status::threshold_reached;
    }
    return std::move(result_);
  }

 private:
  double lower() const { return result_.witness.value; }

  Verdict verdict() const {
    if (!options_.threshold) return Verdict::unknown;
    if (result_.claim.upper <= *options_.threshold) return Verdict::holds;
    return lower() > *options_.threshold && confirmed() > *options_.threshold ? Verdict::violated : Verdict::unknown;
  }

  // What the witness attains in exact arithmetic, at least.
  double confirmed() const {
    if (confirmed_witness_ != lower()) {
      confirmed_witness_ = lower();
      confirmed_ = bounds::confirmed_value(twin_, options_.measure, result_.witness.reference_input, result_.witness.compressed_input);
    }
    return confirmed_;
  }

  // Better stage bounds for what follows; the parts of branching are bounded cheaply, so that nothing is gained for them.
  bool optimizes() {
    if (options_.method == Method::crown) return !stopped_ && verdict() == Verdict::unknown && in_time();
    return proceeds(Method::crown) && !prefers_branching();
  }

  // Halving few inputs decides more in the same time than the SDP; with many inputs the SDP goes first.
  bool prefers_branching() const {
    const core::IntervalVector& box = set_.bounding_box();
    const bool limited = (options_.threshold || options_.time_limit < infinity) && options_.measure.kind != MeasureKind::affine;
    const bool branches = options_.method == Method::branch || (options_.method == Method::automatic && limited);
    return branches && (box.lower.array() < box.upper.array()).count() <= options_.settings.split_inputs;
  }

  // The SDP leaves branching half of the time.
  double solve_limit() const { return options_.method == Method::branch ? 0.5 * options_.time_limit : options_.time_limit; }

  // Branching closes the gap to the witness in the end, but nobody who set no limit waits for that unasked.
  bool branches() {
    if (options_.measure.kind == MeasureKind::affine) return false;
    if (options_.method == Method::automatic) {
      if (!options_.threshold && !(options_.time_limit < infinity)) return false;
    } else if (options_.method != Method::branch) {
      return false;
    }
    return twin_.stages().size() > 1 && proceeds(Method::sdp);
  }

  void branch() {
    const double start = clock_.seconds();
    core::ThreadPool pool(static_cast<int>(options_.settings.threads));
    branch::SearchOptions search;
    search.threshold = options_.threshold;
    search.gap = options_.settings.gap;
    search.split_inputs = options_.settings.split_inputs;
    search.part_limit = options_.settings.part_limit;
    search.memory_limit = 0.5 * options_.settings.memory_limit * 0x1p30;
    const Claim before = result_.claim;
    // Parts start from what crown_bounds() proves: their checks then depend on nothing that was optimised.
    const bool optimized = result_.proof.propagation == "optimized";
    const Vector known_rows = certificate::lowered(options_.measure, twin_.output_size(), optimized ? crown_rows_ : rows_, proven_);
    const branch::SearchResult found =
        branch::search(twin_, set_, options_.measure, optimized ? crown_bounds_ : bounds_, known_rows, search, pool, result_.witness,
                       [&](const branch::SearchProgress& now) {
                         result_.claim.upper = std::min(before.upper, now.upper);
                         result_.info.parts = now.parts;
                         result_.info.leaves = now.leaves;
                         const bool due = clock_.seconds() - last_report_ > 0.2 || now.parts == 1;
                         return (!due || report("branch", 0, 0, 0)) && clock_.seconds() < options_.time_limit;
                       });
    result_.info.parts = found.parts;
    result_.info.leaves = found.leaves.leaves;
    if (!stopped_) {
      result_.status = found.status == Status::interrupted ? Status::time_limit : found.status;
    }
    result_.claim = before;
    const Vector rows = found.leaves.rows.size() > 0 ? Vector(rows_.cwiseMin(found.leaves.rows)) : rows_;
    const Claim split = certificate::derive_claim(options_.measure, bounds_, rows, proven_, found.leaves.upper);
    if (split.upper < before.upper || split.upper_per_output != before.upper_per_output ||
        split.lower_per_output != before.lower_per_output) {
      result_.claim = split;
      result_.method = Method::branch;
      result_.proof.branching = certificate::Branching{found.target, found.tree};
    }
    timed("branch", start);
    report("branch", 0, 0, 0);
  }

  // Whether anything after `done` should run.
  bool proceeds(Method done) {
    if (stopped_ || options_.method == done || verdict() != Verdict::unknown) return false;
    return in_time();
  }

  bool in_time() {
    if (clock_.seconds() < options_.time_limit) return true;
    result_.status = Status::time_limit;
    return false;
  }

  void timed(const std::string& stage, double since) { result_.info.timings.emplace_back(stage, clock_.seconds() - since); }

  // Records progress and asks the caller whether to go on.
  bool report(const std::string& stage, Index iteration, Index objective, Index objectives) {
    const Progress progress{
        stage, clock_.seconds(), iteration, objective, objectives, result_.info.parts, result_.info.leaves, result_.claim.upper, lower()};
    result_.info.history.push_back(progress);
    last_report_ = progress.seconds;
    if (options_.callback && !options_.callback(progress)) {
      stopped_ = true;
      result_.status = Status::interrupted;
    }
    return !stopped_;
  }

  void propagate(const std::string& name, Method method, bounds::TwinBounds&& bounds) {
    bounds_ = std::move(bounds);
    result_.proof.propagation = name;
    result_.method = method;
    result_.status = Status::propagation_only;
    rows_ = certificate::propagated_rows(options_.measure, twin_, set_, name, bounds_);
    propagated(name);
  }

  void propagated(const std::string& name) {
    result_.claim = derive({});
    timed(name, propagation_start_);
    report(name, 0, 0, 0);
    propagation_start_ = clock_.seconds();
  }

  // Keeps what crown proves beside: it stands without slack, and branching refines it.
  void optimize() {
    propagation_start_ = clock_.seconds();
    crown_bounds_ = bounds_;
    crown_rows_ = rows_;
    const bounds::TwinBounds found = bounds::optimized_bounds(twin_, set_, bounds_, static_cast<int>(options_.settings.threads));
    if (found != crown_bounds_) {
      rows_ =
          certificate::relaxed_rows(certificate::propagated_rows(options_.measure, twin_, set_, "optimized", found)).cwiseMin(crown_rows_);
      bounds_ = certificate::relaxed_bounds(found, crown_bounds_);
      result_.proof.propagation = "optimized";
    }
    propagated("optimized");
  }

  void attack() {
    const double start = clock_.seconds();
    attack::AttackOptions search;
    search.restarts = options_.settings.attack_restarts;
    search.steps = options_.settings.attack_steps;
    search.seed = static_cast<std::uint64_t>(options_.settings.seed);
    // A little more than the threshold, so that a rigorous evaluation confirms it.
    if (options_.threshold && *options_.threshold > 0.0) search.enough = *options_.threshold * (1.0 + 1e-6);
    result_.witness = attack::attack(twin_, set_, options_.measure, search);
    timed("attack", start);
    report("attack", 0, 0, 0);
    propagation_start_ = clock_.seconds();
  }

  Claim derive(const std::vector<ProvenObjective>& proven) const {
    return certificate::derive_claim(options_.measure, bounds_, rows_, proven);
  }

  // Objectives that the measure needs, the currently loosest first.
  std::vector<relax::Objective> objectives() const {
    const Index m = twin_.output_size();
    if (options_.measure.kind == MeasureKind::two && m > 1) return {{relax::ObjectiveKind::squared_two_norm, Vector()}};
    if (options_.measure.kind == MeasureKind::affine) return {{relax::affine_kind(options_.measure.of), Vector()}};
    if (options_.measure.kind == MeasureKind::one && m > 1) return {{relax::ObjectiveKind::one_norm, Vector()}};
    std::vector<std::pair<double, relax::Objective>> ranked;
    for (const Index row : bounds::difference_rows(options_.measure, m)) {
      const double share = bounds::row_share(options_.measure, m, rows_, bounds_.evaluation_error, row);
      if (options_.measure.kind == MeasureKind::top1 && decided(share, 0.0)) continue;  // most pairs of classes
      ranked.push_back({share, {relax::ObjectiveKind::linear, bounds::difference_weights(options_.measure, m, row)}});
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<relax::Objective> list;
    for (auto& entry : ranked) list.push_back(std::move(entry.second));
    return list;
  }

  // What a linear objective lets the measure reach, evaluation error included, by propagation, what is proven, and `bound` of its own.
  double known(const relax::Objective& objective, double bound = infinity) const {
    if (objective.kind != relax::ObjectiveKind::linear) return infinity;
    const Index m = twin_.output_size();
    const Index row = *bounds::difference_row(options_.measure, m, objective.weights);
    Vector maxima = certificate::lowered(options_.measure, m, rows_, proven_);
    maxima[row] = std::min(maxima[row], bound);
    return bounds::row_share(options_.measure, m, maxima, bounds_.evaluation_error, row);
  }

  // Objectives whose bound cannot matter any more: below what a witness attains, below the threshold, or below the measure's other rows.
  bool decided(double bound, double settled) const {
    if (options_.threshold && bound <= *options_.threshold) return true;
    const MeasureKind kind = options_.measure.kind;
    const bool largest_counts = kind == MeasureKind::inf || kind == MeasureKind::margin || kind == MeasureKind::top1;
    return largest_counts && bound <= std::max(settled, lower());
  }

  void relax_and_solve() {
    if (twin_.stages().size() < 2 || options_.settings.max_iterations == 0 || !finite(bounds_)) return;
    const double start = clock_.seconds();
    const std::vector<relax::Objective> list = objectives();
    if (list.empty()) return;
    const bounds::TwinBounds claimed{certificate::widened(bounds_.stages), bounds_.evaluation_error};
    relax::RowOptions rows = options_.rows.value_or(relax::choose_rows(twin_, claimed));
    if (options_.measure.kind == MeasureKind::affine) rows.input_reduction = relax::InputReduction::never;
    const std::vector<relax::CliqueSize> sizes = relax::clique_sizes(twin_, set_, claimed, rows, list.front().kind);
    if (relax::memory_estimate(sizes, options_.settings.memory) > options_.settings.memory_limit * 0x1p30) {
      result_.status = Status::size_limit;
      return;
    }
    const relax::Relaxation relaxation = relax::build_relaxation(twin_, set_, claimed, rows, list.front().kind);
    for (const relax::Clique& clique : relaxation.cliques) {
      result_.info.clique_rows.push_back(clique.T.rows());
      result_.info.clique_variables.push_back(clique.T.cols());
    }
    result_.proof.stages = claimed.stages;
    result_.proof.rows = rows;
    core::ThreadPool pool(static_cast<int>(options_.settings.threads));
    solver::Admm admm(relaxation, options_.settings, pool);
    timed("build", start);
    result_.status = Status::converged;
    const double solve_start = clock_.seconds();
    double settled = 0.0;
    for (std::size_t i = 0; i < list.size() && !stopped_ && clock_.seconds() < solve_limit(); ++i) {
      if (relax::is_affine(list[i].kind)) {
        minimise_slope(twin_, set_, options_, [&](const relax::Objective& objective, Index number, Index count) -> std::optional<double> {
          if (stopped_ || clock_.seconds() >= solve_limit() || verdict() != Verdict::unknown) return std::nullopt;
          return solve(admm, relaxation, objective, number, count, 0.0);
        });
        continue;
      }
      if (decided(known(list[i]), settled)) continue;
      settled = std::max(settled, solve(admm, relaxation, list[i], static_cast<Index>(i), static_cast<Index>(list.size()), settled));
    }
    timed("solve", solve_start);
    if (proven_.empty()) {
      result_.proof.stages.clear();
    } else {
      result_.method = Method::sdp;
    }
  }

  // Tightens one objective; returns the bound that stands for it afterwards, evaluation error included (but of affine objectives).
  double solve(solver::Admm& admm, const relax::Relaxation& relaxation, const relax::Objective& objective, Index number, Index count,
               double settled) {
    const relax::ObjectiveTerms terms = relax::objective_terms(twin_, relaxation, objective);
    admm.set_objective(terms);
    // Long iterations must not keep a time limit or the caller waiting.
    const auto due = [this] { return clock_.seconds() >= solve_limit() || clock_.seconds() - last_report_ > 0.5; };
    certificate::ObjectiveProof best{objective, infinity, {}};
    const double cancelled = relax::is_affine(objective.kind) ? objective.slope * largest_affine_input(options_.measure, set_) : 0.0;
    double tried = infinity;
    const auto prove_best = [&](double bound, const std::vector<core::Matrix>& multipliers) {
      if (!(bound < tried)) return;
      tried = bound;
      certificate::ObjectiveProof proof = certificate::prove(relaxation, terms, objective, multipliers, cancelled);
      if (proof.bound < best.bound) best = std::move(proof);
    };
    double next_proof = 0.0;
    std::vector<std::pair<Index, double>> sums;
    const solver::Solution solution =
        solver::solve(admm, relaxation, terms, options_.settings, due, [&](const solver::Iteration& iteration) {
          // A proof costs some iterations: ever more seldom, but where it may decide it is not put off.
          const auto done = static_cast<double>(iteration.iteration);
          if (done >= next_proof || may_decide(objective, iteration.bound, settled)) {
            prove_best(iteration.bound, iteration.multipliers);
            next_proof = 1.25 * done;
          }
          result_.claim = derive_with(objective, best.bound);
          if (!report("sdp", iteration.iteration, number + 1, count)) return solver::Continue::interrupted;
          if (clock_.seconds() >= solve_limit()) return solver::Continue::time_limit;
          if (may_decide(objective, best.bound, settled)) return solver::Continue::decided;
          if (!relax::is_affine(objective.kind)) return solver::Continue::yes;
          const double sum = certificate::weighted_sum(options_.measure, {objective.slope, std::max(0.0, iteration.bound)});
          sums.emplace_back(iteration.iteration, sum);
          return solver::settled(sums, options_.settings.tolerance) ? solver::Continue::decided : solver::Continue::yes;
        });
    result_.info.iterations += solution.iterations;
    result_.info.primal_residual = solution.residual;
    if (solution.status != Status::converged && solution.status != Status::threshold_reached) result_.status = solution.status;
    prove_best(solution.bound, solution.multipliers);
    const double found = relax::is_affine(objective.kind) ? best.bound : infinity;
    record(std::move(best));
    result_.claim = derive(proven_);
    return std::min(found, known(objective));
  }

  Claim derive_with(const relax::Objective& objective, double bound) const {
    std::vector<ProvenObjective> with = proven_;
    with.push_back({objective, bound});
    return derive(with);
  }

  // Whether nothing better than `bound` is needed of an objective.
  bool may_decide(const relax::Objective& objective, double bound, double settled) const {
    if (objective.kind == relax::ObjectiveKind::linear && decided(known(objective, bound), settled)) return true;
    return options_.threshold && derive_with(objective, bound).upper <= *options_.threshold;
  }

  // Keeps a proof when it proves more than propagation does.
  void record(certificate::ObjectiveProof proof) {
    if (proof.cliques.empty()) return;
    const std::vector<ProvenObjective> with{{proof.objective, proof.bound}};
    if (relax::is_affine(proof.objective.kind)) {  // only the best slope is kept
      if (!(derive(with).upper < derive(proven_).upper)) return;
      proven_.clear();
      result_.proof.objectives.clear();
    }
    const bool helps =
        certificate::lowered(options_.measure, twin_.output_size(), rows_, with) != rows_ || derive(with).upper < derive({}).upper;
    if (!helps) return;
    proven_.push_back(with.front());
    result_.proof.objectives.push_back(std::move(proof));
  }

  const network::Twin& twin_;
  const sets::InputSet& set_;
  const CertifyOptions& options_;
  Clock clock_;
  double propagation_start_ = 0.0;
  double last_report_ = 0.0;
  bool stopped_ = false;
  bounds::TwinBounds bounds_;
  Vector rows_;  // what the propagation proves about the measure's rows
  bounds::TwinBounds crown_bounds_;
  Vector crown_rows_;
  std::vector<ProvenObjective> proven_;
  mutable double confirmed_witness_ = -1.0;
  mutable double confirmed_ = 0.0;
  Result result_{{}, {}, {Vector(), Vector(), Vector(), Vector(), 0.0}, Status::propagation_only, Verdict::unknown, Method::interval, {}};
};

}  // namespace

std::string to_string(Method method) {
  switch (method) {
    case Method::automatic:
      return "auto";
    case Method::interval:
      return "interval";
    case Method::crown:
      return "crown";
    case Method::sdp:
      return "sdp";
    case Method::branch:
      return "branch";
  }
  return "";
}

Method method_of(const std::string& name) {
  for (const Method method : {Method::automatic, Method::interval, Method::crown, Method::sdp, Method::branch}) {
    if (to_string(method) == name) return method;
  }
  throw core::SettingsError("method: expected one of auto, interval, crown, sdp, branch, found '" + name + "'");
}

Result certify(const network::Twin& twin, const sets::InputSet& set, const CertifyOptions& options) {
  validate(twin, set, options);
  return Run(twin, set, options).certify();
}

}  // namespace twincert
