#include <pybind11/eigen.h>
#include <pybind11/pybind11.h>

#include "twincert/attack/attack.hpp"

namespace py = pybind11;
using namespace twincert::attack;

void bind_attack(py::module_& m) {
  py::class_<AttackResult>(m, "AttackResult")
      .def_readonly("reference_input", &AttackResult::reference_input)
      .def_readonly("compressed_input", &AttackResult::compressed_input)
      .def_readonly("reference_output", &AttackResult::reference_output)
      .def_readonly("compressed_output", &AttackResult::compressed_output)
      .def_readonly("value", &AttackResult::value);

  m.def(
      "attack",
      [](const twincert::network::Twin& twin, const twincert::sets::InputSet& set, const Measure& measure, Index restarts, Index steps,
         std::uint64_t seed) {
        return attack(twin, set, measure, AttackOptions{restarts, steps, seed});
      },
      py::arg("twin"), py::arg("set"), py::arg("measure"), py::arg("restarts") = AttackOptions{}.restarts,
      py::arg("steps") = AttackOptions{}.steps, py::arg("seed") = AttackOptions{}.seed, py::call_guard<py::gil_scoped_release>());
}
