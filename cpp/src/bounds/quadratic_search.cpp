#include "twincert/bounds/quadratic_search.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "twincert/bounds/free_lines.hpp"
#include "twincert/core/small_product.hpp"

namespace twincert::bounds {
namespace {

constexpr double tiny = 1e-300;
constexpr double least_share = 0.05;  // of the mean weight, to begin with
constexpr double least_weight = 1e-200;
constexpr double softness = 0.02;  // of signs, relative to what they are signs of
constexpr double noise = 1e-6;
constexpr double slope_rate = 0.05;
constexpr double last_rate = 0.02;  // of the first one
constexpr double first_bend = 4.0;  // reach over 1 / kappa to begin with; so many times `deeper_bend` as there are more stages
constexpr double deeper_bend = 3.0;
constexpr int first_powers = 8;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result;
  core::product(a, b, result);
  return result;
}

// The gradient of a row's smoothed 1-norm. A sign would jump with the last bit of a number that is about to vanish, and make every later
// step depend on the library that rounded it; a checker has to end where the prover did.
Matrix soft_signs(const Matrix& x) {
  const Vector width = (softness * x.cwiseAbs().rowwise().mean()).cwiseMax(tiny);
  return (x.array().colwise() / width.array()).tanh().matrix();
}

Matrix exponential(const Matrix& x) { return x.array().exp().matrix(); }

// A matrix of parameters and its moments.
class Parameters {
 public:
  Parameters() = default;
  // Steps have the size rate times the column's unit.
  Parameters(Matrix start, double rate, Vector unit)
      : values(std::move(start)), first_(Matrix::Zero(values.rows(), values.cols())), second_(first_), unit_(rate * unit) {}
  Parameters(Matrix start, double rate) : Parameters(start, rate, Vector::Ones(start.cols())) {}

  // `size` is that of the terms that gradients are sums of: far below it they are noise.
  void step(int number, double decay, const Matrix& gradient, const Matrix& size) {
    const AdamStep adam(decay, 0.9, 0.98, number);
    first_ = adam.decay1 * first_ + (1.0 - adam.decay1) * gradient;
    second_ = adam.decay2 * second_ + (1.0 - adam.decay2) * gradient.cwiseAbs2();
    values.array() -= (adam.rate * adam.correction1 * first_.array()) /
                      ((adam.correction2 * second_).array().sqrt() + (noise * size).array() + tiny) *
                      unit_.transpose().replicate(first_.rows(), 1).array();
  }

  Matrix values;

 private:
  Matrix first_, second_;
  Vector unit_;
};

// What the rows of a block have at one stage.
struct Level {
  Parameters f_by_x, f_by_y, e_by_x, e_by_y, log_kappa, log_weight;
  Matrix s, t;                         // of the stage's values
  Matrix value_weight, change_weight;  // of their squares
  Matrix pair_s, pair_t;               // s and t of the pairs, and kappa
  Matrix kappa;
  Matrix weight;
  Matrix direction;                              // the eigenvector
  Matrix reference_direction, change_direction;  // where it leads: a_f and a_f - a_g
  Matrix squared_form;                           // L of the pairs there
  Vector lambda;
  // pair_peaks()
  Matrix x, y, by_s, by_t, square, reach;
};

class Search {
 public:
  Search(const std::vector<QuadraticStage>& stages, const QuadraticRows& rows) : stages_(stages), start_(rows), levels_(stages.size()) {
    descend(true);
  }

  std::vector<QuadraticMultipliers> run(int steps, const std::function<bool()>& go_on) {
    for (int number = 0; number < steps && go_on(); ++number) {
      descend(false);
      climb(number, std::pow(last_rate, static_cast<double>(number) / steps));
    }
    std::vector<QuadraticMultipliers> found;
    for (Level& level : levels_) {
      found.push_back({level.f_by_x.values, level.f_by_y.values, level.e_by_x.values, level.e_by_y.values,
                       exponential(level.log_kappa.values), exponential(level.log_weight.values)});
    }
    return found;
  }

 private:
  bool last(std::size_t k) const { return k + 1 == stages_.size(); }

  // The rows from the outputs down to the network's inputs.
  void descend(bool start) {
    Matrix s = start_.s, t = start_.t, value_weight, change_weight;
    for (std::size_t k = stages_.size(); k-- > 0;) {
      const QuadraticStage& stage = stages_[k];
      Level& level = levels_[k];
      level.s = std::move(s);
      level.t = std::move(t);
      level.value_weight = std::move(value_weight);
      level.change_weight = std::move(change_weight);
      level.pair_s = level.s(Eigen::all, stage.pairs);
      level.pair_t = level.t(Eigen::all, stage.pairs);
      if (start) start_slopes(stage, level);
      level.kappa = exponential(level.log_kappa.values);
      relax(stage, level, last(k), s, t);
      Matrix rows;
      stage.back(s, t, rows);
      if (last(k)) rows += start_.kept;
      if (start) {
        start_weight(stage, level, last(k), rows);
        for (int power = 1; power < first_powers; ++power) follow(stage, level, last(k));
      }
      level.weight = exponential(level.log_weight.values);
      follow(stage, level, last(k));
      const Index inputs = stage.reference.cols();
      if (stage.first) {
        rows_ = std::move(rows);
      } else {
        s = rows.leftCols(inputs);
        t = rows.rightCols(inputs);
        const Matrix weight = (level.weight.array().colwise() * level.lambda.array()).matrix();
        value_weight = weight.leftCols(inputs);
        change_weight = weight.rightCols(inputs);
      }
    }
  }

  // Coefficients of the stage's values become those of what its activations take.
  static void relax(const QuadraticStage& stage, Level& level, bool last, Matrix& s, Matrix& t) {
    const Vector slope_change = stage.reference_slope - stage.compressed_slope;
    s = level.s * stage.reference_slope.asDiagonal() + level.t * slope_change.asDiagonal();
    t = level.t * stage.compressed_slope.asDiagonal();
    for (std::size_t n = 0; n < stage.pairs.size(); ++n) {
      const auto k = static_cast<Index>(n);
      const auto pair_s = level.pair_s.col(k).array(), pair_t = level.pair_t.col(k).array();
      s.col(stage.pairs[n]) = pair_s * level.f_by_x.values.col(k).array() + pair_t * level.e_by_x.values.col(k).array();
      t.col(stage.pairs[n]) = pair_s * level.f_by_y.values.col(k).array() + pair_t * level.e_by_y.values.col(k).array();
      pair_peaks(stage.boundaries[n], s.rows(), level.pair_s.col(k).data(), level.pair_t.col(k).data(), s.col(stage.pairs[n]).data(),
                 t.col(stage.pairs[n]).data(), level.kappa.col(k).data(),
                 {level.x.col(k).data(), level.y.col(k).data(), level.by_s.col(k).data(), level.by_t.col(k).data(),
                  level.square.col(k).data(), level.reach.col(k).data()});
    }
    // w (a_f - a_g)^2 = w (a_f - a_g - middle)^2 + 2 w middle (a_f - a_g) - w middle^2
    if (!last) t += level.change_weight * (2.0 * stage.loses_change.cwiseProduct(stage.change_middle)).asDiagonal();
  }

  // One power iteration for the largest eigenvalue's vector u, scaled so that sum d u^2 = 1.
  static void follow(const QuadraticStage& stage, Level& level, bool last) {
    const Index rows = level.s.rows(), neurons = level.s.cols();
    Matrix s = Matrix::Zero(rows, neurons), t = s;
    if (!last) {
      s = level.value_weight.cwiseProduct(level.reference_direction);
      t = level.change_weight.cwiseProduct(level.change_direction);
    }
    for (std::size_t n = 0; n < stage.pairs.size(); ++n) {
      const auto k = static_cast<Index>(n);
      const Index neuron = stage.pairs[n];
      const auto form = level.kappa.col(k).array() * level.squared_form.col(k).array();
      s.col(neuron).array() += level.pair_s.col(k).array() * form;
      t.col(neuron).array() += level.pair_t.col(k).array() * form;
    }
    stage.back(s, t, level.direction);
    level.direction = level.direction.cwiseQuotient(level.weight);
    lead(stage, level);
    level.lambda = level.kappa.cwiseProduct(level.squared_form.cwiseAbs2()).rowwise().sum();
    if (last) return;
    level.lambda += level.value_weight.cwiseProduct(level.reference_direction.cwiseAbs2()).rowwise().sum();
    level.lambda += level.change_weight.cwiseProduct(level.change_direction.cwiseAbs2()).rowwise().sum();
  }

  static void lead(const QuadraticStage& stage, Level& level) {
    const Vector norm = level.weight.cwiseProduct(level.direction.cwiseAbs2()).rowwise().sum().cwiseSqrt().cwiseMax(tiny);
    level.direction.array().colwise() /= norm.array();
    stage.along(level.direction, level.reference_direction, level.change_direction);
    for (std::size_t n = 0; n < stage.pairs.size(); ++n) {
      const auto k = static_cast<Index>(n);
      const Index neuron = stage.pairs[n];
      level.squared_form.col(k) = level.pair_s.col(k).array() * level.reference_direction.col(neuron).array() +
                                  level.pair_t.col(k).array() * level.change_direction.col(neuron).array();
    }
  }

  // The chord of max(0, L) over L's range, for both halves.
  void start_slopes(const QuadraticStage& stage, Level& level) const {
    const Index rows = level.s.rows(), pairs = static_cast<Index>(stage.pairs.size());
    for (Matrix* const peaks : {&level.x, &level.y, &level.by_s, &level.by_t, &level.square, &level.reach, &level.squared_form})
      peaks->resize(rows, pairs);
    Matrix theta(rows, pairs), log_kappa(rows, pairs);
    const double bend = first_bend * std::pow(deeper_bend, static_cast<double>(stages_.size() - 1));
    for (Index k = 0; k < pairs; ++k) {
      const PairBoundary& boundary = stage.boundaries[static_cast<std::size_t>(k)];
      for (Index r = 0; r < rows; ++r) {
        const double s = level.pair_s(r, k), t = level.pair_t(r, k), middle = s * boundary.middle_x + t * boundary.middle_y;
        double low = 0.0, high = 0.0;
        for (std::size_t v = 0; v < boundary.x.size(); ++v) {
          for (const double l :
               {s * boundary.x[v] + t * boundary.y[v], s * (boundary.x[v] + boundary.dx[v]) + t * (boundary.y[v] + boundary.dy[v])}) {
            low = std::min(low, l);
            high = std::max(high, l);
          }
        }
        theta(r, k) = std::clamp((middle + high) / std::max(high - low, tiny), 0.0, 1.0);
        log_kappa(r, k) = -std::log(bend * 0.5 * std::max(high - low, tiny));
      }
    }
    // F changes with x by about the width of x, and so it may with y; E by that of y.
    Vector f_by_y(pairs), e_by_x(pairs);
    for (Index k = 0; k < pairs; ++k) {
      const PairBoundary& boundary = stage.boundaries[static_cast<std::size_t>(k)];
      f_by_y[k] = boundary.width_y > 0.0 ? boundary.width_x / boundary.width_y : 0.0;
      e_by_x[k] = boundary.width_x > 0.0 ? boundary.width_y / boundary.width_x : 0.0;
    }
    const Matrix none = Matrix::Zero(rows, pairs);
    level.f_by_x = {theta, slope_rate};
    level.f_by_y = {none, slope_rate, f_by_y};
    level.e_by_x = {none, slope_rate, e_by_x};
    level.e_by_y = {theta, slope_rate};
    level.log_kappa = {log_kappa, 0.2};
  }

  // Each input gets the norm of its column of the squares' factor, relative to its reach; the iteration starts where the linear part leads.
  static void start_weight(const QuadraticStage& stage, Level& level, bool last, const Matrix& rows) {
    const Index inputs = stage.reference.cols();
    const Vector reach = stage.input_reach.cwiseMax(1e-2 * stage.input_reach.maxCoeff()).cwiseMax(tiny);
    Matrix weight(rows.rows(), rows.cols());
    for (Index r = 0; r < rows.rows(); ++r) {
      Vector value = Vector::Zero(inputs), change = Vector::Zero(rows.cols() - inputs);
      const auto add = [&](double factor, double s, double t, Index neuron) {
        const auto f = stage.reference_transpose.col(neuron).array(), d = stage.change_transpose.col(neuron).array();
        value.array() += factor * (s * f + t * d).square();
        if (!stage.first) change.array() += factor * (t * stage.compressed_transpose.col(neuron).array()).square();
      };
      for (std::size_t n = 0; n < stage.pairs.size(); ++n) {
        const auto k = static_cast<Index>(n);
        add(level.kappa(r, k), level.pair_s(r, k), level.pair_t(r, k), stage.pairs[n]);
      }
      for (Index n = 0; !last && n < level.s.cols(); ++n) {
        add(level.value_weight(r, n), 1.0, 0.0, n);
        add(level.change_weight(r, n), 0.0, 1.0, n);
      }
      Vector norm(rows.cols());
      norm << value, change;
      norm = norm.cwiseSqrt().cwiseProduct(reach);
      const double least = std::max(least_share * norm.mean(), tiny);
      for (Index j = 0; j < norm.size(); ++j) {
        const bool varies = stage.input_reach[j] > 0.0;
        weight(r, j) = std::log(varies ? std::max(std::max(norm[j], least) / (reach[j] * reach[j]), least_weight) : least_weight);
      }
    }
    level.log_weight = {weight, 0.1};
    level.weight = exponential(weight);
    level.direction = soft_signs(rows) * stage.input_reach.asDiagonal();
    lead(stage, level);
  }

  // Follows the rows' worst points, the derivatives by each stage's coefficients, up from the inputs, and takes a step.
  void climb(int number, double decay) {
    Matrix inputs = soft_signs(rows_);
    Matrix by_weight = Matrix::Ones(rows_.rows(), rows_.cols());  // the derivatives by lambda d
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      const QuadraticStage& stage = stages_[k];
      Level& level = levels_[k];
      Matrix reference, change;
      stage.along(inputs, reference, change);
      reference.rowwise() += stage.reference_middle.transpose();
      change.rowwise() += stage.change_middle.transpose();
      const Vector by_lambda = by_weight.cwiseProduct(level.weight).rowwise().sum();
      step_weight(level, by_lambda, by_weight, number, decay);
      Matrix value = reference * stage.reference_slope.asDiagonal();
      Matrix value_change =
          reference * (stage.reference_slope - stage.compressed_slope).asDiagonal() + change * stage.compressed_slope.asDiagonal();
      step_pairs(stage, level, by_lambda, reference, change, value, value_change, number, decay);
      if (last(k)) break;
      by_weight = next_weight(stage, level, by_lambda, change);
      inputs.resize(value.rows(), 2 * value.cols());
      inputs << value.rowwise() - stage.value_middle.transpose(), value_change.rowwise() - stage.value_change_middle.transpose();
    }
  }

  // The derivatives by the weights of the squares of the stage's values.
  static Matrix next_weight(const QuadraticStage& stage, const Level& level, const Vector& by_lambda, const Matrix& change) {
    const Index neurons = change.cols();
    Matrix result(change.rows(), 2 * neurons);
    result.leftCols(neurons) = (level.reference_direction.array().square().colwise() * by_lambda.array()).matrix();
    const Vector middle = stage.loses_change.cwiseProduct(stage.change_middle);
    result.rightCols(neurons) =
        (level.change_direction.array().square().colwise() * by_lambda.array()).matrix() + change * (2.0 * middle).asDiagonal();
    result.rightCols(neurons).rowwise() -= middle.cwiseProduct(stage.change_middle).transpose();
    return result;
  }

  static void step_weight(Level& level, const Vector& by_lambda, const Matrix& by_weight, int number, double decay) {
    const auto lambda = level.lambda.array();
    const auto spread = level.direction.array().square().colwise() * by_lambda.array();
    const Matrix gradient = (level.weight.array().colwise() * lambda * (by_weight.array() - spread)).matrix();
    const Matrix size = (level.weight.array().colwise() * lambda * (by_weight.array().abs() + spread.abs())).matrix();
    level.log_weight.step(number, decay, gradient, size);
  }

  // The values of the pairs' neurons become the derivatives by their coefficients.
  static void step_pairs(const QuadraticStage& stage, Level& level, const Vector& by_lambda, const Matrix& reference, const Matrix& change,
                         Matrix& value, Matrix& value_change, int number, double decay) {
    const Index rows = reference.rows(), pairs = static_cast<Index>(stage.pairs.size());
    std::array<Matrix, 4> gradient, size;
    for (Matrix& each : gradient) each.resize(rows, pairs);
    for (Matrix& each : size) each.resize(rows, pairs);
    for (Index k = 0; k < pairs; ++k) {
      const PairBoundary& boundary = stage.boundaries[static_cast<std::size_t>(k)];
      const Index neuron = stage.pairs[static_cast<std::size_t>(k)];
      for (Index r = 0; r < rows; ++r) {
        const double s = level.pair_s(r, k), t = level.pair_t(r, k);
        const double by_x = reference(r, neuron) - level.x(r, k), by_y = change(r, neuron) - level.y(r, k);
        gradient[0](r, k) = by_x * s;
        gradient[1](r, k) = by_y * s;
        gradient[2](r, k) = by_x * t;
        gradient[3](r, k) = by_y * t;
        size[0](r, k) = boundary.width_x * std::abs(s);
        size[1](r, k) = boundary.width_y * std::abs(s);
        size[2](r, k) = boundary.width_x * std::abs(t);
        size[3](r, k) = boundary.width_y * std::abs(t);
        const double square = 2.0 * by_lambda[r] * level.kappa(r, k) * level.squared_form(r, k);
        value(r, neuron) = level.by_s(r, k) + by_x * level.f_by_x.values(r, k) + by_y * level.f_by_y.values(r, k) +
                           square * level.reference_direction(r, neuron);
        value_change(r, neuron) = level.by_t(r, k) + by_x * level.e_by_x.values(r, k) + by_y * level.e_by_y.values(r, k) +
                                  square * level.change_direction(r, neuron);
      }
    }
    level.f_by_x.step(number, decay, gradient[0], size[0]);
    level.f_by_y.step(number, decay, gradient[1], size[1]);
    level.e_by_x.step(number, decay, gradient[2], size[2]);
    level.e_by_y.step(number, decay, gradient[3], size[3]);
    const Matrix by_kappa =
        level.kappa.cwiseProduct((level.squared_form.array().square().colwise() * by_lambda.array() - level.square.array()).matrix());
    level.log_kappa.step(number, decay, by_kappa, level.kappa.cwiseProduct(level.reach.cwiseAbs2()));
  }

  const std::vector<QuadraticStage>& stages_;
  const QuadraticRows& start_;
  std::vector<Level> levels_;
  Matrix rows_;  // of the network's inputs
};

}  // namespace

void QuadraticStage::along(const Matrix& inputs, Matrix& reference_values, Matrix& change_values) const {
  const Index own = reference.cols();
  const Matrix values = inputs.leftCols(own);
  reference_values = product(values, reference_transpose);
  change_values = product(values, change_transpose);
  if (!first) change_values += product(inputs.rightCols(own), compressed_transpose);
}

void QuadraticStage::back(const Matrix& s, const Matrix& t, Matrix& inputs) const {
  const Index own = reference.cols();
  inputs.resize(s.rows(), first ? own : 2 * own);
  inputs.leftCols(own) = product(s, reference) + product(t, change);
  if (!first) inputs.rightCols(own) = product(t, compressed);
}

std::vector<QuadraticMultipliers> find_multipliers(const std::vector<QuadraticStage>& stages, const QuadraticRows& rows, int steps,
                                                   const std::function<bool()>& go_on) {
  return Search(stages, rows).run(steps, go_on);
}

}  // namespace twincert::bounds
