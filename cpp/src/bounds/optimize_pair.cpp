#include "twincert/bounds/optimize_pair.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <variant>

#include "twincert/bounds/rounding.hpp"
#include "twincert/core/small_product.hpp"

namespace twincert::bounds {
namespace {

constexpr double rounding_width = 1e-13;  // widths below this share of the magnitudes are rounding noise

std::vector<Index> free_numbers(const FreeStage& stage) {
  std::vector<Index> numbers(stage.side->live.size(), -1);
  for (std::size_t k = 0; k < stage.free.size(); ++k) numbers[static_cast<std::size_t>(stage.free[k].column)] = static_cast<Index>(k);
  return numbers;
}

PlaneNeuron plane_neuron(const PolygonPair& pair, Index column, Index free_reference, Index free_compressed) {
  PlaneNeuron neuron{column, free_reference, free_compressed, {}, {}, {}, {}, {}};
  PlaneTable& table = neuron.table;
  table.polygon = pair.table();
  const PolygonTable& polygon = table.polygon;
  const auto end = static_cast<std::ptrdiff_t>(polygon.vertices);
  const auto [x_low, x_high] = std::minmax_element(polygon.a_f, polygon.a_f + end);
  const auto [y_low, y_high] = std::minmax_element(polygon.difference, polygon.difference + end);
  const double noise = rounding_width * std::max(polygon.reference_load, polygon.compressed_load);
  table.x0 = *x_low;
  table.y0 = *y_low;
  table.x_width = *x_high - *x_low > noise ? *x_high - *x_low : 0.0;
  table.y_width = *y_high - *y_low > noise ? *y_high - *y_low : 0.0;
  table.x_scale = table.x_width > 0.0 ? 1.0 / table.x_width : 0.0;
  table.y_scale = table.y_width > 0.0 ? 1.0 / table.y_width : 0.0;
  for (std::size_t j = 0; j < polygon.vertices; ++j) {
    neuron.x.push_back((polygon.a_f[j] - table.x0) * table.x_scale);
    neuron.y.push_back((polygon.difference[j] - table.y0) * table.y_scale);
    neuron.f.push_back(polygon.f[j]);
    neuron.d.push_back(polygon.f[j] - polygon.g[j]);
  }
  table.x = neuron.x.data();
  table.y = neuron.y.data();
  table.f = neuron.f.data();
  table.d = neuron.d.data();
  return neuron;
}

enum class Start { facets, lines, none };

// What the rows of a block choose in one stage.
struct Planes {
  std::array<Matrix, 4> by;  // f_by_x, f_by_y, d_by_x, d_by_y (rows x planes)
  Matrix moments;
  Matrix touched;
  FreeLines reference, compressed;  // of unpaired stages
  Matrix p, q;                      // coefficients of the values after the stage

  Planes(const PairStage& stage, Index rows) : reference(stage.reference, rows), compressed(stage.compressed, rows) {
    const auto count = static_cast<Index>(stage.planes.size());
    for (Matrix& matrix : by) matrix = Matrix::Zero(rows, count);
    moments = Matrix::Zero(rows, 8 * count);
    touched = Matrix::Zero(rows, count);
  }

  PlaneRows rows(Index k) { return {by[0].col(k).data(), by[1].col(k).data(), by[2].col(k).data(), by[3].col(k).data()}; }
};

class Pass {
 public:
  Pass(const std::vector<PairStage>& stages, const InputSet& set, const PairForms& start, const PairSlopes& slopes)
      : stages_(stages), set_(set), start_(start), slopes_(slopes) {
    const Index rows = start.reference.rows.rows();
    for (std::size_t j = 0; j < stages.size(); ++j) {
      planes_.emplace_back(stages[j], rows);
      planes_.back().reference.alpha = slopes.reference[j];
      planes_.back().compressed.alpha = slopes.compressed[j];
    }
  }

  std::vector<Planes>& planes() { return planes_; }
  const PairForms& forms() const { return forms_; }

  Vector backward(Start start) {
    forms_ = start_;
    for (std::size_t j = stages_.size(); j-- > 0;) {
      planes_[j].p = forms_.reference.rows;
      planes_[j].q = forms_.compressed.rows;
      if (start != Start::none) choose(j, start);
      relax(j);
      BackwardPass::through_affine(stages_[j].relaxed->reference, forms_.reference.rows, forms_.reference.constant);
      BackwardPass::through_affine(stages_[j].relaxed->compressed, forms_.compressed.rows, forms_.compressed.constant);
    }
    // p x + q y = (p + q) x - q (x - y)
    const Matrix& q = forms_.compressed.rows;
    sum_ = forms_.reference.rows + q;
    Vector value = box_maximum(sum_, forms_.reference.constant + forms_.compressed.constant, set_.bounding_box(), points_);
    if (!set_.shared_input()) value = box_maximum(-q, value, {-set_.difference(), set_.difference()}, changes_);
    return value;
  }

  // Follows the rows' worst points upwards: values of f, and of f - g (after paired stages) or of g.
  void forward(const AdamStep& step) {
    Matrix f = points_;
    Matrix other = changes_;  // empty: both networks have the same input
    bool paired = true;
    for (std::size_t j = 0; j < stages_.size(); ++j) {
      const PairStage& stage = stages_[j];
      Matrix a_f, a_other, change;
      affine_points(stage.reference, f, a_f);
      if (paired && stage.paired()) {
        core::product(f, stage.weight_change_transpose, a_other);
        if (other.size() > 0) {
          core::product(other, stage.compressed.weight_transpose, change);
          a_other += change;
        }
        a_other.rowwise() += (stage.relaxed->reference.bias - stage.relaxed->compressed.bias).transpose();
      } else {
        if (paired) other = other.size() > 0 ? Matrix(f - other) : f;
        affine_points(stage.compressed, other, a_other);
        if (stage.paired()) a_other = a_f - a_other;
      }
      f = std::move(a_f);
      other = std::move(a_other);
      paired = stage.paired();
      follow(j, step, f, other);
    }
  }

 private:
  void relax(std::size_t j) {
    const PairStage& stage = stages_[j];
    Planes& planes = planes_[j];
    const Index count = forms_.reference.rows.rows();
    Vector shift_f = Vector::Zero(count), shift_g = shift_f, load_f = shift_f, load_g = shift_f;
    if (stage.paired()) {
      std::size_t next = 0;
      for (std::size_t n = 0; n < stage.relaxed->pairs.size(); ++n) {
        const auto column = static_cast<Index>(n);
        double* const p = forms_.reference.rows.col(column).data();
        double* const q = forms_.compressed.rows.col(column).data();
        if (next < stage.planes.size() && stage.planes[next].column == column) {
          const auto k = static_cast<Index>(next);
          plane_rows(stage.planes[next].table, count, planes.rows(k), p, q, planes.touched.col(k).data(), shift_f.data(), load_f.data());
          ++next;
        } else {
          const PairRows rows{count, p, q, shift_f.data(), load_f.data()};
          std::visit([&](const auto& pair) { pair.relax(rows); }, stage.relaxed->pairs[n]);
        }
      }
    } else {
      planes.reference.relax(stage.reference, forms_.reference.rows, shift_f, load_f);
      planes.compressed.relax(stage.compressed, forms_.compressed.rows, shift_g, load_g);
    }
    const Index neurons = forms_.reference.rows.cols() + forms_.compressed.rows.cols();
    add_neuron_terms(forms_.reference.constant, shift_f, load_f, neurons, stage.relaxed->value_sum());
    add_neuron_terms(forms_.compressed.constant, shift_g, load_g, neurons, stage.relaxed->value_sum());
  }

  void follow(std::size_t j, const AdamStep& step, Matrix& f, Matrix& other) {
    const PairStage& stage = stages_[j];
    Planes& planes = planes_[j];
    if (!stage.paired()) {
      planes.reference.follow(stage.reference, step, planes.p, f);
      planes.compressed.follow(stage.compressed, step, planes.q, other);
      return;
    }
    std::size_t next = 0;
    for (std::size_t n = 0; n < stage.relaxed->pairs.size(); ++n) {
      const auto column = static_cast<Index>(n);
      if (next < stage.planes.size() && stage.planes[next].column == column) {
        const auto k = static_cast<Index>(next);
        plane_points(stage.planes[next].table, step, f.rows(), planes.p.col(column).data(), planes.q.col(column).data(),
                     planes.touched.col(k).data(), planes.rows(k), planes.moments.col(8 * k).data(), f.col(column).data(),
                     other.col(column).data());
        ++next;
        continue;
      }
      const auto* const affine = std::get_if<AffinePair>(&stage.relaxed->pairs[n]);
      for (Index r = 0; r < f.rows(); ++r) {
        const double a_f = f(r, column);
        const double difference = other(r, column);
        if (affine) {
          const Line& u = affine->reference;
          const Line& v = affine->compressed;
          f(r, column) = u.slope * a_f + u.intercept;
          other(r, column) = (u.slope - v.slope) * a_f + v.slope * difference + (u.intercept - v.intercept);
        } else {
          f(r, column) = (*stage.reference_activation)(a_f);
          other(r, column) = f(r, column) - (*stage.compressed_activation)(a_f - difference);
        }
      }
    }
  }

  void choose(std::size_t j, Start start) {
    for (std::size_t k = 0; k < stages_[j].planes.size(); ++k) {
      for (Index r = 0; r < planes_[j].p.rows(); ++r) {
        start == Start::facets ? choose_facet(j, static_cast<Index>(k), r) : choose_lines(j, static_cast<Index>(k), r);
      }
    }
  }

  void set(std::size_t j, Index k, Index r, std::array<double, 4> by) {
    for (std::size_t i = 0; i < by.size(); ++i) planes_[j].by[i](r, k) = by[i];
  }

  void choose_facet(std::size_t j, Index k, Index r) {
    const PlaneNeuron& neuron = stages_[j].planes[static_cast<std::size_t>(k)];
    const PlaneTable& table = neuron.table;
    const PolygonTable& polygon = table.polygon;
    const double p = planes_[j].p(r, neuron.column);
    const double q = planes_[j].q(r, neuron.column);
    std::size_t best = 0;
    for (std::size_t i = 1; i < polygon.facets; ++i) {
      if (p * polygon.value_f[i] + q * polygon.value_g[i] > p * polygon.value_f[best] + q * polygon.value_g[best]) best = i;
    }
    // By (a_f, a_g) is by (a_f + a_g, -a_g) in (a_f, difference).
    const double change_f = polygon.f_by_f[best] - polygon.g_by_f[best];
    const double change_g = polygon.f_by_g[best] - polygon.g_by_g[best];
    set(j, k, r,
        {(polygon.f_by_f[best] + polygon.f_by_g[best]) * table.x_width, -polygon.f_by_g[best] * table.y_width,
         (change_f + change_g) * table.x_width, -change_g * table.y_width});
  }

  void choose_lines(std::size_t j, Index k, Index r) {
    const PairStage& stage = stages_[j];
    const PlaneNeuron& neuron = stage.planes[static_cast<std::size_t>(k)];
    const auto slope = [&](const FreeStage& side, Index free, const Matrix& alpha, double coefficient) {
      const LinePair& lines = side.side->tight[static_cast<std::size_t>(neuron.column)];
      if (coefficient > 0.0) return lines.upper.slope;
      return free >= 0 ? alpha(r, free) : lines.lower.slope;
    };
    const double f = slope(stage.reference, neuron.free_reference, slopes_.reference[j], planes_[j].p(r, neuron.column));
    const double g = slope(stage.compressed, neuron.free_compressed, slopes_.compressed[j], planes_[j].q(r, neuron.column));
    set(j, k, r, {f * neuron.table.x_width, 0.0, (f - g) * neuron.table.x_width, g * neuron.table.y_width});
  }

  const std::vector<PairStage>& stages_;
  const InputSet& set_;
  const PairForms& start_;
  const PairSlopes& slopes_;
  std::vector<Planes> planes_;
  PairForms forms_;
  Matrix sum_;
  Matrix points_, changes_;  // x and x - y where the forms are largest
};

}  // namespace

PairStage::PairStage(const BackwardPass::Relaxed& relaxed, const network::StagePair& pair, const StageBounds& bounds, bool paired_input)
    : relaxed(&relaxed),
      reference_activation(&pair.reference.activation),
      compressed_activation(&pair.compressed.activation),
      reference(relaxed.reference, pair.reference.activation, bounds.reference),
      compressed(relaxed.compressed, pair.compressed.activation, bounds.compressed) {
  if (!paired()) return;
  if (paired_input) {
    weight_change = relaxed.reference.weight - relaxed.compressed.weight;
    weight_change_transpose = weight_change.transpose();
  }
  const std::vector<Index> in_reference = free_numbers(reference);
  const std::vector<Index> in_compressed = free_numbers(compressed);
  for (std::size_t n = 0; n < relaxed.pairs.size(); ++n) {
    if (const auto* const polygon = std::get_if<PolygonPair>(&relaxed.pairs[n]))
      planes.push_back(plane_neuron(*polygon, static_cast<Index>(n), in_reference[n], in_compressed[n]));
  }
}

PairForms optimize_planes(const std::vector<PairStage>& stages, const InputSet& set, const PairForms& start, const PairSlopes& slopes,
                          int steps, double decay) {
  Pass pass(stages, set, start, slopes);
  const Index rows = start.reference.rows.rows();
  BestForms reference(rows, set.size());
  BestForms compressed(rows, set.size());
  const auto keep = [&](const Vector& value) -> Vector {
    compressed.keep(pass.forms().compressed, value);
    return reference.keep(pass.forms().reference, value);
  };
  keep(pass.backward(Start::facets));
  std::vector<std::array<Matrix, 4>> facets;
  for (const Planes& planes : pass.planes()) facets.push_back(planes.by);
  const Vector facets_better = (1.0 - keep(pass.backward(Start::lines)).array()).matrix();
  for (std::size_t j = 0; j < stages.size(); ++j) {
    for (std::size_t i = 0; i < 4; ++i) take_rows(facets_better, facets[j][i], pass.planes()[j].by[i]);
  }
  pass.backward(Start::none);
  double rate = 0.05;
  for (int step = 0; step < steps; ++step) {
    pass.forward(AdamStep(rate, 0.8, 0.9, step));
    keep(pass.backward(Start::none));
    rate *= decay;
  }
  return {reference.forms, compressed.forms};
}

}  // namespace twincert::bounds
