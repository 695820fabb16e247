// Evaluation errors. F, G are the evaluated outputs, e = evaluation_error: |F_i - f_i| and |G_i - g_i| and
// |fl(F_i - G_i) - (f_i - g_i)| and |(F_i - G_i) - (f_i - g_i)| are at most e_i. So e_i + e_j covers F_i - F_j, G_j - G_i and the
// difference of two evaluated differences; a last subtraction rounds monotonically, so its result stays below a bound that is a double.
//
// top1. Let F's class be i, and G_j >= G_i for some j. The confidence F_i - max_{k != i} F_k is at most F_i - F_k for every k, and at most
// F_i - F_j <= (F_i - F_j) - (G_i - G_j). Pairs (i, j) for which max G_j - G_i < 0 contribute nothing.
#include "twincert/bounds/measure_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "twincert/bounds/backward.hpp"
#include "twincert/core/error.hpp"

namespace twincert::bounds {
namespace {

using core::Measure;
using core::MeasureKind;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Index batch_rows = 1024;  // of a backward pass, which bounds its memory

// Infinite unless proven.
double upper_sum(double a, double b) {
  const double sum = core::next_up(a + b);
  return std::isnan(sum) ? infinity : sum;
}

// An ordered pair of outputs; rows 3 p, 3 p + 1 and 3 p + 2 of top1 belong to pair p.
struct Pair {
  Index winner;
  Index rival;
};

Pair pair_at(Index p, Index outputs) {
  const Index winner = p / (outputs - 1), k = p % (outputs - 1);
  return {winner, k < winner ? k : k + 1};
}

Index index_of(Pair pair, Index outputs) { return pair.winner * (outputs - 1) + (pair.rival < pair.winner ? pair.rival : pair.rival - 1); }

enum class Side { reference, compressed, difference };

// plus - minus of f, g or d = f - g; `minus` is -1 for a single output, `plus` for its negative.
struct Row {
  Side side;
  Index plus;
  Index minus;
};

Row row_at(const Measure& measure, Index outputs, Index r) {
  switch (measure.kind) {
    case MeasureKind::output:
      return r == 0 ? Row{Side::difference, measure.output, -1} : Row{Side::difference, -1, measure.output};
    case MeasureKind::margin:
      return r == 0 ? Row{Side::difference, measure.output, measure.other} : Row{Side::difference, measure.other, measure.output};
    case MeasureKind::top1: {
      const Pair pair = pair_at(r / 3, outputs);
      if (r % 3 == 0) return {Side::reference, pair.winner, pair.rival};
      if (r % 3 == 1) return {Side::compressed, pair.rival, pair.winner};
      return {Side::difference, pair.winner, pair.rival};
    }
    case MeasureKind::outputs:
    case MeasureKind::inf:
    case MeasureKind::two:
    case MeasureKind::one:
    case MeasureKind::affine:
      break;
  }
  return r % 2 == 0 ? Row{Side::difference, r / 2, -1} : Row{Side::difference, -1, r / 2};
}

bool is_norm(const Measure& measure) {
  return measure.kind == MeasureKind::two || measure.kind == MeasureKind::one || measure.kind == MeasureKind::affine;
}

void check_sizes(const Measure& measure, Index outputs, const Vector& maxima, const Vector& evaluation_error) {
  const Index rows = measure_row_count(measure, outputs);
  if (maxima.size() == rows && evaluation_error.size() == outputs) return;
  throw core::ShapeError("measure " + to_string(measure) + ": expected " + std::to_string(rows) + " row maxima and " +
                         std::to_string(outputs) + " evaluation errors, found " + std::to_string(maxima.size()) + " and " +
                         std::to_string(evaluation_error.size()));
}

// The maximum of a row with the errors of evaluating it.
double evaluated(const Row& row, double maximum, const Vector& evaluation_error) {
  double error = row.plus < 0 ? 0.0 : evaluation_error[row.plus];
  if (row.minus >= 0) error = row.plus < 0 ? evaluation_error[row.minus] : upper_sum(error, evaluation_error[row.minus]);
  return upper_sum(maximum, error);
}

double top1_share(Index outputs, const Vector& maxima, const Vector& evaluation_error, Pair pair) {
  const auto bound = [&](Side side, Index plus, Index minus) {
    const Index p = side == Side::compressed ? index_of({minus, plus}, outputs) : index_of({plus, minus}, outputs);
    const Index r = 3 * p + (side == Side::reference ? 0 : side == Side::compressed ? 1 : 2);
    return evaluated({side, plus, minus}, maxima[r], evaluation_error);
  };
  if (bound(Side::compressed, pair.rival, pair.winner) < 0.0) return 0.0;
  double share = bound(Side::difference, pair.winner, pair.rival);
  for (Index k = 0; k < outputs; ++k) {
    if (k != pair.winner) share = std::min(share, bound(Side::reference, pair.winner, k));
  }
  return std::max(share, 0.0);
}

// Upper bound of an output's evaluated |d_i|.
double output_reach(const Measure& measure, Index outputs, const Vector& maxima, const Vector& evaluation_error, Index i) {
  const double above = evaluated(row_at(measure, outputs, 2 * i), maxima[2 * i], evaluation_error);
  const double below = evaluated(row_at(measure, outputs, 2 * i + 1), maxima[2 * i + 1], evaluation_error);
  return std::max({above, below, 0.0});
}

double sum_of_squares(const Measure& measure, Index outputs, const Vector& maxima, const Vector& evaluation_error) {
  double squares = 0.0;
  for (Index i = 0; i < outputs; ++i) {
    const double reach = output_reach(measure, outputs, maxima, evaluation_error, i);
    squares = core::next_up(squares + core::next_up(reach * reach));
  }
  return squares;
}

double norm_upper(const Measure& measure, Index outputs, const Vector& maxima, const Vector& evaluation_error) {
  const double squares = sum_of_squares(measure, outputs, maxima, evaluation_error);
  if (measure.kind == MeasureKind::affine) return core::next_up(core::next_up(measure.weight * squares) * affine_evaluation());
  double sum = 0.0;
  for (Index i = 0; i < outputs; ++i) sum = upper_sum(sum, output_reach(measure, outputs, maxima, evaluation_error, i));
  const double norm = measure.kind == MeasureKind::two ? core::next_up(std::sqrt(squares)) : sum;
  return norm * norm_evaluation(outputs);
}

}  // namespace

double norm_evaluation(Index outputs) { return 1.0 + core::gamma(outputs + 8); }

double affine_evaluation() { return 1.0 + core::gamma(Index{1} << 21); }

Index measure_row_count(const Measure& measure, Index outputs) {
  measure.validate(outputs);
  if (measure.kind == MeasureKind::output || measure.kind == MeasureKind::margin) return 2;
  return measure.kind == MeasureKind::top1 ? 3 * outputs * (outputs - 1) : 2 * outputs;
}

OutputRows measure_rows(const Measure& measure, Index outputs) {
  return measure_rows(measure, outputs, 0, measure_row_count(measure, outputs));
}

OutputRows measure_rows(const Measure& measure, Index outputs, Index first, Index count) {
  const Index all = measure_row_count(measure, outputs);
  if (first < 0 || count < 0 || count > all - first) {
    throw core::ShapeError("measure " + to_string(measure) + " has " + std::to_string(all) + " rows, asked for were " +
                           std::to_string(count) + " from " + std::to_string(first));
  }
  OutputRows rows{Matrix::Zero(count, outputs), Matrix::Zero(count, outputs)};
  for (Index r = 0; r < count; ++r) {
    const Row row = row_at(measure, outputs, first + r);
    const auto write = [&](Matrix& side, double sign) {
      if (row.plus >= 0) side(r, row.plus) = sign;
      if (row.minus >= 0) side(r, row.minus) = -sign;
    };
    if (row.side != Side::compressed) write(rows.reference, 1.0);
    if (row.side != Side::reference) write(rows.compressed, row.side == Side::compressed ? 1.0 : -1.0);
  }
  return rows;
}

std::vector<Index> difference_rows(const Measure& measure, Index outputs) {
  std::vector<Index> rows;
  const Index count = measure_row_count(measure, outputs);
  for (Index r = 0; r < count; ++r) {
    if (row_at(measure, outputs, r).side == Side::difference) rows.push_back(r);
  }
  return rows;
}

Vector difference_weights(const Measure& measure, Index outputs, Index row) {
  return measure_rows(measure, outputs, row, 1).reference.row(0).transpose();
}

std::optional<Index> difference_row(const Measure& measure, Index outputs, const Vector& weights) {
  if (weights.size() != outputs) return std::nullopt;
  Index plus = -1, minus = -1;
  for (Index i = 0; i < outputs; ++i) {
    if (weights[i] == 0.0) continue;
    Index& place = weights[i] > 0.0 ? plus : minus;
    if (place >= 0 || std::abs(weights[i]) != 1.0) return std::nullopt;
    place = i;
  }
  if (plus < 0 && minus < 0) return std::nullopt;
  Index r = 0;
  if (measure.kind == MeasureKind::top1) {
    if (plus < 0 || minus < 0) return std::nullopt;
    r = 3 * index_of({plus, minus}, outputs) + 2;
  } else if (measure.kind == MeasureKind::output || measure.kind == MeasureKind::margin) {
    r = plus == measure.output ? 0 : 1;
  } else {
    r = plus >= 0 ? 2 * plus : 2 * minus + 1;
  }
  const Row row = row_at(measure, outputs, r);
  return row.plus == plus && row.minus == minus ? std::optional<Index>(r) : std::nullopt;
}

Vector row_maxima(const Measure& measure, const TwinBounds& bounds) {
  const StageBounds& last = bounds.stages.back();
  const Index outputs = last.difference.size();
  Vector maxima(measure_row_count(measure, outputs));
  for (Index r = 0; r < maxima.size(); ++r) {
    const Row row = row_at(measure, outputs, r);
    const IntervalVector& side = row.side == Side::reference    ? last.reference
                                 : row.side == Side::compressed ? last.compressed
                                                                : last.difference;
    if (row.plus >= 0 && row.minus >= 0) {
      maxima[r] = core::sub_up(side.upper[row.plus], side.lower[row.minus]);
    } else {
      maxima[r] = row.plus >= 0 ? side.upper[row.plus] : -side.lower[row.minus];
    }
    if (std::isnan(maxima[r])) maxima[r] = infinity;
  }
  return maxima;
}

Vector row_maxima(const Measure& measure, const Twin& twin, const InputSet& set, const TwinBounds& bounds) {
  Vector maxima = row_maxima(measure, bounds);
  const Index outputs = twin.output_size();
  if (measure.kind != MeasureKind::margin && measure.kind != MeasureKind::top1) return maxima;
  BackwardPass backward(twin, set);
  for (std::size_t k = 0; k + 1 < twin.stages().size(); ++k) backward.add_stage(bounds.stages[k]);
  for (Index first = 0; first < maxima.size(); first += batch_rows) {
    const Index count = std::min(batch_rows, maxima.size() - first);
    const OutputRows rows = measure_rows(measure, outputs, first, count);
    const Vector found = backward.maximum(static_cast<Index>(twin.stages().size()) - 1, rows.reference, rows.compressed);
    maxima.segment(first, count) = maxima.segment(first, count).cwiseMin(found);
  }
  // The change of a margin is a margin of f less one of g.
  for (Index r = 0; measure.kind == MeasureKind::top1 && r < maxima.size(); r += 3) {
    maxima[r + 2] = std::min(maxima[r + 2], upper_sum(maxima[r], maxima[r + 1]));
  }
  return maxima;
}

double measure_upper(const Measure& measure, Index outputs, const Vector& row_maxima, const Vector& evaluation_error) {
  check_sizes(measure, outputs, row_maxima, evaluation_error);
  if (is_norm(measure)) return norm_upper(measure, outputs, row_maxima, evaluation_error);
  double upper = 0.0;
  for (const Index r : difference_rows(measure, outputs))
    upper = std::max(upper, row_share(measure, outputs, row_maxima, evaluation_error, r));
  return upper;
}

double squared_norm_upper(const Measure& measure, Index outputs, const Vector& row_maxima, const Vector& evaluation_error) {
  check_sizes(measure, outputs, row_maxima, evaluation_error);
  return sum_of_squares(measure, outputs, row_maxima, evaluation_error);
}

double row_share(const Measure& measure, Index outputs, const Vector& row_maxima, const Vector& evaluation_error, Index row) {
  check_sizes(measure, outputs, row_maxima, evaluation_error);
  if (measure.kind == MeasureKind::top1) return top1_share(outputs, row_maxima, evaluation_error, pair_at(row / 3, outputs));
  return evaluated(row_at(measure, outputs, row), row_maxima[row], evaluation_error);
}

std::vector<Index> open_rows(const Measure& measure, Index outputs, const Vector& row_maxima, const Vector& evaluation_error,
                             double target) {
  std::vector<Index> open;
  for (const Index row : difference_rows(measure, outputs)) {
    if (!is_norm(measure) && row_share(measure, outputs, row_maxima, evaluation_error, row) <= target) continue;
    if (measure.kind == MeasureKind::top1) open.insert(open.end(), {row - 2, row - 1});
    open.push_back(row);
  }
  return open;
}

}  // namespace twincert::bounds
