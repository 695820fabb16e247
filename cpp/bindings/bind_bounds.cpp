#include <pybind11/eigen.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "twincert/bounds/difference.hpp"
#include "twincert/bounds/measure_rows.hpp"
#include "twincert/bounds/optimize.hpp"
#include "twincert/bounds/twin_bounds.hpp"

namespace py = pybind11;

void bind_bounds(py::module_& m) {
  using twincert::bounds::IntervalVector;
  using twincert::bounds::StageBounds;
  using twincert::bounds::TwinBounds;
  using Release = py::call_guard<py::gil_scoped_release>;

  const auto as_tuple = [](const IntervalVector& x) { return py::make_tuple(x.lower, x.upper); };
  py::class_<StageBounds>(m, "StageBounds", "Proven (lower, upper) arrays of the values before one stage's activation.")
      .def_property_readonly("reference", [as_tuple](const StageBounds& b) { return as_tuple(b.reference); })
      .def_property_readonly("compressed", [as_tuple](const StageBounds& b) { return as_tuple(b.compressed); })
      .def_property_readonly(
          "difference",
          [as_tuple](const StageBounds& b) -> py::object {
            return b.difference.size() == b.reference.size() ? py::object(as_tuple(b.difference)) : py::object(py::none());
          },
          "None where the stage's neurons are not paired.");
  py::class_<TwinBounds>(m, "TwinBounds", "Proven bounds of every stage of a twin.")
      .def_readonly("stages", &TwinBounds::stages)
      .def_readonly("evaluation_error", &TwinBounds::evaluation_error)
      .def(
          "intersect", [](const TwinBounds& a, const TwinBounds& b) { return twincert::bounds::intersect(a, b); }, py::arg("other"));
  m.def("interval_bounds", &twincert::bounds::interval_bounds, py::arg("twin"), py::arg("set"), Release(),
        "Differential interval propagation.");
  m.def("crown_bounds", &twincert::bounds::crown_bounds, py::arg("twin"), py::arg("set"), Release(),
        "Backward linear bounds with the exact pair envelope.");
  using twincert::bounds::OptimizationPlan;
  m.attr("operation_budget") = twincert::bounds::operation_budget;
  m.attr("largest_budget") = twincert::bounds::largest_budget;
  py::class_<OptimizationPlan>(m, "OptimizationPlan", "How much optimized_bounds() does.")
      .def_readonly("case_neurons", &OptimizationPlan::case_neurons)
      .def_readonly("intermediate_planes", &OptimizationPlan::intermediate_planes)
      .def_readonly("intermediate_lines", &OptimizationPlan::intermediate_lines)
      .def_readonly("quadratic_steps", &OptimizationPlan::quadratic_steps)
      .def_readonly("output_steps", &OptimizationPlan::output_steps)
      .def_readonly("operations", &OptimizationPlan::operations);
  m.def("optimization_plan", &twincert::bounds::optimization_plan, py::arg("twin"), py::arg("crown"),
        py::arg("budget") = twincert::bounds::operation_budget, "What fits into a budget of floating-point operations.");
  m.def(
      "optimized_bounds",
      [](const twincert::network::Twin& twin, const twincert::sets::InputSet& set, int threads, double budget) {
        return twincert::bounds::optimized_bounds(twin, set, twincert::bounds::crown_bounds(twin, set), threads, budget);
      },
      py::arg("twin"), py::arg("set"), py::arg("threads") = 0, py::arg("budget") = twincert::bounds::operation_budget, Release(),
      "crown_bounds() with optimised lines and planes and a case analysis; threads 0: one per core.");
  m.def("difference_maximum", &twincert::bounds::difference_maximum, py::arg("twin"), py::arg("set"), py::arg("intermediate"),
        py::arg("output_rows"), Release(), "Upper bounds of output_rows (f(x) - g(y)), one per row.");
  m.def(
      "measure_rows",
      [](const twincert::core::Measure& measure, twincert::core::Index outputs) {
        twincert::bounds::OutputRows rows = twincert::bounds::measure_rows(measure, outputs);
        return py::make_tuple(std::move(rows.reference), std::move(rows.compressed));
      },
      py::arg("measure"), py::arg("outputs"), "Coefficients of f and of g in every row that bounds a measure.");
  m.def(
      "row_maxima",
      py::overload_cast<const twincert::core::Measure&, const twincert::network::Twin&, const twincert::sets::InputSet&, const TwinBounds&>(
          &twincert::bounds::row_maxima),
      py::arg("measure"), py::arg("twin"), py::arg("set"), py::arg("bounds"), Release(),
      "Proven maxima of the measure's rows over the set, rounding of the evaluation not included.");
  m.def("measure_upper", &twincert::bounds::measure_upper, py::arg("measure"), py::arg("outputs"), py::arg("row_maxima"),
        py::arg("evaluation_error"), "Bound of the measure from proven maxima of its rows.");
}
