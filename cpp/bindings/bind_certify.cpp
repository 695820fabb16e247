// certify() and check() as plain dictionaries and arrays; python/twincert gives them their public form.
#include <pybind11/eigen.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <exception>
#include <optional>

#include "solving.hpp"
#include "twincert/certificate/check.hpp"
#include "twincert/certifier.hpp"
#include "twincert/certify.hpp"
#include "twincert/core/error.hpp"
#include "twincert/twin_program.hpp"

namespace py = pybind11;

namespace {

using twincert::bindings::Monitor;
using twincert::bindings::settings_of;
using twincert::core::IntervalVector;
using twincert::core::Matrix;
using twincert::core::Measure;
using twincert::core::Vector;
using twincert::relax::Cliques;
using twincert::relax::InputReduction;
using twincert::relax::ObjectiveKind;

// The names that files and Python use for an enumeration.
template <class Kind>
using Names = std::vector<std::pair<const char*, Kind>>;

const Names<ObjectiveKind> objective_names = {{"linear", ObjectiveKind::linear},
                                              {"squared_two_norm", ObjectiveKind::squared_two_norm},
                                              {"one_norm", ObjectiveKind::one_norm},
                                              {"affine_input", ObjectiveKind::affine_input},
                                              {"affine_difference", ObjectiveKind::affine_difference}};
const Names<InputReduction> reduction_names = {
    {"automatic", InputReduction::automatic}, {"never", InputReduction::never}, {"always", InputReduction::always}};
const Names<Cliques> clique_names = {{"automatic", Cliques::automatic}, {"stages", Cliques::stages}, {"single", Cliques::single}};

template <class Kind>
Kind parse(const Names<Kind>& names, const std::string& text, const char* what) {
  std::string known;
  for (const auto& [name, kind] : names) {
    if (text == name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw twincert::core::SettingsError(std::string(what) + ": expected one of " + known + ", found '" + text + "'");
}

template <class Kind>
std::string name_of(const Names<Kind>& names, Kind kind) {
  for (const auto& [name, value] : names) {
    if (value == kind) return name;
  }
  return "";
}

twincert::relax::RowOptions rows_of(const py::dict& values) {
  twincert::relax::RowOptions rows;
  rows.reference_rows = py::cast<bool>(values["reference_rows"]);
  rows.centred_difference = py::cast<bool>(values["centred_difference"]);
  rows.slack_rows = py::cast<bool>(values["slack_rows"]);
  rows.unstable_only = py::cast<bool>(values["unstable_only"]);
  rows.input_reduction = parse(reduction_names, py::cast<std::string>(values["input_reduction"]), "input_reduction");
  rows.cliques = parse(clique_names, py::cast<std::string>(values["cliques"]), "cliques");
  return rows;
}

py::dict to_dict(const twincert::relax::RowOptions& rows) {
  py::dict result;
  result["reference_rows"] = rows.reference_rows;
  result["centred_difference"] = rows.centred_difference;
  result["slack_rows"] = rows.slack_rows;
  result["unstable_only"] = rows.unstable_only;
  result["input_reduction"] = name_of(reduction_names, rows.input_reduction);
  result["cliques"] = name_of(clique_names, rows.cliques);
  return result;
}

py::object to_tuple(const IntervalVector& box) {
  if (box.size() == 0) return py::none();
  return py::make_tuple(box.lower, box.upper);
}

IntervalVector to_box(const py::handle& pair) {
  if (pair.is_none()) return {};
  const auto [lower, upper] = py::cast<std::pair<Vector, Vector>>(pair);
  if (lower.size() != upper.size()) {
    throw twincert::core::ShapeError("stage bounds: expected as many upper as lower ends, found " + std::to_string(lower.size()) + " and " +
                                     std::to_string(upper.size()));
  }
  return {lower, upper};
}

py::dict to_dict(const twincert::certificate::Proof& proof) {
  py::list stages, objectives;
  for (const auto& stage : proof.stages) {
    py::dict entry;
    entry["reference"] = to_tuple(stage.reference);
    entry["compressed"] = to_tuple(stage.compressed);
    entry["difference"] = to_tuple(stage.difference);
    stages.append(entry);
  }
  for (const auto& objective : proof.objectives) {
    py::list cliques;
    for (const auto& clique : objective.cliques) {
      py::dict entry;
      entry["multiplier"] = clique.multiplier;
      entry["factor"] = clique.factor;
      cliques.append(entry);
    }
    py::dict entry;
    entry["kind"] = name_of(objective_names, objective.objective.kind);
    entry["weights"] = objective.objective.weights;
    entry["slope"] = objective.objective.slope;
    entry["bound"] = objective.bound;
    entry["cliques"] = cliques;
    objectives.append(entry);
  }
  py::dict result;
  result["propagation"] = proof.propagation;
  if (proof.propagation == "optimized") result["operations"] = proof.operations;
  if (proof.branching) {
    py::dict branching;
    branching["target"] = proof.branching->target;
    branching["tree"] = proof.branching->tree;
    result["branching"] = branching;
  } else {
    result["branching"] = py::none();
  }
  result["stages"] = stages;
  result["rows"] = to_dict(proof.rows);
  result["objectives"] = objectives;
  return result;
}

twincert::certificate::Proof proof_of(const py::dict& values) {
  twincert::certificate::Proof proof;
  proof.propagation = py::cast<std::string>(values["propagation"]);
  if (values.contains("operations")) proof.operations = py::cast<double>(values["operations"]);
  proof.rows = rows_of(values["rows"]);
  if (const py::handle branching = values["branching"]; !branching.is_none()) {
    proof.branching = {py::cast<double>(branching["target"]), py::cast<twincert::bounds::SplitTree>(branching["tree"])};
  }
  for (const py::handle& stage : values["stages"]) {
    proof.stages.push_back({to_box(stage["reference"]), to_box(stage["compressed"]), to_box(stage["difference"])});
  }
  for (const py::handle& entry : values["objectives"]) {
    twincert::certificate::ObjectiveProof objective;
    objective.objective.kind = parse(objective_names, py::cast<std::string>(entry["kind"]), "objective kind");
    objective.objective.weights = py::cast<Vector>(entry["weights"]);
    objective.objective.slope = py::cast<double>(entry["slope"]);
    objective.bound = py::cast<double>(entry["bound"]);
    for (const py::handle& clique : entry["cliques"]) {
      objective.cliques.push_back({py::cast<Matrix>(clique["multiplier"]), py::cast<Matrix>(clique["factor"])});
    }
    proof.objectives.push_back(std::move(objective));
  }
  return proof;
}

py::dict to_dict(const twincert::Progress& progress) {
  py::dict result;
  result["stage"] = progress.stage;
  result["seconds"] = progress.seconds;
  result["iteration"] = progress.iteration;
  result["objective"] = progress.objective;
  result["objectives"] = progress.objectives;
  result["parts"] = progress.parts;
  result["leaves"] = progress.leaves;
  result["upper"] = progress.upper;
  result["lower"] = progress.lower;
  return result;
}

py::dict to_dict(const twincert::Info& info) {
  py::dict timings, result;
  for (const auto& [stage, seconds] : info.timings) timings[py::str(stage)] = seconds;
  py::list history;
  for (const twincert::Progress& progress : info.history) history.append(to_dict(progress));
  result["iterations"] = info.iterations;
  result["parts"] = info.parts;
  result["leaves"] = info.leaves;
  result["primal_residual"] = info.primal_residual;
  result["memory_estimate"] = info.memory_estimate;
  if (!info.refusal.empty()) result["refusal"] = info.refusal;
  result["clique_rows"] = info.clique_rows;
  result["clique_variables"] = info.clique_variables;
  result["timings"] = timings;
  result["history"] = history;
  return result;
}

py::dict to_dict(const twincert::Result& solved) {
  py::dict witness, result;
  witness["reference_input"] = solved.witness.reference_input;
  witness["compressed_input"] = solved.witness.compressed_input;
  witness["reference_output"] = solved.witness.reference_output;
  witness["compressed_output"] = solved.witness.compressed_output;
  witness["value"] = solved.witness.value;
  result["upper"] = solved.claim.upper;
  result["affine"] = py::none();
  if (solved.claim.affine) result["affine"] = py::make_tuple(solved.claim.affine->gamma_x, solved.claim.affine->gamma);
  result["upper_per_output"] = solved.claim.upper_per_output;
  result["lower_per_output"] = solved.claim.lower_per_output;
  result["status"] = twincert::core::to_string(solved.status);
  result["verdict"] = twincert::core::to_string(solved.verdict);
  result["method"] = twincert::to_string(solved.method);
  result["witness"] = witness;
  result["info"] = to_dict(solved.info);
  result["proof"] = to_dict(solved.proof);
  return result;
}

twincert::CertifyOptions options_of(const Measure& measure, const std::string& method, const py::dict& settings,
                                    const std::optional<py::dict>& rows) {
  twincert::CertifyOptions options;
  options.measure = measure;
  options.method = twincert::method_of(method);
  options.settings = settings_of(settings);
  if (rows) options.rows = rows_of(*rows);
  return options;
}

// The result of `solve`, which runs without the GIL and is given the callback that it reports to.
template <class Solve>
py::dict monitored(std::optional<py::function> callback, Solve solve) {
  Monitor monitor(std::move(callback));
  const twincert::Result solved = [&] {
    const py::gil_scoped_release release;
    return solve([&monitor](const twincert::Progress& progress) { return monitor([&] { return to_dict(progress); }); });
  }();
  monitor.rethrow();
  return to_dict(solved);
}

py::dict certify(const twincert::network::Twin& twin, const twincert::sets::InputSet& set, const Measure& measure,
                 const std::string& method, std::optional<double> threshold, double time_limit, const py::dict& settings,
                 const std::optional<py::dict>& rows, std::optional<py::function> callback) {
  twincert::CertifyOptions options = options_of(measure, method, settings, rows);
  options.threshold = threshold;
  options.time_limit = time_limit;
  return monitored(std::move(callback), [&](auto report) {
    options.callback = report;
    return twincert::certify(twin, set, options);
  });
}

py::dict solve(twincert::Certifier& certifier, std::optional<double> threshold, double time_limit, std::optional<py::function> callback) {
  return monitored(std::move(callback), [&](auto report) { return certifier.solve(threshold, time_limit, report); });
}

py::dict check(const twincert::network::Twin& twin, const twincert::sets::InputSet& set, const py::dict& claim, const py::dict& proof) {
  twincert::certificate::Claim claimed;
  claimed.measure = py::cast<Measure>(claim["measure"]);
  claimed.upper = py::cast<double>(claim["upper"]);
  claimed.upper_per_output = py::cast<Vector>(claim["upper_per_output"]);
  claimed.lower_per_output = py::cast<Vector>(claim["lower_per_output"]);
  if (const py::handle affine = claim["affine"]; !affine.is_none()) {
    const auto [gamma_x, gamma] = py::cast<std::pair<double, double>>(affine);
    claimed.affine = twincert::certificate::AffineBound{gamma_x, gamma};
  }
  const twincert::certificate::Proof converted = proof_of(proof);
  const twincert::certificate::CheckReport report = [&] {
    const py::gil_scoped_release release;
    return twincert::certificate::check(twin, set, claimed, converted);
  }();
  py::dict result;
  result["valid"] = report.valid;
  result["upper"] = report.upper;
  result["reason"] = report.reason;
  return result;
}

// The arguments of twincert.sdp.ChordalProblem, under the names of _core.ChordalProgram.
py::dict twin_program(const twincert::network::Twin& twin, const twincert::sets::InputSet& set, const Vector& weights,
                      const std::optional<py::dict>& rows, const py::dict& settings) {
  const std::optional<twincert::relax::RowOptions> chosen = rows ? std::optional(rows_of(*rows)) : std::nullopt;
  const twincert::solver::Settings converted = settings_of(settings);
  const twincert::ChordalProgram program = [&] {
    const py::gil_scoped_release release;
    return twincert::twin_program(twin, set, weights, chosen, converted);
  }();
  py::list cliques, overlaps;
  for (const twincert::relax::Clique& clique : program.problem().cliques) {
    py::dict entry;
    entry["T"] = clique.T;
    entry["lower"] = clique.lower;
    entry["upper"] = clique.upper;
    entry["error"] = clique.error;
    entry["variable_magnitude"] = clique.variable_magnitude;
    entry["ball_rows"] = clique.ball_rows;
    entry["ball_cap"] = clique.ball_cap;
    cliques.append(entry);
  }
  for (const twincert::relax::Overlap& overlap : program.problem().overlaps) {
    py::dict entry;
    entry["first"] = overlap.first;
    entry["second"] = overlap.second;
    entry["first_rows"] = overlap.first_rows;
    entry["second_rows"] = overlap.second_rows;
    overlaps.append(entry);
  }
  py::dict result;
  result["cliques"] = cliques;
  result["overlaps"] = overlaps;
  result["objective"] = program.objective().matrices;
  result["constant"] = program.objective().constant;
  return result;
}

}  // namespace

void bind_certify(py::module_& m) {
  m.def("certify", &certify, py::arg("twin"), py::arg("input_set"), py::kw_only(), py::arg("measure"), py::arg("method"),
        py::arg("threshold"), py::arg("time_limit"), py::arg("settings"), py::arg("rows"), py::arg("callback"),
        "Bound the error of a twin over a set; returns the claim, its proof and the witness.");
  py::class_<twincert::Certifier>(m, "Certifier")
      .def(py::init([](const twincert::network::Twin& twin, const Measure& measure, const std::string& method, const py::dict& settings,
                       const std::optional<py::dict>& rows) {
             return std::make_unique<twincert::Certifier>(twin, options_of(measure, method, settings, rows));
           }),
           py::arg("twin"), py::kw_only(), py::arg("measure"), py::arg("method"), py::arg("settings"), py::arg("rows"))
      .def("setup", &twincert::Certifier::setup, py::arg("input_set"))
      .def("update", &twincert::Certifier::update, py::arg("input_set"))
      .def("solve", &solve, py::kw_only(), py::arg("threshold"), py::arg("time_limit"), py::arg("callback"));
  m.def("check", &check, py::arg("twin"), py::arg("input_set"), py::arg("claim"), py::arg("proof"),
        "Recompute a claim from its proof, without the solver.");
  m.def("twin_program", &twin_program, py::arg("twin"), py::arg("input_set"), py::kw_only(), py::arg("weights"), py::arg("rows"),
        py::arg("settings"), "The relaxation of weights . (f - g) as the arguments of a ChordalProgram.");
  m.def(
      "settings_table",
      [] {
        py::list rows;
        for (const twincert::core::SettingInfo& info : twincert::solver::settings_table()) {
          py::dict row;
          row["name"] = info.name;
          row["type"] = info.type;
          row["default"] = info.default_value;
          row["minimum"] = info.minimum;
          row["maximum"] = info.maximum;
          row["description"] = info.description;
          rows.append(row);
        }
        return rows;
      },
      "The solver's settings: name, type, default, range and a sentence each.");
}
