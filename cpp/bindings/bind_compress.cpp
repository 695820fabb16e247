#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>

#include "twincert/compress/prune.hpp"
#include "twincert/compress/quantize.hpp"

namespace py = pybind11;
using namespace twincert;

void bind_compress(py::module_& m) {
  m.def(
      "quantize",
      [](const network::Network& network, int bits, const std::string& scheme, bool per_channel, const std::string& rounding) {
        const compress::QuantizeOptions options{bits, compress::quantize_scheme(scheme), per_channel, compress::rounding(rounding)};
        const py::gil_scoped_release release;
        return compress::quantize(network, options);
      },
      py::arg("network"), py::kw_only(), py::arg("bits"), py::arg("scheme"), py::arg("per_channel"), py::arg("rounding"));
  m.def(
      "prune",
      [](const network::Network& network, double sparsity, const std::string& structure, const std::string& scope) {
        compress::PruneOptions options;
        options.sparsity = sparsity;
        options.scope = compress::prune_scope(scope);
        compress::set_structure(options, structure);
        const py::gil_scoped_release release;
        return compress::prune(network, options);
      },
      py::arg("network"), py::kw_only(), py::arg("sparsity"), py::arg("structure"), py::arg("scope"));
}
