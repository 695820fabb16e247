#include "twincert/core/measure.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "twincert/core/error.hpp"

namespace twincert::core {
namespace {

constexpr std::pair<const char*, MeasureKind> names[] = {
    {"outputs", MeasureKind::outputs}, {"output", MeasureKind::output}, {"inf", MeasureKind::inf},   {"two", MeasureKind::two},
    {"one", MeasureKind::one},         {"margin", MeasureKind::margin}, {"top1", MeasureKind::top1}, {"affine", MeasureKind::affine}};

constexpr std::pair<const char*, AffineInput> inputs[] = {{"input", AffineInput::input}, {"difference", AffineInput::difference}};

// With two equal largest outputs of f the class is not unique, and the confidence is 0 for either.
double confidence_where_classes_differ(const Vector& reference, const Vector& compressed) {
  if (reference.hasNaN() || compressed.hasNaN()) return std::numeric_limits<double>::quiet_NaN();
  Index winner = 0;
  const double largest = reference.maxCoeff(&winner);
  double second = -std::numeric_limits<double>::infinity();
  bool reached = false;
  for (Index k = 0; k < reference.size(); ++k) {
    if (k == winner) continue;
    second = std::max(second, reference[k]);
    reached = reached || compressed[k] >= compressed[winner];
  }
  return reached ? largest - second : 0.0;
}

}  // namespace

void Measure::validate(Index outputs) const {
  const auto require_output = [outputs](Index index) {
    if (index >= 0 && index < outputs) return;
    throw SettingsError("measure: expected an output in [0, " + std::to_string(outputs - 1) + "], found " + std::to_string(index) +
                        "; the networks have " + std::to_string(outputs) + " outputs");
  };
  if (kind == MeasureKind::output || kind == MeasureKind::margin) require_output(output);
  if (kind == MeasureKind::margin) {
    require_output(other);
    if (output == other)
      throw SettingsError("measure: expected a margin between two outputs, found output " + std::to_string(output) + " twice");
  }
  if (kind == MeasureKind::top1 && (outputs < 2 || outputs > top1_outputs)) {
    throw SettingsError("measure: top1 expects networks with 2 to " + std::to_string(top1_outputs) + " outputs, found " +
                        std::to_string(outputs));
  }
  if (kind == MeasureKind::affine) {
    for (const double value : {weight_x, weight}) {
      if (!(value >= smallest_weight && value <= largest_weight)) {
        throw SettingsError("measure: affine expects weights between 1e-100 and 1e100, found " + std::to_string(value));
      }
    }
  }
}

double Measure::operator()(const Vector& reference, const Vector& compressed) const {
  if (reference.size() != compressed.size()) {
    throw ShapeError("measure: expected as many outputs of both networks, found " + std::to_string(reference.size()) + " and " +
                     std::to_string(compressed.size()));
  }
  validate(reference.size());
  const Vector difference = reference - compressed;
  switch (kind) {
    case MeasureKind::output:
      return std::abs(difference[output]);
    case MeasureKind::margin:
      return std::abs(difference[output] - difference[other]);
    case MeasureKind::top1:
      return confidence_where_classes_differ(reference, compressed);
    case MeasureKind::two:
      return difference.stableNorm();
    case MeasureKind::one:
      return difference.lpNorm<1>();
    case MeasureKind::affine:
      throw SettingsError("measure: affine also depends on the inputs, expected them");
    case MeasureKind::outputs:
    case MeasureKind::inf:
      break;
  }
  return difference.lpNorm<Eigen::Infinity>();
}

double Measure::at(const Vector& x, const Vector& y, const Vector& reference, const Vector& compressed) const {
  if (kind != MeasureKind::affine) return (*this)(reference, compressed);
  if (reference.size() != compressed.size() || x.size() != y.size()) {
    throw ShapeError("measure: expected as many inputs and outputs of both networks, found " + std::to_string(x.size()) + " and " +
                     std::to_string(y.size()) + ", " + std::to_string(reference.size()) + " and " + std::to_string(compressed.size()));
  }
  validate(reference.size());
  return (reference - compressed).squaredNorm() * share(x, y);
}

double Measure::share(const Vector& x, const Vector& y) const {
  return std::min(weight, weight_x / (of == AffineInput::input ? x.squaredNorm() : (x - y).squaredNorm()));
}

std::string to_string(MeasureKind kind) {
  for (const auto& [name, known] : names) {
    if (known == kind) return name;
  }
  return "";
}

MeasureKind measure_kind(const std::string& name) {
  std::string known;
  for (const auto& [text, kind] : names) {
    if (name == text) return kind;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  throw SettingsError("measure: expected one of " + known + ", found '" + name + "'");
}

std::string to_string(AffineInput of) { return of == AffineInput::input ? "input" : "difference"; }

AffineInput affine_input(const std::string& name) {
  for (const auto& [text, of] : inputs) {
    if (name == text) return of;
  }
  throw SettingsError("measure: affine expects of 'input' or 'difference', found '" + name + "'");
}

std::string to_string(const Measure& measure) {
  const std::string name = to_string(measure.kind);
  if (measure.kind == MeasureKind::output) return name + "(" + std::to_string(measure.output) + ")";
  if (measure.kind == MeasureKind::margin) return name + "(" + std::to_string(measure.output) + ", " + std::to_string(measure.other) + ")";
  return name;
}

}  // namespace twincert::core
