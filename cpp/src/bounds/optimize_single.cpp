#include "twincert/bounds/optimize_single.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "twincert/bounds/optimize_kernels.hpp"
#include "twincert/bounds/rounding.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double tiny = 1e-300;

// A neuron of one row whose side is fixed.
struct Fixed {
  Index row;
  std::size_t stage;
  Index free;
  double sign;
  double beta = 0.0, first = 0.0, second = 0.0;
};

class Pass {
 public:
  Pass(const std::vector<FreeStage>& stages, const IntervalVector& box, const InputForms& start)
      : stages_(stages), box_(box), start_(start), lines_(), coefficients_(stages.size()) {
    for (const FreeStage& stage : stages) lines_.emplace_back(stage, start.rows.rows());
  }

  std::vector<FreeLines>& lines() { return lines_; }
  const Matrix& coefficients(std::size_t stage) const { return coefficients_[stage]; }
  const InputForms& forms() const { return forms_; }

  Vector backward() {
    forms_ = start_;
    const Index count = forms_.rows.rows();
    for (std::size_t j = stages_.size(); j-- > 0;) {
      coefficients_[j] = forms_.rows;
      Vector shift = Vector::Zero(count);
      Vector load = Vector::Zero(count);
      lines_[j].relax(stages_[j], forms_.rows, shift, load);
      add_neuron_terms(forms_.constant, shift, load, forms_.rows.cols(), stages_[j].side->value_sum);
      BackwardPass::through_affine(*stages_[j].side, forms_.rows, forms_.constant);
    }
    return box_maximum(forms_.rows, forms_.constant, box_, points_);
  }

  // Follows the rows' worst points upwards and moves the slopes, and the multipliers of fixed neurons.
  void forward(const AdamStep& step, std::vector<Fixed>& fixed) {
    Matrix values = points_;
    Matrix next;
    for (std::size_t j = 0; j < stages_.size(); ++j) {
      affine_points(stages_[j], values, next);
      std::swap(values, next);
      for (Fixed& neuron : fixed) {
        if (neuron.stage == j) push(step, neuron, values(neuron.row, stages_[j].free[static_cast<std::size_t>(neuron.free)].column));
      }
      lines_[j].follow(stages_[j], step, coefficients_[j], values);
    }
  }

 private:
  void push(const AdamStep& step, Fixed& neuron, double value) {
    const double gradient = neuron.sign * value;
    neuron.first = step.decay1 * neuron.first + (1.0 - step.decay1) * gradient;
    neuron.second = step.decay2 * neuron.second + (1.0 - step.decay2) * gradient * gradient;
    const double direction = neuron.first * step.correction1 / (std::sqrt(neuron.second * step.correction2) + tiny);
    const double scale = coefficients_[neuron.stage].row(neuron.row).cwiseAbs().maxCoeff();
    neuron.beta = std::max(neuron.beta - step.rate * scale * direction, 0.0);
    lines_[neuron.stage].push(neuron.row, neuron.free) = neuron.sign * neuron.beta;
  }

  const std::vector<FreeStage>& stages_;
  const IntervalVector& box_;
  const InputForms& start_;
  std::vector<FreeLines> lines_;
  std::vector<Matrix> coefficients_;  // of the values after each stage
  InputForms forms_;
  Matrix points_;  // where the forms are largest over the box
};

// How much a row loses to a free neuron's lines, at most about.
double looseness(const FreeNeuron& neuron, double coefficient, double alpha) {
  if (coefficient > 0.0) return coefficient * (1.0 - neuron.chord) * neuron.upper;
  return -coefficient * std::min((1.0 - alpha) * neuron.upper, (neuron.slope - alpha) * neuron.lower);
}

// The neurons of every row with the largest looseness, in all signs.
std::vector<Fixed> choose_fixed(const std::vector<FreeStage>& stages, const Pass& pass, const std::vector<Matrix>& alpha, Index rows,
                                std::size_t neurons) {
  std::vector<Fixed> fixed;
  for (Index r = 0; r < rows; ++r) {
    std::vector<double> best(neurons, 0.0);
    std::vector<Fixed> chosen(neurons);
    for (std::size_t j = 0; j < stages.size(); ++j) {
      for (std::size_t k = 0; k < stages[j].free.size(); ++k) {
        Fixed candidate{r, j, static_cast<Index>(k), 1.0};
        double score = looseness(stages[j].free[k], pass.coefficients(j)(r, stages[j].free[k].column), alpha[j](r, candidate.free));
        for (std::size_t place = 0; place < best.size(); ++place) {
          if (!(score > best[place])) continue;
          std::swap(score, best[place]);
          std::swap(candidate, chosen[place]);
        }
      }
    }
    for (Index c = 0; c < Index{1} << neurons; ++c) {
      for (std::size_t place = 0; place < best.size(); ++place) {
        if (!(best[place] > 0.0)) continue;
        Fixed neuron = chosen[place];
        neuron.row = (r << neurons) + c;
        neuron.sign = ((c >> place) & 1) != 0 ? 1.0 : -1.0;
        fixed.push_back(neuron);
      }
    }
  }
  return fixed;
}

std::vector<Index> repeated(Index rows, Index times) {
  std::vector<Index> result;
  for (Index r = 0; r < rows * times; ++r) result.push_back(r / times);
  return result;
}

}  // namespace

BestForms::BestForms(Index rows, Index inputs)
    : forms{Matrix::Zero(rows, inputs), Vector::Constant(rows, infinity)}, value(Vector::Constant(rows, infinity)) {}

Vector BestForms::keep(const InputForms& found, const Vector& found_value) {
  Vector better(value.size());
  for (Index r = 0; r < value.size(); ++r) {
    better[r] = std::isfinite(found_value[r]) && found_value[r] <= value[r] ? 1.0 : 0.0;
    if (better[r] == 0.0) continue;
    forms.constant[r] = found.constant[r];
    value[r] = found_value[r];
  }
  take_rows(better, found.rows, forms.rows);
  return better;
}

void take_rows(const Vector& better, const Matrix& found, Matrix& kept) {
  for (Index i = 0; i < kept.cols(); ++i) take_rows(better.size(), better.data(), found.col(i).data(), kept.col(i).data());
}

Vector box_maximum(const Matrix& rows, const Vector& constant, const IntervalVector& box, Matrix& points) {
  points.resize(rows.rows(), rows.cols());
  Vector value = constant;
  for (Index i = 0; i < rows.cols(); ++i)
    box_rows(box.lower[i], box.upper[i], rows.rows(), rows.col(i).data(), points.col(i).data(), value.data());
  return value;
}

InputForms optimize_lines(const std::vector<FreeStage>& stages, const IntervalVector& box, const InputForms& start,
                          std::vector<Matrix>& alpha) {
  Pass pass(stages, box, start);
  BestForms best(start.rows.rows(), box.size());
  alpha.clear();
  for (const FreeLines& lines : pass.lines()) alpha.push_back(lines.alpha);
  const auto run = [&] {
    const Vector value = pass.backward();
    const Vector better = best.keep(pass.forms(), value);
    for (std::size_t j = 0; j < stages.size(); ++j) take_rows(better, pass.lines()[j].alpha, alpha[j]);
  };
  for (const LineChoice choice : {LineChoice::tight, LineChoice::flat}) {
    for (std::size_t j = 0; j < stages.size(); ++j) pass.lines()[j].set_alpha(stages[j], choice);
    run();
  }
  for (std::size_t j = 0; j < stages.size(); ++j) pass.lines()[j].alpha = alpha[j];
  std::vector<Fixed> none;
  pass.backward();
  double rate = 0.4;
  for (int step = 0; step < single_steps; ++step) {
    pass.forward(AdamStep(rate, 0.9, 0.999, step), none);
    run();
    rate *= 0.9;
  }
  return best.forms;
}

InputForms optimize_cases(const std::vector<FreeStage>& stages, const IntervalVector& box, const InputForms& start,
                          const std::vector<Matrix>& alpha, Index neurons) {
  const Index rows = start.rows.rows();
  const Index cases = Index{1} << neurons;
  std::vector<Fixed> fixed;
  {
    Pass parent(stages, box, start);
    for (std::size_t j = 0; j < stages.size(); ++j) parent.lines()[j].alpha = alpha[j];
    parent.backward();
    fixed = choose_fixed(stages, parent, alpha, rows, static_cast<std::size_t>(neurons));
  }
  const std::vector<Index> parents = repeated(rows, cases);
  const InputForms children{start.rows(parents, Eigen::all), start.constant(parents)};
  Pass pass(stages, box, children);
  for (std::size_t j = 0; j < stages.size(); ++j) pass.lines()[j].alpha = alpha[j](parents, Eigen::all);
  for (const Fixed& neuron : fixed) pass.lines()[neuron.stage].code(neuron.row, neuron.free) = neuron.sign;
  BestForms best(rows * cases, box.size());
  Vector value = pass.backward();
  best.keep(pass.forms(), value);
  double rate = 0.2;
  for (int step = 0; step < case_steps; ++step) {
    pass.forward(AdamStep(rate, 0.9, 0.99, step), fixed);
    value = pass.backward();
    best.keep(pass.forms(), value);
    rate *= 0.95;
  }
  return best.forms;
}

}  // namespace twincert::bounds
