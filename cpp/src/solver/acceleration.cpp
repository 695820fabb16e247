#include "twincert/solver/acceleration.hpp"

#include <algorithm>
#include <cmath>

#include "twincert/solver/kernels.hpp"

namespace twincert::solver {

template <class Scalar>
Acceleration<Scalar>::Acceleration(Index size, Index memory)
    : size_(size),
      memory_(std::min(memory, largest_memory)),
      base_(memory_ > 0 ? size : 0),
      previous_step_(memory_ > 0 ? size : 0),
      previous_image_(memory_ > 0 ? size : 0),
      fallback_(memory_ > 0 ? size : 0),
      single_step_(memory_ > 0 ? size : 0),
      step_differences_(size, memory_),
      image_differences_(size, memory_),
      partial_(2 * memory_ + 1, (size + chunk - 1) / chunk),
      gram_(Small::Zero(memory_, memory_)),
      projection_(SmallVector::Zero(memory_)) {}

template <class Scalar>
void Acceleration<Scalar>::reset() {
  used_ = slot_ = 0;
  has_previous_ = extrapolated_ = false;
  reference_norm_ = 0.0;
  plain_steps_ = 0;
}

template <class Scalar>
void Acceleration<Scalar>::advance(Vector& point, Vector& step, core::ThreadPool& pool) {
  if (memory_ > 0 && plain_steps_ == 0) base_ = point;
  point += step;
  if (memory_ == 0 || ++plain_steps_ < period) return;
  plain_steps_ = 0;
  step = point - base_;
  point = base_;
  combine(point, step, pool);
}

template <class Scalar>
void Acceleration<Scalar>::combine(Vector& point, const Vector& step, core::ThreadPool& pool) {
  const Index chunks = partial_.cols();
  const bool push = has_previous_;
  const Index slot = slot_;
  const Index used = push ? std::min(used_ + 1, memory_) : used_;
  // One pass: new differences, their products with all others, the projection of the step, its norm.
  pool.run(chunks, [&](Index c) {
    const Index begin = c * chunk, count = std::min(chunk, size_ - begin);
    auto f = step.segment(begin, count);
    if (push) {
      step_differences_.col(slot).segment(begin, count) = (f - previous_step_.segment(begin, count)).template cast<float>();
      image_differences_.col(slot).segment(begin, count) =
          (point.segment(begin, count) + f - previous_image_.segment(begin, count)).template cast<float>();
    }
    previous_step_.segment(begin, count) = f;
    previous_image_.segment(begin, count) = point.segment(begin, count) + f;
    single_step_.segment(begin, count) = f.template cast<float>();
    const float* newest = step_differences_.col(slot).data() + begin;
    for (Index m = 0; m < used; ++m) {
      const DotPair dots = dot_pair(step_differences_.col(m).data() + begin, newest, single_step_.data() + begin, count);
      partial_(m, c) = static_cast<double>(dots.first);
      partial_(memory_ + m, c) = static_cast<double>(dots.second);
    }
    partial_(2 * memory_, c) = static_cast<double>(f.squaredNorm());
  });
  const double norm = std::sqrt(partial_.row(2 * memory_).sum());
  for (Index m = 0; m < used; ++m) {
    if (push) gram_(m, slot) = gram_(slot, m) = partial_.row(m).sum();
    projection_[m] = partial_.row(memory_ + m).sum();
  }
  if (push) {
    used_ = used;
    slot_ = (slot + 1) % memory_;
  }
  has_previous_ = true;
  if (reference_norm_ == 0.0) reference_norm_ = norm;
  if (extrapolated_ && !(norm <= 2.0 * reference_norm_)) {  // too far: back to where the plain steps had led, with an empty history
    point = fallback_;
    reset();
    return;
  }
  reference_norm_ = std::min(reference_norm_, norm);
  if (used_ < 2) {
    point += step;
    return;
  }
  Small system = gram_.topLeftCorner(used_, used_);
  system.diagonal().array() += 1e-8 * system.trace();
  const SmallVector weights = system.llt().solve(projection_.head(used_));
  if (!weights.allFinite()) {
    point += step;
    reset();
    return;
  }
  extrapolated_ = true;
  pool.run(chunks, [&](Index c) {
    const Index begin = c * chunk, count = std::min(chunk, size_ - begin);
    Scalar* next = point.data() + begin;
    const Scalar* image = previous_image_.data() + begin;
    std::copy(image, image + count, next);
    std::copy(image, image + count, fallback_.data() + begin);
    for (Index m = 0; m < used_; ++m) {
      subtract_scaled(image_differences_.col(m).data() + begin, weights[m], next, count);
    }
  });
}

template class Acceleration<double>;
template class Acceleration<float>;

}  // namespace twincert::solver
