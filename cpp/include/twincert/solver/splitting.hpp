// The splitting of relaxation.md, section 3 (Douglas-Rachford) on a chordal relaxation, with Anderson acceleration.
//
//   X_k = Q_k [G_k]_+ Q_k^T,  G_k = Q_k^T Z_k Q_k
//   P_k = clip(average over overlaps of (2 X_k - Z_k + C_k / rho))
//   Z_k += alpha (P_k - X_k)
//
// Multipliers Lambda_k = rho (X_k - Z_k) are valid at every iterate. Clipping leaves most entries as they are: with S_k = (2 X_k - Z_k +
// C_k / rho) - P_k, mostly zeros, G_k += alpha ([G_k]_+ - G_k + Q_k^T (C_k / rho - S_k) Q_k), so that Z_k itself is never multiplied. The
// point of the iteration is therefore all Z_k and all G_k.
#pragma once

#include <vector>

#include "twincert/core/parallel.hpp"
#include "twincert/core/positive_eigenpairs.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/acceleration.hpp"
#include "twincert/solver/agreement.hpp"
#include "twincert/solver/settings.hpp"
#include "twincert/solver/sparse_product.hpp"

namespace twincert::solver {

using core::Index;

// rho, by which the sizes of X and of the multipliers are balanced, and when that is looked at again.
struct Penalty {
  static constexpr Index first_review = 20;

  double rho;
  Index steps = 0;  // towards the objective
  Index review = first_review;
  double change = 1.0;  // of rho, due in the next step
};

// In double or single precision. All storage is allocated by the constructor and by set_objective.
template <class Scalar>
class Splitting {
 public:
  // Keeps references: problem and pool must outlive it.
  Splitting(const relax::ChordalProblem& problem, const Settings& settings, core::ThreadPool& pool);

  // What it takes itself, in bytes.
  static double memory_estimate(const std::vector<relax::CliqueSize>& sizes, Index acceleration_memory);

  // Scaled internally to unit size; keeps the current point and its rho as a warm start.
  void set_objective(const relax::ChordalObjective& objective);
  // The lower triangles of Z_k, column by column, one clique after the other, which depend on rho. Starting there, the acceleration has no
  // memory.
  core::Vector point() const { return packed_point_.head(moments_).template cast<double>(); }
  const Penalty& penalty() const { return penalty_; }
  void start(const core::Vector& point, const Penalty& penalty);

  // One step; no heap allocation. False when an eigendecomposition failed (the point is unchanged then).
  bool iterate();

  // |P - X| of the last step, relative to the size of the problem.
  double residual() const { return residual_; }
  // Valid multipliers of the last step, in the objective's own units; sizes are set on the first call.
  void multipliers(std::vector<core::Matrix>& out) const;

 private:
  using Matrix = core::MatrixOf<Scalar>;
  using Vector = core::VectorOf<Scalar>;

  struct Block {
    Index rows, variables;
    Index offset, reduced_offset;  // of the lower triangles of Z and G in the packed vectors
    Matrix basis;                  // Q^T, variables x rows
    Vector lower, upper;           // lower triangles
    Vector objective;              // that of C / rho; empty where C is zero
    // Of symmetric matrices only the lower triangles count.
    Matrix reduced_objective;  // Q^T C Q / rho
    Matrix projected;          // X, then X - Z until the next step
    Matrix reflected;          // P, then S
    Matrix reduced;            // [G]_+
    Matrix small;              // G before, Q^T S Q afterwards
    Matrix product;            // variables x rows, or room for as many numbers
    core::PositiveEigenpairs<Scalar> eigenpairs;
    SparseProduct<Scalar> sparse;
    bool solved = true;
    double distance = 0.0;  // |P - X|^2
    double size = 0.0;      // |X|^2
  };

  void cold_start();
  void use_rho(double rho);
  void review();
  void rescale(Block& block, Scalar change);
  void project(Block& block);
  void reflect(Block& block) const;
  void clip_ball(const relax::Clique& clique, Block& block) const;
  void clip(const relax::Clique& clique, Block& block);
  void reduce(Block& block, bool sparse);
  void reduce_point(Block& block);
  void product_by_basis(Block& block) const;

  const relax::ChordalProblem& problem_;
  core::ThreadPool& pool_;
  Agreement agreement_;
  std::vector<Block> blocks_;
  double objective_scale_ = 1.0;
  const bool adaptive_;
  Penalty penalty_;
  Scalar alpha_;
  double residual_ = 0.0;
  Index moments_ = 0;    // numbers of all Z
  Vector packed_point_;  // Z, then G
  Vector packed_step_;
  Acceleration<Scalar> acceleration_;
};

}  // namespace twincert::solver
