#include <pybind11/eigen.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "twincert/network/bracket.hpp"
#include "twincert/network/twin.hpp"

namespace py = pybind11;
using namespace twincert::network;

namespace {

void bind_layers(py::module_& m) {
  py::class_<Dense>(m, "Dense")
      .def(py::init([](Matrix weight, Vector bias) {
             return Dense{std::move(weight), std::move(bias)};
           }),
           py::arg("weight"), py::arg("bias"))
      .def_readonly("weight", &Dense::weight)
      .def_readonly("bias", &Dense::bias);

  py::class_<Activation>(m, "Activation")
      .def(py::init([](const std::string& kind, double slope, double lower, double upper, double step) {
             return Activation{activation_kind(kind), slope, lower, upper, step};
           }),
           py::arg("kind"), py::arg("slope") = 0.0, py::arg("lower") = 0.0, py::arg("upper") = 0.0, py::arg("step") = 0.0)
      .def_property_readonly("kind", [](const Activation& a) { return to_string(a.kind); })
      .def_readonly("slope", &Activation::slope)
      .def_readonly("lower", &Activation::lower)
      .def_readonly("upper", &Activation::upper)
      .def_readonly("step", &Activation::step)
      .def_property_readonly("piecewise_linear", &Activation::piecewise_linear)
      .def("__call__", &Activation::operator(), py::arg("x"))
      .def(
          "__eq__", [](const Activation& a, const Activation& b) { return a == b; }, py::is_operator())
      .def("__hash__", [](const Activation& a) { return py::hash(py::make_tuple(to_string(a.kind), a.slope, a.lower, a.upper, a.step)); })
      .def("image", &Activation::image, py::arg("x"))
      .def("difference_image", &Activation::difference_image, py::arg("a"), py::arg("b"), py::arg("difference"))
      .def("slope_range", &Activation::slope_range, py::arg("x"))
      .def("evaluation_error", &Activation::evaluation_error, py::arg("x"));

  m.def("difference_image", &difference_image, py::arg("f"), py::arg("g"), py::arg("a"), py::arg("b"), py::arg("difference"));

  py::class_<Layer>(m, "Layer")
      .def(py::init([](std::string name, Operation operation, std::vector<Index> inputs) {
             return Layer{std::move(name), std::move(operation), std::move(inputs)};
           }),
           py::arg("name"), py::arg("operation"), py::arg("inputs"))
      .def_readonly("name", &Layer::name)
      .def_readonly("operation", &Layer::operation)
      .def_readonly("inputs", &Layer::inputs);

  py::class_<Stage>(m, "Stage")
      .def_readonly("weight", &Stage::weight)
      .def_readonly("bias", &Stage::bias)
      .def_readonly("activation", &Stage::activation);
}

}  // namespace

void bind_network(py::module_& m) {
  bind_layers(m);

  py::class_<Network>(m, "Network")
      .def(py::init<Index, std::vector<Layer>>(), py::arg("input_size"), py::arg("layers"))
      .def_static("from_arrays", &Network::from_arrays, py::arg("layers"), py::arg("activation"))
      .def_property_readonly("input_size", &Network::input_size)
      .def_property_readonly("output_size", &Network::output_size)
      .def_property_readonly("layers", &Network::layers)
      .def_property_readonly("stages", &Network::stages)
      .def_property_readonly("parameter_count", &Network::parameter_count)
      .def("evaluate", &Network::evaluate, py::arg("points"), py::call_guard<py::gil_scoped_release>());

  py::class_<StagePair>(m, "StagePair")
      .def_readonly("reference", &StagePair::reference)
      .def_readonly("compressed", &StagePair::compressed)
      .def_readonly("paired", &StagePair::paired);

  py::class_<Twin>(m, "Twin")
      .def(py::init<Network, Network>(), py::arg("reference"), py::arg("compressed"))
      .def_property_readonly("reference", &Twin::reference)
      .def_property_readonly("compressed", &Twin::compressed)
      .def_property_readonly("input_size", &Twin::input_size)
      .def_property_readonly("output_size", &Twin::output_size)
      .def_property_readonly("stages", &Twin::stages)
      .def("error", py::overload_cast<const Matrix&, const Matrix&>(&Twin::error, py::const_), py::arg("x"), py::arg("y"),
           py::call_guard<py::gil_scoped_release>());
}
