#include "twincert/certify.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "clock.hpp"
#include "tighten.hpp"
#include "twincert/affine.hpp"
#include "twincert/bounds/forward.hpp"
#include "twincert/bounds/measure_rows.hpp"
#include "twincert/bounds/witness.hpp"
#include "twincert/branch/search.hpp"
#include "twincert/certificate/claim.hpp"
#include "twincert/certifier.hpp"
#include "twincert/core/error.hpp"

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

// Optimised propagation on two cores does five to ten times as many.
constexpr double operations_per_second = 1e10;

void validate(const network::Twin& twin, const sets::InputSet& set, const CertifyOptions& options) {
  options.settings.validate();
  bounds::check_sizes(twin, set);
  options.measure.validate(twin.output_size());
  if (options.measure.kind == MeasureKind::affine) validate_affine(set, options);
  if (options.threshold && !(*options.threshold >= 0.0 && std::isfinite(*options.threshold))) {
    throw core::SettingsError("threshold: expected a finite number >= 0, found " + std::to_string(*options.threshold));
  }
  check_time_limit(options.time_limit);
}

template <class Compute>
const bounds::TwinBounds& once(std::optional<bounds::TwinBounds>& kept, Compute compute) {
  if (!kept) kept = compute();
  return *kept;
}

class Run {
 public:
  Run(const network::Twin& twin, const sets::InputSet& set, const CertifyOptions& options, Memory& memory)
      : twin_(twin), set_(set), options_(options), memory_(memory) {}

  Result certify() {
    propagate("interval", Method::interval, once(memory_.interval, [this] { return bounds::interval_bounds(twin_, set_); }));
    attack();
    if (proceeds(Method::interval)) {
      propagate("crown", Method::crown, once(memory_.crown, [this] { return bounds::crown_bounds(twin_, set_); }));
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

  bool few_inputs() const {
    const core::IntervalVector& box = set_.bounding_box();
    return (box.lower.array() < box.upper.array()).count() <= options_.settings.split_inputs;
  }

  // Halving few inputs decides a threshold sooner than the SDP does. Where a bound is asked for, or with many inputs, the SDP goes first.
  bool prefers_branching() const { return options_.threshold && few_inputs() && may_branch(); }

  // The SDP leaves branching half of the time.
  double solve_limit() const {
    const bool shares = options_.method == Method::branch || (few_inputs() && may_branch());
    return shares ? 0.5 * options_.time_limit : options_.time_limit;
  }

  // Branching closes the gap to the witness in the end, but nobody who set no limit waits for that unasked.
  bool may_branch() const {
    if (options_.measure.kind == MeasureKind::affine || twin_.stages().size() < 2) return false;
    const bool limited = options_.threshold || options_.time_limit < infinity;
    return options_.method == Method::branch || (options_.method == Method::automatic && limited);
  }

  bool branches() { return may_branch() && proceeds(Method::sdp); }

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

  void propagate(const std::string& name, Method method, const bounds::TwinBounds& bounds) {
    bounds_ = bounds;
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

  // The budget of optimised propagation grows with the time limit, never with time itself, so that results do not depend on the machine's
  // load.
  double operations() const {
    if (!(options_.time_limit < infinity)) return bounds::operation_budget;
    return std::clamp(operations_per_second * options_.time_limit, bounds::operation_budget, bounds::largest_budget);
  }

  // Keeps what crown proves beside: it stands without slack, and branching refines it.
  void optimize() {
    propagation_start_ = clock_.seconds();
    crown_bounds_ = bounds_;
    crown_rows_ = rows_;
    result_.proof.operations = operations();
    if (memory_.operations != result_.proof.operations) memory_.optimized.reset();
    memory_.operations = result_.proof.operations;
    const auto go_on = [this] { return clock_.seconds() - last_report_ <= 0.2 || report("optimized", 0, 0, 0); };
    const bounds::TwinBounds& found = once(memory_.optimized, [&] {
      return bounds::optimized_bounds(twin_, set_, bounds_, static_cast<int>(options_.settings.threads), result_.proof.operations, go_on);
    });
    if (found != crown_bounds_) {
      rows_ =
          certificate::relaxed_rows(certificate::propagated_rows(options_.measure, twin_, set_, "optimized", found)).cwiseMin(crown_rows_);
      bounds_ = certificate::relaxed_bounds(found, crown_bounds_);
      result_.proof.propagation = "optimized";
    }
    if (stopped_) memory_.optimized.reset();
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

  void relax_and_solve() {
    const Course course{
        [this] { return clock_.seconds() >= solve_limit(); },
        // Long iterations must not keep a time limit or the caller waiting.
        [this] { return clock_.seconds() >= solve_limit() || clock_.seconds() - last_report_ > 0.5; },
        [this](Index iteration, Index objective, Index objectives, double upper) {
          result_.claim.upper = upper;
          return report("sdp", iteration, objective, objectives);
        },
    };
    const Question question{twin_, set_, options_, bounds_, rows_, lower()};
    Tightening tightening(question, course, memory_.warm);
    const Status status = tightening.run(result_.info, result_.proof);
    if (!stopped_ && status != Status::propagation_only) result_.status = status;
    proven_ = tightening.proven();
    result_.claim = derive(proven_);
    if (!proven_.empty()) result_.method = Method::sdp;
  }

  const network::Twin& twin_;
  const sets::InputSet& set_;
  const CertifyOptions& options_;
  Memory& memory_;
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
  Memory memory;
  return Run(twin, set, options, memory).certify();
}

Certifier::Certifier(network::Twin twin, CertifyOptions options)
    : twin_(std::move(twin)), options_(std::move(options)), memory_(std::make_unique<Memory>()) {}

Certifier::~Certifier() = default;

void Certifier::setup(const sets::InputSet& set) {
  validate(twin_, set, options_);
  set_ = set;
  memory_ = std::make_unique<Memory>();
}

void Certifier::update(const sets::InputSet& set) {
  validate(twin_, set, options_);
  set_ = set;
  auto next = std::make_unique<Memory>();
  next->warm = std::move(memory_->warm);
  memory_ = std::move(next);
}

Result Certifier::solve(std::optional<double> threshold, double time_limit, std::function<bool(const Progress&)> callback) {
  if (!set_) throw core::SettingsError("solve: expected an input set by setup() first, found none");
  CertifyOptions options = options_;
  options.threshold = threshold;
  options.time_limit = time_limit;
  options.callback = std::move(callback);
  validate(twin_, *set_, options);
  return Run(twin_, *set_, options, *memory_).certify();
}

}  // namespace twincert
