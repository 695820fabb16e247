// The extension module: one bind_<module>.cpp per C++ module, in the order of their dependencies.
#include <pybind11/pybind11.h>

void bind_core(pybind11::module_& m);
void bind_network(pybind11::module_& m);
void bind_sets(pybind11::module_& m);
void bind_attack(pybind11::module_& m);
void bind_bounds(pybind11::module_& m);
void bind_compress(pybind11::module_& m);
void bind_certify(pybind11::module_& m);
void bind_chordal(pybind11::module_& m);

PYBIND11_MODULE(_core, m) {
  m.doc() = "C++ core of twincert; use the public names of the twincert package instead.";
  bind_core(m);
  bind_network(m);
  bind_sets(m);
  bind_attack(m);
  bind_bounds(m);
  bind_compress(m);
  bind_certify(m);
  bind_chordal(m);
}
