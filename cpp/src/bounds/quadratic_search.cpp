#include "twincert/bounds/quadratic_search.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "twincert/bounds/free_lines.hpp"
#include "twincert/core/small_product.hpp"

namespace twincert::bounds {
namespace {

constexpr double tiny = 1e-300;
constexpr double least_share = 0.05;  // of the mean weight, to begin with
constexpr double softness = 0.02;     // of signs and pieces, relative to what they are signs of
constexpr double noise = 1e-6;
constexpr double last_rate = 0.02;  // of the first one

// Of few rows: a BLAS would copy the large factor each time.
Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result(a.rows(), b.cols());
  core::small_product(a.rows(), b.cols(), a.cols(), a.data(), b.data(), result.data());
  return result;
}

// The gradient of a row's smoothed 1-norm. A sign, or the better of two pieces below, would jump with the last bit of a number that is
// about to vanish, and make every later step depend on the library that rounded it; a checker has to end where the prover did.
Matrix soft_signs(const Matrix& x) {
  const Vector width = (softness * x.cwiseAbs().rowwise().mean()).cwiseMax(tiny);
  return (x.array().colwise() / width.array()).tanh().matrix();
}

Matrix exponential(const Matrix& x) { return x.array().exp().matrix(); }

struct Peak {
  double value;
  double at;
};

// The largest slope . L - kappa (L - middle)^2 over [lower, upper].
Peak peak(double slope, double kappa, double middle, double lower, double upper) {
  const double at = std::clamp(middle + slope / (2.0 * kappa), lower, upper);
  return {slope * at - kappa * (at - middle) * (at - middle), at};
}

// How much of the upper piece is on top, between 0 and 1; a piece without room in [lower, upper] is not.
double piece_share(Peak above, Peak below, double width, double lower, double upper) {
  if (upper <= 0.0) return 0.0;
  if (lower > 0.0) return 1.0;
  return 0.5 + 0.5 * std::tanh((above.value - below.value) / std::max(width, tiny));
}

// A matrix of parameters and its moments.
class Parameters {
 public:
  Parameters(Matrix start, double rate)
      : values(std::move(start)), first_(Matrix::Zero(values.rows(), values.cols())), second_(first_), rate_(rate) {}

  // `size` is that of the terms that gradients are sums of: far below it they are noise.
  void step(int number, double decay, const Matrix& gradient, const Matrix& size) {
    const AdamStep adam(rate_ * decay, 0.9, 0.98, number);
    first_ = adam.decay1 * first_ + (1.0 - adam.decay1) * gradient;
    second_ = adam.decay2 * second_ + (1.0 - adam.decay2) * gradient.cwiseAbs2();
    values.array() -=
        adam.rate * (adam.correction1 * first_.array()) / ((adam.correction2 * second_).array().sqrt() + (noise * size).array() + tiny);
  }

  Matrix values;

 private:
  Matrix first_, second_;
  double rate_;
};

class Search {
 public:
  Search(const QuadraticRows& rows, const Vector& half_width)
      : rows_(rows),
        radius_(radius(rows)),
        lower_(rows.middle - radius_),
        upper_(rows.middle + radius_),
        theta_((upper_.array() / (upper_ - lower_).array().max(tiny)).max(0.0).min(1.0).matrix(), 0.05),
        log_kappa_((-(4.0 * radius_.array().max(tiny)).log()).matrix(), 0.2),
        direction_(soft_signs(rows.kept + rows.back(theta_.values))),
        reached_(rows.along(direction_)),
        log_weight_(start_weight(half_width), 0.1) {}

  QuadraticMultipliers run() {
    for (int number = 0; number < quadratic_steps; ++number) step(number);
    return {theta_.values, exponential(log_kappa_.values), exponential(log_weight_.values)};
  }

 private:
  static Matrix radius(const QuadraticRows& rows) {
    Matrix result(rows.middle.rows(), rows.middle.cols());
    for (Index r = 0; r < result.rows(); ++r) {
      for (Index k = 0; k < result.cols(); ++k)
        result(r, k) =
            (rows.scale_reference(r, k) * rows.reference_transpose.col(k) - rows.scale_change(r, k) * rows.change_transpose.col(k))
                .lpNorm<1>();
    }
    return result;
  }

  // D u = lambda^-1 Q u where the eigenvector u has entries of +-1, as it has at the optimum: then d is |Q u|.
  Matrix start_weight(const Vector& half_width) const {
    Matrix result = rows_.back(exponential(log_kappa_.values).cwiseProduct(reached_)).cwiseAbs();
    for (Index r = 0; r < result.rows(); ++r) {
      const double least = std::max(least_share * result.row(r).mean(), tiny);
      for (Index j = 0; j < result.cols(); ++j) result(r, j) = std::log(half_width[j] > 0.0 ? std::max(result(r, j), least) : tiny);
    }
    return result;
  }

  // One power iteration for the largest eigenvalue's vector u, scaled so that sum d u^2 = 1.
  void follow(const Matrix& kappa, const Matrix& weight) {
    direction_ = rows_.back(kappa.cwiseProduct(reached_)).cwiseQuotient(weight);
    const Vector norm = weight.cwiseProduct(direction_.cwiseAbs2()).rowwise().sum().cwiseSqrt().cwiseMax(tiny);
    direction_.array().colwise() /= norm.array();
    reached_ = rows_.along(direction_);
  }

  // The multipliers take a step down the bounds' gradients.
  void step(int number) {
    const Matrix& theta = theta_.values;
    const Matrix kappa = exponential(log_kappa_.values);
    const Matrix weight = exponential(log_weight_.values);
    const Matrix slope = rows_.kept + rows_.back(theta);
    const Matrix moved = rows_.along(soft_signs(slope));
    follow(kappa, weight);
    const Vector lambda = kappa.cwiseProduct(reached_.cwiseAbs2()).rowwise().sum();
    const Vector total = weight.rowwise().sum();
    Matrix by_theta(moved.rows(), moved.cols()), by_kappa(moved.rows(), moved.cols());
    for (Index k = 0; k < moved.cols(); ++k) {
      for (Index r = 0; r < moved.rows(); ++r) {
        const double middle = rows_.middle(r, k), lower = lower_(r, k), upper = upper_(r, k);
        const Peak above = peak(1.0 - theta(r, k), kappa(r, k), middle, std::clamp(0.0, lower, upper), upper);
        const Peak below = peak(-theta(r, k), kappa(r, k), middle, lower, std::clamp(0.0, lower, upper));
        const double share = piece_share(above, below, softness * radius_(r, k), lower, upper);
        by_theta(r, k) = middle + moved(r, k) - (share * above.at + (1.0 - share) * below.at);
        const double up = above.at - middle, down = below.at - middle;
        const double away = share * up * up + (1.0 - share) * down * down;
        by_kappa(r, k) = kappa(r, k) * (total[r] * reached_(r, k) * reached_(r, k) - away);
      }
    }
    const auto spread = direction_.array().square().colwise() * total.array();
    const Matrix by_weight = (weight.array().colwise() * lambda.array() * (1.0 - spread)).matrix();
    const double decay = std::pow(last_rate, static_cast<double>(number) / quadratic_steps);
    theta_.step(number, decay, by_theta, radius_);
    theta_.values = theta_.values.cwiseMax(0.0).cwiseMin(1.0);
    log_kappa_.step(number, decay, by_kappa, kappa.cwiseProduct(radius_.cwiseAbs2()));
    log_weight_.step(number, decay, by_weight, (weight.array().colwise() * lambda.array()).matrix());
  }

  const QuadraticRows& rows_;
  Matrix radius_, lower_, upper_;  // of L
  Parameters theta_, log_kappa_;
  Matrix direction_, reached_;  // u, and l_k . u
  Parameters log_weight_;
};

}  // namespace

Matrix QuadraticRows::along(const Matrix& z) const {
  return scale_reference.cwiseProduct(product(z, reference_transpose)) - scale_change.cwiseProduct(product(z, change_transpose));
}

Matrix QuadraticRows::back(const Matrix& y) const {
  return product(y.cwiseProduct(scale_reference), reference) - product(y.cwiseProduct(scale_change), change);
}

QuadraticMultipliers find_multipliers(const QuadraticRows& rows, const Vector& half_width) { return Search(rows, half_width).run(); }

}  // namespace twincert::bounds
