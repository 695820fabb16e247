#include "twincert/network/twin.hpp"

#include "twincert/core/error.hpp"

namespace twincert::network {
namespace {

using core::ShapeError;

std::vector<Stage> padded(std::vector<Stage> stages, std::size_t depth) {
  const Index width = stages.back().weight.cols();
  const Stage identity{Matrix::Identity(width, width), Vector::Zero(width), {}};
  if (stages.size() < depth) stages.insert(stages.end() - 1, depth - stages.size(), identity);
  return stages;
}

bool comparable(const Activation& f, const Activation& g) { return f == g || (f.piecewise_linear() && g.piecewise_linear()); }

}  // namespace

Twin::Twin(Network reference, Network compressed) : reference_(std::move(reference)), compressed_(std::move(compressed)) {
  const auto require = [](const char* what, Index f, Index g) {
    if (f == g) return;
    throw ShapeError("the networks of a twin need equal " + std::string(what) + " sizes: the reference has " + std::to_string(f) +
                     ", the compressed network " + std::to_string(g));
  };
  require("input", reference_.input_size(), compressed_.input_size());
  require("output", reference_.output_size(), compressed_.output_size());
  const std::size_t depth = std::max(reference_.stages().size(), compressed_.stages().size());
  const std::vector<Stage> f = padded(reference_.stages(), depth);
  const std::vector<Stage> g = padded(compressed_.stages(), depth);
  for (std::size_t k = 0; k < depth; ++k) {
    stages_.push_back({f[k], g[k], f[k].bias.size() == g[k].bias.size() && comparable(f[k].activation, g[k].activation)});
  }
}

Matrix Twin::error(const Matrix& x) const { return error(x, x); }

Matrix Twin::error(const Matrix& x, const Matrix& y) const {
  if (x.cols() != y.cols()) {
    throw ShapeError("twin error: " + std::to_string(x.cols()) + " points for the reference, but " + std::to_string(y.cols()) +
                     " for the compressed network");
  }
  return reference_.evaluate(x) - compressed_.evaluate(y);
}

}  // namespace twincert::network
