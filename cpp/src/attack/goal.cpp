#include "twincert/attack/goal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace twincert::attack {
namespace {

using core::MeasureKind;

constexpr double infinity = std::numeric_limits<double>::infinity();
// The largest output but one; -1 for a single output.
Index strongest_other(const Goal::Column& outputs, Index than) {
  Index best = -1;
  for (Index k = 0; k < outputs.size(); ++k) {
    if (k != than && (best < 0 || outputs[k] > outputs[best])) best = k;
  }
  return best;
}

void add(Eigen::Ref<Vector> weights, Index output, double weight) {
  if (output >= 0) weights[output] += weight;
}

// Pairs of f's class, or the runner-up, with every other output: at any point all other pairs are further from changing the class.
std::vector<std::pair<double, Goal>> confidence_goals(const Matrix& reference, const Matrix& compressed) {
  std::map<std::pair<Index, Index>, double> best;
  for (Index j = 0; j < reference.cols(); ++j) {
    Index winner = 0;
    reference.col(j).maxCoeff(&winner);
    for (const Index i : {winner, strongest_other(reference.col(j), winner)}) {
      for (Index k = 0; k < reference.rows(); ++k) {
        if (k == i) continue;
        const double score = Goal::confidence(i, k).score(reference.col(j), compressed.col(j));
        const auto [place, added] = best.try_emplace({i, k}, score);
        if (!added) place->second = std::max(place->second, score);
      }
    }
  }
  std::vector<std::pair<double, Goal>> ranked;
  for (const auto& [pair, score] : best) ranked.push_back({score, Goal::confidence(pair.first, pair.second)});
  return ranked;
}

std::vector<std::pair<double, Goal>> output_goals(const Matrix& reference, const Matrix& compressed) {
  std::vector<std::pair<double, Goal>> ranked;
  for (Index i = 0; i < reference.rows(); ++i) {
    for (const Goal& goal : {Goal::difference(i, -1), Goal::difference(-1, i)}) {
      double best = -infinity;
      for (Index j = 0; j < reference.cols(); ++j) best = std::max(best, goal.score(reference.col(j), compressed.col(j)));
      ranked.push_back({best, goal});
    }
  }
  return ranked;
}

}  // namespace

double Goal::score(const Column& reference, const Column& compressed) const {
  double value = 0.0;
  if (kind_ == Kind::two) {
    value = (reference - compressed).stableNorm();
  } else if (kind_ == Kind::one) {
    value = (reference - compressed).lpNorm<1>();
  } else if (kind_ == Kind::difference) {
    if (plus_ >= 0) value += reference[plus_] - compressed[plus_];
    if (minus_ >= 0) value -= reference[minus_] - compressed[minus_];
  } else {
    const double confidence = reference[plus_] - reference[strongest_other(reference, plus_)];
    const double ahead = lead(compressed);
    value = ahead >= 0.0 ? confidence : std::min(confidence, 0.0) + ahead;
  }
  return std::isnan(value) ? -infinity : value;
}

void Goal::ascend(const Column& reference, const Column& compressed, Eigen::Ref<Vector> of_reference,
                  Eigen::Ref<Vector> of_compressed) const {
  if (kind_ == Kind::confidence) {
    add(of_reference, plus_, 1.0);
    add(of_reference, strongest_other(reference, plus_), -1.0);
    add(of_compressed, minus_, 1.0);
    add(of_compressed, plus_, -1.0);
    return;
  }
  if (kind_ == Kind::difference) {
    add(of_reference, plus_, 1.0);
    add(of_reference, minus_, -1.0);
  } else if (kind_ == Kind::one) {
    of_reference = (reference - compressed).array().sign();
  } else {
    const double norm = (reference - compressed).stableNorm();
    if (norm > 0.0) {
      of_reference = (reference - compressed) / norm;
    } else {
      add(of_reference, 0, 1.0);
    }
  }
  of_compressed = -of_reference;
}

std::vector<Goal> goals(const Measure& measure, const Matrix& reference, const Matrix& compressed, std::size_t limit) {
  switch (measure.kind) {
    case MeasureKind::two:
    case MeasureKind::one:
    case MeasureKind::affine:
      return {Goal::norm(measure.kind)};
    case MeasureKind::output:
      return {Goal::difference(measure.output, -1), Goal::difference(-1, measure.output)};
    case MeasureKind::margin:
      return {Goal::difference(measure.output, measure.other), Goal::difference(measure.other, measure.output)};
    case MeasureKind::outputs:
    case MeasureKind::inf:
    case MeasureKind::top1:
      break;
  }
  auto ranked = measure.kind == MeasureKind::top1 ? confidence_goals(reference, compressed) : output_goals(reference, compressed);
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Goal> chosen;
  for (const auto& [score, goal] : ranked) {
    if (chosen.size() < limit) chosen.push_back(goal);
  }
  return chosen;
}

}  // namespace twincert::attack
