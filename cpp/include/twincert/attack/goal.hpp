// What one gradient ascent climbs: a measure, or a part of it whose gradient shows the way.
#pragma once

#include <vector>

#include "twincert/core/measure.hpp"

namespace twincert::attack {

using core::Index;
using core::Matrix;
using core::Measure;
using core::Vector;

class Goal {
 public:
  using Column = Eigen::Ref<const Vector>;

  // d_plus - d_minus of d = f(x) - g(y); -1 leaves a term out.
  static Goal difference(Index plus, Index minus) { return {Kind::difference, plus, minus}; }
  // The 2-norm of d, which the attack multiplies by the root of an affine measure's share, or the 1-norm.
  static Goal norm(core::MeasureKind kind) { return {kind == core::MeasureKind::one ? Kind::one : Kind::two, -1, -1}; }
  // The confidence of f in `winner` where g's `rival` reaches g's `winner`; where it does not, the (negative) distance from that.
  static Goal confidence(Index winner, Index rival) { return {Kind::confidence, winner, rival}; }

  // Minus infinity where the outputs are not numbers.
  double score(const Column& reference, const Column& compressed) const;
  // Gradients with respect to f and g, into columns of zeros; for confidence() that of the confidence of f, and that of lead().
  void ascend(const Column& reference, const Column& compressed, Eigen::Ref<Vector> of_reference, Eigen::Ref<Vector> of_compressed) const;

  // confidence() is to be climbed where lead() >= 0: along the border, usually.
  bool has_border() const { return kind_ == Kind::confidence; }
  double lead(const Column& compressed) const { return compressed[minus_] - compressed[plus_]; }

 private:
  enum class Kind { difference, two, one, confidence };

  Goal(Kind kind, Index plus, Index minus) : kind_(kind), plus_(plus), minus_(minus) {}

  Kind kind_;
  Index plus_;
  Index minus_;
};

// The goals that make up a measure; of many, at most `limit`: those that score best among these outputs (columns are points).
std::vector<Goal> goals(const Measure& measure, const Matrix& reference, const Matrix& compressed, std::size_t limit);

}  // namespace twincert::attack
