#include "twincert/bounds/backward.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "twincert/core/blas.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// NaN, and minus infinity (which only overflow produces), say nothing.
double proven_upper(double x) { return x > -infinity ? x : infinity; }

// gamma(operations), raised so that relative * load bounds gamma(operations) times the exact load: `load` is a computed sum of products
// of nonnegative numbers with `operations` roundings, and the products and sums in add_rigorously() round a few times more.
double relative_error(Index operations) { return core::round_up_sum(core::gamma(operations), operations + 8); }

// constant + shift + relative * load + absolute, rounded up. With R the result, E the error term as computed and c, s the two others,
// R >= c + s + E - 3 u (|c| + |s|) - 2 u E; the term with 4 u pays for the first loss, relative_error() for the second.
// Infinite and NaN loads reach the constant on purpose.
void add_rigorously(Vector& constant, const Vector& shift, const Vector& load, double relative, double absolute) {
  const auto rounding = (4.0 * core::unit_roundoff) * (constant.array().abs() + shift.array().abs());
  constant = ((constant + shift).array() + ((relative * load.array() + absolute) + rounding)).matrix().eval();
}

// W on top of -W, or with the signs exchanged.
Matrix both_directions(const Matrix& weight, double sign) {
  Matrix rows(2 * weight.rows(), weight.cols());
  rows.topRows(weight.rows()) = sign * weight;
  rows.bottomRows(weight.rows()) = -sign * weight;
  return rows;
}

// C W without the columns of C that are zero in every row: dead neurons leave many.
Matrix product_of_nonzero(const Matrix& coefficients, const Matrix& weight) {
  std::vector<Index> nonzero;
  for (Index i = 0; i < coefficients.cols(); ++i) {
    if (!(coefficients.col(i).array() == 0.0).all()) nonzero.push_back(i);
  }
  Matrix product(coefficients.rows(), weight.cols());
  if (static_cast<Index>(nonzero.size()) == coefficients.cols()) {
    core::gemm(core::Transpose::no, core::Transpose::no, 1.0, coefficients, weight, 0.0, product);
  } else if (nonzero.empty()) {
    product.setZero();
  } else {
    const Matrix kept = coefficients(Eigen::all, nonzero);
    const Matrix kept_weight = weight(nonzero, Eigen::all);
    core::gemm(core::Transpose::no, core::Transpose::no, 1.0, kept, kept_weight, 0.0, product);
  }
  return product;
}

IntervalVector as_intervals(const Vector& maxima) {
  const Index count = maxima.size() / 2;
  return {-maxima.tail(count), maxima.head(count)};
}

Vector image_magnitude(const network::Activation& activation, const IntervalVector& x) {
  Vector result(x.size());
  for (Index i = 0; i < x.size(); ++i) result[i] = activation.image(x[i]).magnitude();
  return result;
}

}  // namespace

BackwardPass::BackwardPass(const Twin& twin, const InputSet& set) : twin_(twin), set_(set) {
  add_affine(set.bounding_box().magnitude(), set.compressed_bounding_box().magnitude());
}

void BackwardPass::add_affine(const Vector& reference_magnitude, const Vector& compressed_magnitude) {
  const auto affine = [](const network::Stage& stage, const Vector& magnitude) {
    Affine result{&stage.weight, &stage.bias, stage.bias.cwiseAbs(), core::round_up_sum(magnitude.sum(), magnitude.size())};
    result.load += stage.weight.cwiseAbs() * magnitude;
    for (double& x : result.load) x = core::round_up_sum(x, magnitude.size() + 1);
    return result;
  };
  const network::StagePair& pair = twin_.stages()[reference_.size()];
  reference_.push_back(affine(pair.reference, reference_magnitude));
  compressed_.push_back(affine(pair.compressed, compressed_magnitude));
}

void BackwardPass::add_stage(const StageBounds& bounds) {
  const network::StagePair& pair = twin_.stages()[relaxed_.size()];
  const auto lines = [](const network::Activation& activation, const IntervalVector& x) {
    Relaxed::Lines result;
    bool kinked = false;
    for (Index i = 0; i < x.size(); ++i) {
      result.tight.push_back(enclosing_lines(activation, x[i]));
      kinked = kinked || kinks_inside(activation, x[i]).count > 0;
    }
    for (Index i = 0; kinked && i < x.size(); ++i) result.flat.push_back(enclosing_lines(activation, x[i], LineChoice::flat));
    return result;
  };
  Relaxed relaxed{lines(pair.reference.activation, bounds.reference), lines(pair.compressed.activation, bounds.compressed), {}};
  if (pair.paired) {
    relaxed.pairs.reserve(relaxed.reference.tight.size());
    for (Index i = 0; i < bounds.difference.size(); ++i) {
      const std::size_t neuron = static_cast<std::size_t>(i);
      relaxed.pairs.push_back(pair_relaxation(pair.reference.activation, pair.compressed.activation, bounds.reference[i],
                                              bounds.compressed[i], bounds.difference[i], relaxed.reference.tight[neuron],
                                              relaxed.compressed.tight[neuron]));
    }
  }
  relaxed_.push_back(std::move(relaxed));
  if (relaxed_.size() < twin_.stages().size()) {
    add_affine(image_magnitude(pair.reference.activation, bounds.reference),
               image_magnitude(pair.compressed.activation, bounds.compressed));
  }
}

// Coefficients of the values after stage `stage`'s activation become coefficients of the values before it.
void BackwardPass::through_activation(Index stage, LineChoice choice, Rows& rows) const {
  const Relaxed& relaxed = relaxed_[static_cast<std::size_t>(stage)];
  const Index count = rows.constant.size();
  const bool pairwise = !relaxed.pairs.empty() && rows.reference.cols() > 0 && rows.compressed.cols() > 0;
  Vector constant = Vector::Zero(count);
  Vector load = Vector::Zero(count);
  if (pairwise) {
    for (Index i = 0; i < rows.reference.cols(); ++i) {
      const PairRows batch{count, rows.reference.col(i).data(), rows.compressed.col(i).data(), constant.data(), load.data()};
      std::visit([&](const auto& pair) { pair.relax(batch); }, relaxed.pairs[static_cast<std::size_t>(i)]);
    }
  } else {
    const auto relax = [&](const Relaxed::Lines& lines, Matrix& coefficients) {
      const std::vector<LinePair>& chosen = choice == LineChoice::flat && !lines.flat.empty() ? lines.flat : lines.tight;
      for (Index i = 0; i < coefficients.cols(); ++i) {
        relax_single(chosen[static_cast<std::size_t>(i)], count, coefficients.col(i).data(), constant.data(), load.data());
      }
    };
    relax(relaxed.reference, rows.reference);
    relax(relaxed.compressed, rows.compressed);
  }
  // The sums over the neurons round as well: |t| <= (1 + gamma) e bounds their terms.
  const Index neurons = rows.reference.cols() + rows.compressed.cols();
  const Index operations = neurons + neuron_rounding;
  const double absolute = static_cast<double>(2 * neurons * neuron_rounding) * core::underflow_unit;
  add_rigorously(rows.constant, constant, load, relative_error(operations), absolute);
}

// Coefficients of a = W x + b become coefficients of x.
void BackwardPass::through_affine(Index stage, Rows& rows) const {
  const auto step = [&rows](const Affine& affine, Matrix& coefficients) {
    if (coefficients.cols() == 0) return;
    const Index terms = coefficients.cols();
    const Vector shift = coefficients * *affine.bias;
    const Vector load = coefficients.cwiseAbs() * affine.load;
    coefficients = product_of_nonzero(coefficients, *affine.weight);
    const double absolute = core::round_up_sum(static_cast<double>(2 * terms + 4) * core::underflow_unit * (1.0 + affine.magnitude_sum), 3);
    add_rigorously(rows.constant, shift, load, relative_error(terms + 2), absolute);
    // Zero times a coefficient that overflowed is NaN, and NaN is an infinite bound in the end.
    rows.constant += 0.0 * coefficients.cwiseAbs().rowwise().sum();
  };
  step(reference_[static_cast<std::size_t>(stage)], rows.reference);
  step(compressed_[static_cast<std::size_t>(stage)], rows.compressed);
}

// `rows` holds coefficients of stage's input.
Vector BackwardPass::finish(Index stage, LineChoice choice, Rows rows) const {
  for (Index j = stage - 1; j >= 0; --j) {
    through_activation(j, choice, rows);
    through_affine(j, rows);
  }
  const bool shared = set_.shared_input();
  // With y = x both sides read the same input.
  if (shared && rows.reference.cols() == 0) rows.reference.swap(rows.compressed);
  const bool one_sided = rows.compressed.cols() == 0;
  if (rows.reference.cols() == 0) rows.reference.setZero(rows.compressed.rows(), set_.size());
  // A row that overflowed is infinite already; the set is asked about finite coefficients only.
  for (Index r = 0; r < rows.constant.size(); ++r) {
    if (std::isfinite(rows.constant[r])) continue;
    rows.reference.row(r).setZero();
    if (!one_sided) rows.compressed.row(r).setZero();
    rows.constant[r] = infinity;
  }
  Vector result = one_sided ? set_.maximum(rows.reference) : set_.maximum(rows.reference, rows.compressed);
  for (Index r = 0; r < result.size(); ++r) result[r] = proven_upper(core::next_up(result[r] + rows.constant[r]));
  return result;
}

Vector BackwardPass::single(Index stage, const Rows& rows) const {
  const Vector tight = finish(stage, LineChoice::tight, rows);
  const auto has_choice = [&rows](const Relaxed& relaxed) {
    return !(rows.reference.cols() > 0 ? relaxed.reference : relaxed.compressed).flat.empty();
  };
  if (std::none_of(relaxed_.begin(), relaxed_.begin() + stage, has_choice)) return tight;
  return tight.cwiseMin(finish(stage, LineChoice::flat, rows));
}

IntervalVector BackwardPass::reference(Index stage) const {
  const Affine& affine = reference_[static_cast<std::size_t>(stage)];
  Rows rows{both_directions(*affine.weight, 1.0), {}, Vector(2 * affine.bias->size())};
  rows.constant << *affine.bias, -*affine.bias;
  return as_intervals(single(stage, rows));
}

IntervalVector BackwardPass::compressed(Index stage) const {
  const Affine& affine = compressed_[static_cast<std::size_t>(stage)];
  Rows rows{{}, both_directions(*affine.weight, 1.0), Vector(2 * affine.bias->size())};
  rows.constant << *affine.bias, -*affine.bias;
  return as_intervals(single(stage, rows));
}

IntervalVector BackwardPass::difference(Index stage) const {
  const Affine& f = reference_[static_cast<std::size_t>(stage)];
  const Affine& g = compressed_[static_cast<std::size_t>(stage)];
  const Vector shift = *f.bias - *g.bias;
  Rows rows{both_directions(*f.weight, 1.0), both_directions(*g.weight, -1.0), Vector(2 * shift.size())};
  for (Index i = 0; i < shift.size(); ++i) {
    rows.constant[i] = core::next_up(shift[i]);
    rows.constant[shift.size() + i] = core::next_up(-shift[i]);
  }
  return as_intervals(finish(stage, LineChoice::tight, std::move(rows)));
}

Vector BackwardPass::maximum(Index stage, const Matrix& reference_rows, const Matrix& compressed_rows) const {
  Rows rows{reference_rows, compressed_rows, Vector::Zero(reference_rows.rows())};
  through_affine(stage, rows);
  return finish(stage, LineChoice::tight, std::move(rows));
}

}  // namespace twincert::bounds
