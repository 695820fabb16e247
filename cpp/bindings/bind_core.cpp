#include <pybind11/eigen.h>
#include <pybind11/operators.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <string>

#include "twincert/core/blas.hpp"
#include "twincert/core/error.hpp"
#include "twincert/core/interval.hpp"
#include "twincert/core/measure.hpp"
#include "twincert/core/positive_eigenpairs.hpp"

namespace py = pybind11;
using namespace twincert::core;

namespace {

void raise(const char* name, const Error& error) { py::set_error(py::module_::import("twincert.errors").attr(name), error.what()); }

// The classes of twincert.errors are looked up late: the module is imported after this one.
void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const ShapeError& error) {
    raise("ShapeError", error);
  } catch (const SettingsError& error) {
    raise("SettingsError", error);
  } catch (const ParseError& error) {
    raise("ParseError", error);
  } catch (const UnsupportedLayerError& error) {
    raise("UnsupportedLayerError", error);
  } catch (const BackendUnavailableError& error) {
    raise("BackendUnavailableError", error);
  } catch (const Error& error) {
    raise("TwincertError", error);
  }
}

// A capsule's name is the C signature; `arguments` counts its parameters, all of them 32-bit integers, chars or floating-point numbers by
// address.
template <typename Function>
void borrow(const py::dict& capsules, const std::string& name, int arguments, Function& target) {
  if (!capsules.contains(name.c_str())) throw BackendUnavailableError("no BLAS routine \"" + name + "\" among the given capsules");
  const py::object capsule = capsules[name.c_str()];
  if (!PyCapsule_CheckExact(capsule.ptr())) throw BackendUnavailableError("\"" + name + "\" is not a capsule");
  const char* signature = PyCapsule_GetName(capsule.ptr());
  int commas = 0;
  for (const char* c = signature; c && *c; ++c) commas += *c == ',';
  const std::string numbers = std::string("_") + name.front() + " *";  // SciPy's types of doubles and floats end in _d and _s
  const bool precise = signature && std::strstr(signature, numbers.c_str());
  if (!precise || commas + 1 != arguments || !std::strstr(signature, "int *") || std::strstr(signature, "long")) {
    throw BackendUnavailableError("\"" + name + "\" has an unexpected signature: " + (signature ? signature : "none"));
  }
  target = reinterpret_cast<Function>(PyCapsule_GetPointer(capsule.ptr(), signature));
}

template <typename Scalar>
void borrow_routines(const py::dict& capsules, const std::string& precision, BlasRoutines<Scalar>& routines) {
  borrow(capsules, precision + "gemm", 13, routines.gemm);
  borrow(capsules, precision + "syrk", 10, routines.syrk);
  borrow(capsules, precision + "symm", 12, routines.symm);
  borrow(capsules, precision + "sytrd", 10, routines.eigen.sytrd);
  borrow(capsules, precision + "stedc", 11, routines.eigen.stedc);
  borrow(capsules, precision + "ormtr", 13, routines.eigen.ormtr);
}

void register_capsules(const py::dict& capsules) {
  BlasTable table;
  borrow_routines(capsules, "d", table.doubles);
  borrow_routines(capsules, "s", table.floats);
  borrow(capsules, "dtrsm", 11, table.dtrsm);
  borrow(capsules, "dpotrf", 5, table.dpotrf);
  register_blas(table);
}

void bind_interval(py::module_& m) {
  py::class_<Interval>(m, "Interval")
      .def(py::init<double, double>(), py::arg("lower"), py::arg("upper"))
      .def_readonly("lower", &Interval::lower)
      .def_readonly("upper", &Interval::upper)
      .def_property_readonly("magnitude", &Interval::magnitude)
      .def_property_readonly("width", &Interval::width)
      .def(py::self + py::self)
      .def(py::self - py::self)
      .def(py::self * py::self)
      .def(double() * py::self)
      .def(-py::self)
      .def(
          "intersect", [](Interval a, Interval b) { return intersect(a, b); }, py::arg("other"))
      .def(
          "hull", [](Interval a, Interval b) { return hull(a, b); }, py::arg("other"))
      .def("__repr__", [](Interval a) { return py::str("Interval({!r}, {!r})").format(a.lower, a.upper); });
  m.def("next_up", &next_up, py::arg("x"));
  m.def("next_down", &next_down, py::arg("x"));
  m.def("gamma", &twincert::core::gamma, py::arg("n"));
  m.def("round_up_sum", &round_up_sum, py::arg("computed"), py::arg("terms"));
  m.def(
      "affine_image",
      [](const Matrix& weight, const Vector& bias, const Vector& lower, const Vector& upper) {
        IntervalVector image = affine_image(weight, bias, {lower, upper});
        return py::make_tuple(std::move(image.lower), std::move(image.upper));
      },
      py::arg("weight"), py::arg("bias"), py::arg("lower"), py::arg("upper"));
  m.def(
      "linear_maximum",
      [](const Matrix& coefficients, const Vector& lower, const Vector& upper) {
        return linear_maximum(coefficients, IntervalVector{lower, upper});
      },
      py::arg("coefficients"), py::arg("lower"), py::arg("upper"));
}

}  // namespace

void bind_core(py::module_& m) {
  py::register_exception_translator(&translate);
  bind_interval(m);

  py::class_<Measure>(m, "Measure")
      .def(py::init([](const std::string& kind, Index output, Index other, double weight_x, double weight, const std::string& of) {
             return Measure{measure_kind(kind), output, other, weight_x, weight, twincert::core::affine_input(of)};
           }),
           py::arg("kind"), py::arg("output") = 0, py::arg("other") = 0, py::arg("weight_x") = 1.0, py::arg("weight") = 1.0,
           py::arg("of") = "input")
      .def_property_readonly("kind", [](const Measure& measure) { return to_string(measure.kind); })
      .def_readonly("output", &Measure::output)
      .def_readonly("other", &Measure::other)
      .def_readonly("weight_x", &Measure::weight_x)
      .def_readonly("weight", &Measure::weight)
      .def_property_readonly("of", [](const Measure& measure) { return twincert::core::to_string(measure.of); })
      .def("__call__", &Measure::operator(), py::arg("reference"), py::arg("compressed"))
      .def("at", &Measure::at, py::arg("x"), py::arg("y"), py::arg("reference"), py::arg("compressed"))
      .def("__str__", [](const Measure& measure) { return to_string(measure); });
  m.attr("top1_outputs") = twincert::core::top1_outputs;
  m.attr("smallest_weight") = twincert::core::smallest_weight;
  m.attr("largest_weight") = twincert::core::largest_weight;

  m.def("register_blas", &register_capsules, py::arg("capsules"));
  m.def("blas_registered", &blas_registered);
  m.def(
      "positive_eigenpairs",
      [](Matrix matrix) {
        PositiveEigenpairs<double> pairs(matrix.rows());
        const bool converged = pairs.find(matrix);
        return py::make_tuple(converged, Vector(pairs.values()), Matrix(pairs.vectors()));
      },
      py::arg("matrix"));
}
