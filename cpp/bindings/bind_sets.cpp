#include <pybind11/eigen.h>
#include <pybind11/pybind11.h>

#include "twincert/sets/input_set.hpp"

namespace py = pybind11;
using namespace twincert::sets;

namespace {

py::tuple bounds(const IntervalVector& box) { return py::make_tuple(box.lower, box.upper); }

}  // namespace

void bind_sets(py::module_& m) {
  py::class_<InputSet>(m, "InputSet")
      .def(py::init([](Vector lower, Vector upper, Vector difference) {
             return InputSet(Box{{std::move(lower), std::move(upper)}}, std::move(difference));
           }),
           py::arg("lower"), py::arg("upper"), py::arg("difference"))
      .def(py::init([](Vector center, double radius, Vector difference) {
             return InputSet(Ball{std::move(center), radius}, std::move(difference));
           }),
           py::kw_only(), py::arg("center"), py::arg("radius"), py::arg("difference"))
      .def(py::init([](Matrix A, Vector b, Vector lower, Vector upper, Vector difference) {
             return InputSet(Polytope{std::move(A), std::move(b), {std::move(lower), std::move(upper)}}, std::move(difference));
           }),
           py::kw_only(), py::arg("A"), py::arg("b"), py::arg("lower"), py::arg("upper"), py::arg("difference"))
      .def_property_readonly("size", &InputSet::size)
      .def_property_readonly("difference", &InputSet::difference)
      .def_property_readonly("shared_input", &InputSet::shared_input)
      .def_property_readonly("bounding_box", [](const InputSet& set) { return bounds(set.bounding_box()); })
      .def_property_readonly("compressed_bounding_box", [](const InputSet& set) { return bounds(set.compressed_bounding_box()); })
      .def("maximum", py::overload_cast<const Matrix&>(&InputSet::maximum, py::const_), py::arg("coefficients"))
      .def("maximum", py::overload_cast<const Matrix&, const Matrix&>(&InputSet::maximum, py::const_), py::arg("reference_coefficients"),
           py::arg("compressed_coefficients"))
      .def("contains", py::overload_cast<const Vector&>(&InputSet::contains, py::const_), py::arg("x"))
      .def("contains", py::overload_cast<const Vector&, const Vector&>(&InputSet::contains, py::const_), py::arg("x"), py::arg("y"))
      .def("sample", &InputSet::sample, py::arg("count"), py::arg("seed"))
      .def("project", &InputSet::project, py::arg("x"));
}
