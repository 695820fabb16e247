#include "twincert/bounds/difference.hpp"

#include <string>

#include "twincert/bounds/backward.hpp"
#include "twincert/bounds/forward.hpp"
#include "twincert/core/error.hpp"

namespace twincert::bounds {
namespace {

void check_intermediate(const Twin& twin, const TwinBounds& bounds) {
  bool fits = bounds.stages.size() == twin.stages().size();
  for (std::size_t k = 0; fits && k < bounds.stages.size(); ++k) {
    const network::StagePair& pair = twin.stages()[k];
    fits = bounds.stages[k].reference.size() == pair.reference.bias.size() &&
           bounds.stages[k].compressed.size() == pair.compressed.bias.size() &&
           bounds.stages[k].difference.size() == (pair.paired ? pair.reference.bias.size() : 0);
  }
  if (!fits) throw core::ShapeError("the intermediate bounds belong to another twin: their stages have other sizes");
}

}  // namespace

Vector difference_maximum(const Twin& twin, const InputSet& set, const TwinBounds& intermediate, const Matrix& output_rows) {
  check_sizes(twin, set);
  check_intermediate(twin, intermediate);
  if (output_rows.cols() != twin.output_size()) {
    throw core::ShapeError("output_rows has " + std::to_string(output_rows.cols()) + " columns, the networks have " +
                           std::to_string(twin.output_size()) + " outputs");
  }
  BackwardPass backward(twin, set);
  for (std::size_t k = 0; k + 1 < twin.stages().size(); ++k) backward.add_stage(intermediate.stages[k]);
  return backward.maximum(static_cast<Index>(twin.stages().size()) - 1, output_rows, -output_rows);
}

}  // namespace twincert::bounds
