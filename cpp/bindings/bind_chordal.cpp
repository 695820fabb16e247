// Chordal problems as plain dictionaries and arrays; python/twincert/sdp.py gives them their public form.
#include <pybind11/eigen.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <optional>
#include <vector>

#include "solving.hpp"
#include "twincert/chordal.hpp"
#include "twincert/solver/admm.hpp"

namespace py = pybind11;

namespace {

using twincert::ChordalProgram;
using twincert::core::Index;
using twincert::core::Matrix;
using twincert::core::Vector;

twincert::relax::Clique clique_of(const py::handle& values) {
  twincert::relax::Clique clique;
  clique.T = py::cast<Matrix>(values["T"]);
  clique.lower = py::cast<Matrix>(values["lower"]);
  clique.upper = py::cast<Matrix>(values["upper"]);
  clique.error = py::cast<Vector>(values["error"]);
  clique.variable_magnitude = py::cast<Vector>(values["variable_magnitude"]);
  clique.ball_rows = py::cast<std::vector<Index>>(values["ball_rows"]);
  clique.ball_cap = py::cast<double>(values["ball_cap"]);
  return clique;
}

ChordalProgram program_of(const py::list& cliques, const py::list& overlaps, const std::vector<Matrix>& objective, double constant) {
  twincert::relax::ChordalProblem problem;
  for (const py::handle& clique : cliques) problem.cliques.push_back(clique_of(clique));
  for (const py::handle& overlap : overlaps) {
    problem.overlaps.push_back({py::cast<Index>(overlap["first"]), py::cast<Index>(overlap["second"]),
                                py::cast<std::vector<Index>>(overlap["first_rows"]), py::cast<std::vector<Index>>(overlap["second_rows"])});
  }
  const py::gil_scoped_release release;
  return {std::move(problem), {objective, constant}};
}

py::dict to_dict(const twincert::ChordalProgress& progress) {
  py::dict result;
  result["iteration"] = progress.iteration;
  result["seconds"] = progress.seconds;
  result["bound"] = progress.bound;
  result["residual"] = progress.residual;
  return result;
}

py::dict solve(const ChordalProgram& program, const py::dict& settings, double time_limit, std::optional<py::function> callback) {
  twincert::bindings::Monitor monitor(std::move(callback));
  twincert::ChordalOptions options;
  options.settings = twincert::bindings::settings_of(settings);
  options.time_limit = time_limit;
  options.callback = [&monitor](const twincert::ChordalProgress& progress) { return monitor([&] { return to_dict(progress); }); };
  const twincert::ChordalSolution solution = [&] {
    const py::gil_scoped_release release;
    return program.solve(options);
  }();
  monitor.rethrow();
  py::list history;
  for (const twincert::ChordalProgress& progress : solution.history) history.append(to_dict(progress));
  py::dict result;
  result["bound"] = solution.bound;
  result["multipliers"] = solution.multipliers;
  result["iterations"] = solution.iterations;
  result["status"] = twincert::core::to_string(solution.status);
  result["residual"] = solution.residual;
  result["memory_estimate"] = solution.memory_estimate;
  result["history"] = history;
  return result;
}

// Of every iteration of the splitting by itself, without the bounds in between: for benchmarks/compare_iteration.py.
std::vector<double> iteration_seconds(const ChordalProgram& program, const py::dict& settings, Index iterations) {
  const twincert::solver::Settings chosen = twincert::bindings::settings_of(settings);
  const py::gil_scoped_release release;
  twincert::core::ThreadPool pool(static_cast<int>(chosen.threads));
  twincert::solver::Admm splitting(program.problem(), chosen, pool);
  splitting.set_objective(program.objective());
  std::vector<double> seconds;
  for (Index iteration = 0; iteration < iterations; ++iteration) {
    const auto begin = std::chrono::steady_clock::now();
    if (!splitting.iterate([] { return true; })) break;
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return seconds;
}

}  // namespace

void bind_chordal(py::module_& m) {
  py::class_<ChordalProgram>(m, "ChordalProgram")
      .def(py::init(&program_of), py::arg("cliques"), py::arg("overlaps"), py::arg("objective"), py::arg("constant"))
      .def("bound", &ChordalProgram::bound, py::arg("multipliers"), py::call_guard<py::gil_scoped_release>())
      .def("solve", &solve, py::kw_only(), py::arg("settings"), py::arg("time_limit"), py::arg("callback"))
      .def("iteration_seconds", &iteration_seconds, py::kw_only(), py::arg("settings"), py::arg("iterations"))
      .def_property_readonly("variable_magnitude", [](const ChordalProgram& program) {
        std::vector<Vector> magnitudes;
        for (const auto& clique : program.problem().cliques) magnitudes.push_back(clique.variable_magnitude);
        return magnitudes;
      });
}
