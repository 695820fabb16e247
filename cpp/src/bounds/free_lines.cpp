#include "twincert/bounds/free_lines.hpp"

#include <cmath>

#include "twincert/bounds/optimize_kernels.hpp"
#include "twincert/core/small_product.hpp"

namespace twincert::bounds {
namespace {

using network::ActivationKind;

// The fixed lines of the columns that are not free, and the free neurons by their number, in the order of the columns.
template <typename Fixed, typename Free>
void each_column(const FreeStage& stage, Fixed&& fixed, Free&& free) {
  std::size_t next = 0;
  for (std::size_t n = 0; n < stage.side->live.size(); ++n) {
    const auto column = static_cast<Index>(n);
    if (next < stage.free.size() && stage.free[next].column == column) {
      free(stage.free[next], static_cast<Index>(next));
      ++next;
    } else {
      fixed(stage.side->tight[n], column);
    }
  }
}

bool identity(const LinePair& lines) { return lines.load == 0.0 && lines.lower.slope == 1.0; }

}  // namespace

AdamStep::AdamStep(double rate, double decay1, double decay2, int step)
    : rate(rate),
      decay1(decay1),
      decay2(decay2),
      correction1(1.0 / (1.0 - std::pow(decay1, step + 1))),
      correction2(1.0 / (1.0 - std::pow(decay2, step + 1))) {}

FreeStage::FreeStage(const BackwardPass::Side& side, const network::Activation& activation, const IntervalVector& bounds)
    : side(&side), weight_transpose(side.weight.transpose()) {
  const bool leaky = activation.kind == ActivationKind::leaky_relu;
  if (activation.kind != ActivationKind::relu && !leaky) return;
  const double slope = leaky ? activation.slope : 0.0;
  for (std::size_t n = 0; n < side.live.size(); ++n) {
    const Interval x = bounds[side.live[n]];
    const double width = x.upper - x.lower;
    if (x.lower < 0.0 && x.upper > 0.0 && std::isfinite(width))
      free.push_back({static_cast<Index>(n), x.lower, x.upper, slope, (x.upper - slope * x.lower) / width});
  }
}

FreeLines::FreeLines(const FreeStage& stage, Index rows) {
  const auto count = static_cast<Index>(stage.free.size());
  for (Matrix* const matrix : {&alpha, &first, &second, &code, &push}) *matrix = Matrix::Zero(rows, count);
}

void FreeLines::set_alpha(const FreeStage& stage, LineChoice choice) {
  for (std::size_t k = 0; k < stage.free.size(); ++k) {
    const FreeNeuron& neuron = stage.free[k];
    const bool steep = choice == LineChoice::tight && neuron.upper > -neuron.lower;
    alpha.col(static_cast<Index>(k)).setConstant(steep ? 1.0 : neuron.slope);
  }
}

void FreeLines::relax(const FreeStage& stage, Matrix& rows, Vector& constant, Vector& load) const {
  each_column(
      stage,
      [&](const LinePair& lines, Index column) {
        if (!identity(lines)) relax_single(lines, rows.rows(), rows.col(column).data(), constant.data(), load.data());
      },
      [&](const FreeNeuron& neuron, Index k) {
        free_rows(neuron, rows.rows(), alpha.col(k).data(), code.col(k).data(), push.col(k).data(), rows.col(neuron.column).data(),
                  constant.data(), load.data());
      });
}

void FreeLines::follow(const FreeStage& stage, const AdamStep& step, const Matrix& coefficients, Matrix& values) {
  each_column(
      stage,
      [&](const LinePair& lines, Index column) {
        if (identity(lines)) return;
        for (Index r = 0; r < values.rows(); ++r) {
          const Line& line = coefficients(r, column) > 0.0 ? lines.upper : lines.lower;
          values(r, column) = line.slope * values(r, column) + line.intercept;
        }
      },
      [&](const FreeNeuron& neuron, Index k) {
        free_points(neuron, step, values.rows(), coefficients.col(neuron.column).data(), code.col(k).data(), alpha.col(k).data(),
                    first.col(k).data(), second.col(k).data(), values.col(neuron.column).data());
      });
}

void affine_points(const FreeStage& stage, const Matrix& inputs, Matrix& values) {
  core::product(inputs, stage.weight_transpose, values);
  values.rowwise() += stage.side->bias.transpose();
}

}  // namespace twincert::bounds
