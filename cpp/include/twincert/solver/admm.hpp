// The splitting of relaxation.md, section 3 (Douglas-Rachford) on a chordal relaxation, with Anderson acceleration.
//
//   X_k = Q_k [Q_k^T Z_k Q_k]_+ Q_k^T
//   P_k = clip(average over overlaps of (2 X_k - Z_k + C_k / rho))
//   Z_k += alpha (P_k - X_k)
//
// Multipliers Lambda_k = rho (X_k - Z_k) are valid at every iterate. All storage is allocated by the constructor.
#pragma once

#include <vector>

#include "twincert/core/blas.hpp"
#include "twincert/core/parallel.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/acceleration.hpp"
#include "twincert/solver/agreement.hpp"
#include "twincert/solver/method.hpp"
#include "twincert/solver/settings.hpp"

namespace twincert::solver {

class Admm : public Method {
 public:
  // Keeps references: problem and pool must outlive it.
  Admm(const relax::ChordalProblem& problem, const Settings& settings, core::ThreadPool& pool);

  // Estimate from above of the memory that problem and splitting take, in bytes.
  static double memory_estimate(const std::vector<relax::CliqueSize>& sizes, Index acceleration_memory);

  // Scaled internally to unit size; keeps the current point as a warm start.
  void set_objective(const relax::ChordalObjective& objective) override;
  // Back to the cold start.
  void reset();

  // The point that steps start from: the lower triangles of Z_k, column by column, one clique after the other.
  std::any state() const override { return packed_point_; }
  void resume(const std::any& state) override { start(std::any_cast<const Vector&>(state)); }
  // The acceleration loses its memory.
  Index turn() const override { return 100; }
  Vector point(const std::any& state) const override { return std::any_cast<const Vector&>(state); }
  void start(const Vector& point) override;

  // One step, which is not stopped; no heap allocation. False when an eigendecomposition failed (the point is unchanged then).
  bool iterate(const std::function<bool()>& go_on) override;

  // |P - X| of the last step, relative to the size of the problem.
  double residual() const override { return residual_; }
  // Valid multipliers of the last step, in the objective's own units; sizes are set on the first call.
  void multipliers(std::vector<Matrix>& out) const override;

  bool finished() const override { return false; }
  Index bound_every() const override { return bound_every_; }

 private:
  struct Block {
    Matrix basis;      // Q, rows x variables
    Matrix point;      // Z; like all row matrices here only its lower triangle is kept
    Matrix projected;  // X
    Matrix reflected;  // P, then the step alpha (P - X)
    Matrix product;    // rows x variables
    Matrix reduced;    // variables x variables
    Vector eigenvalues;
    core::SymmetricEigensolver eigensolver;
    Index offset;  // of its lower triangle in the packed vectors
    bool solved = true;
    double distance = 0.0;  // |P - X|^2
    double size = 0.0;      // |X|^2
  };

  void project(Block& block) const;
  void reflect(std::size_t k);
  void clip_ball(const relax::Clique& clique, Block& block) const;
  void clip(std::size_t k);
  void unpack(std::size_t k);

  const relax::ChordalProblem& problem_;
  core::ThreadPool& pool_;
  std::vector<Block> blocks_;
  Agreement agreement_;
  std::vector<Matrix> objective_;  // per clique, scaled to unit size; empty where there is none
  double objective_scale_ = 1.0;
  double rho_;
  double alpha_;
  Index bound_every_;
  double residual_ = 0.0;
  Vector packed_point_;
  Vector packed_step_;
  Acceleration acceleration_;
};

}  // namespace twincert::solver
