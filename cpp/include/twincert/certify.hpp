// The front door: bounds the error of a twin over a set and returns a claim with its proof.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "twincert/attack/attack.hpp"
#include "twincert/certificate/proof.hpp"
#include "twincert/core/status.hpp"
#include "twincert/solver/settings.hpp"

namespace twincert {

enum class Method { automatic, interval, crown, sdp, branch };

std::string to_string(Method method);
Method method_of(const std::string& name);  // SettingsError listing the methods

// One line of progress. `upper` is proven: what the certificate would claim if the computation ended here, but for the slack that it
// leaves to the rounding of a checker elsewhere.
struct Progress {
  std::string stage;  // "interval", "attack", "crown", "optimized", "sdp", "branch"
  double seconds;     // since the start
  core::Index iteration;
  core::Index objective;  // index and number of the objectives being tightened
  core::Index objectives;
  core::Index parts;  // "branch": parts bounded so far, and those among them that will not be split any more
  core::Index leaves;
  double upper;
  double lower;
};

struct CertifyOptions {
  core::Measure measure;
  Method method = Method::automatic;
  std::optional<double> threshold;
  double time_limit = std::numeric_limits<double>::infinity();  // seconds
  solver::Settings settings;
  std::optional<relax::RowOptions> rows;          // chosen automatically when absent
  std::function<bool(const Progress&)> callback;  // false stops; the best valid bound so far is returned
};

struct Info {
  core::Index parts = 0;         // bounded by branching
  core::Index leaves = 0;        // that the set is divided into
  core::Index iterations = 0;    // of the solver, all objectives
  double primal_residual = 0.0;  // of the last objective solved, scaled problem
  double memory_estimate = 0.0;  // GiB of relaxation and method, from above; 0 when no relaxation was considered
  std::string refusal;           // of the SDP, by the memory limit: what is needed and what would fit
  std::vector<core::Index> clique_rows;
  std::vector<core::Index> clique_variables;
  std::vector<std::pair<std::string, double>> timings;  // seconds per stage
  std::vector<Progress> history;
};

struct Result {
  certificate::Claim claim;
  certificate::Proof proof;
  attack::AttackResult witness;  // witness.value is the lower bound
  core::Status status;
  core::Verdict verdict;
  Method method;  // what proved the bound
  Info info;
};

Result certify(const network::Twin& twin, const sets::InputSet& set, const CertifyOptions& options);

}  // namespace twincert
