// Safeguarded type-II Anderson acceleration of a fixed-point iteration z <- z + f(z) (Walker and Ni 2011), applied to `period` plain steps
// at a time: the same memory then reaches further back than with every step, at a fraction of the cost.
//
// Histories are kept in single precision: they only choose a combination of past steps, any combination is a sound iterate.
#pragma once

#include <vector>

#include "twincert/core/parallel.hpp"
#include "twincert/core/types.hpp"

namespace twincert::solver {

using core::Index;

// In double or single precision.
template <class Scalar>
class Acceleration {
 public:
  using Vector = core::VectorOf<Scalar>;

  Acceleration(Index size, Index memory);

  Index memory() const { return memory_; }
  void reset();

  // Replaces `point` by the next one, given the step f(point); both have `size` entries. No allocation. The step is overwritten.
  void advance(Vector& point, Vector& step, core::ThreadPool& pool);

 private:
  void combine(Vector& point, const Vector& step, core::ThreadPool& pool);

  static constexpr Index period = 10;
  static constexpr Index largest_memory = 50;
  static constexpr Index chunk = 8192;
  using Small = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, largest_memory, largest_memory>;
  using SmallVector = Eigen::Matrix<double, Eigen::Dynamic, 1, 0, largest_memory, 1>;

  Index size_;
  Index memory_;
  Index used_ = 0;
  Index slot_ = 0;
  bool has_previous_ = false;
  Index plain_steps_ = 0;
  Vector base_;  // the point before the plain steps
  double reference_norm_ = 0.0;
  Vector previous_step_;
  Vector previous_image_;
  Vector fallback_;  // where the plain steps before the last extrapolation led
  bool extrapolated_ = false;
  Eigen::VectorXf single_step_;
  Eigen::MatrixXf step_differences_;   // size x memory
  Eigen::MatrixXf image_differences_;  // size x memory
  Eigen::MatrixXd partial_;            // 2 memory + 1 sums per chunk
  Small gram_;
  SmallVector projection_;
};

}  // namespace twincert::solver
