// A primal-dual interior-point method for problems of a single clique, on a working set of entries that grows as it goes.
//
// With moments X = Y (positive semidefinite, slacks s of the active entries A_e) and multipliers l_e >= 0,
//   S = sum l_e A_e - C positive definite,   minimise sum l_e b_e,
// predictor-corrector steps follow the HKM direction (Helmberg, Rendl, Vanderbei, Wolkowicz 1996; Mehrotra's corrector). Every A_e is the
// product of two rows, so the Schur complement is made of products of entries of T X T^T and T S^-1 T^T (Benson, Ye, Zhang 2000). S is
// rebuilt from l in every step and stays positive definite: multipliers are valid at every iterate, whatever X is.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "twincert/core/parallel.hpp"
#include "twincert/relax/chordal_problem.hpp"
#include "twincert/solver/active_entries.hpp"
#include "twincert/solver/method.hpp"
#include "twincert/solver/row_products.hpp"

namespace twincert::solver {

class InteriorPoint : public Method {
 public:
  // Keeps references: problem, of one clique, and pool must outlive it. Finished when the gap is at most `tolerance` of the bound.
  InteriorPoint(const relax::ChordalProblem& problem, double tolerance, core::ThreadPool& pool);

  // Estimate from above of the memory that problem and solver take, in bytes.
  static double memory_estimate(Index rows, Index variables);

  // Starts afresh, with what mattered of the working set of the objective before.
  void set_objective(const relax::ChordalObjective& objective) override;

  // Asks within the work that all threads share.
  bool iterate(const std::function<bool()>& go_on) override;
  void multipliers(std::vector<Matrix>& out) const override;
  double residual() const override { return residual_; }
  bool finished() const override { return finished_; }
  Index bound_every() const override { return 1; }

  std::any state() const override;
  void resume(const std::any& state) override;
  Index turn() const override { return 1; }

  // What matters of the working set: interior points themselves are of no use to another problem.
  Start start_of(const std::any& state) const override;
  void start(const Start& from) override { active_.add(from.entries); }

 private:
  struct Direction {
    Vector multipliers;
    Vector slacks;
    Matrix dual;             // of S
    Matrix dual_by_inverse;  // times S^-1
    Matrix primal;           // of X
  };
  struct Steps {
    double primal;
    double dual;
  };

  bool advance();
  bool ready();
  bool begin();
  bool begin_with_active();
  bool review();
  void thin();
  bool grow();
  static std::vector<bool> binding(const Vector& multipliers, const Vector& slacks);
  Vector compensated(Index first) const;
  bool step(const Direction& direction);
  double magnitude() const { return std::max(std::abs(value()), floor_); }
  double value() const { return multipliers_.dot(limits_) + constant_; }
  void use_rows();
  bool factor(const Vector& multipliers, Matrix& dual, Matrix& lower) const;
  Vector entries(const Matrix& image) const;
  Matrix adjoint(const Vector& multipliers) const;
  double schur_diagonal(Index e, const Matrix& inverse_rows, const Matrix& primal_rows) const;
  void form_schur(const Matrix& inverse_rows, const Matrix& primal_rows);
  bool factor_schur(const Matrix& inverse_rows, const Matrix& primal_rows);
  Vector solve(const Vector& right) const;
  Direction direction(double centering, const Vector& inverse_entries, const Direction* predictor) const;
  Steps longest(const Direction& direction, double fraction) const;
  double complementarity(const Matrix& primal, const Matrix& dual, const Vector& slacks, const Vector& multipliers) const;
  Index size() const { return active_.size() + (has_ball_ ? 1 : 0); }

  const relax::Clique& clique_;
  core::ThreadPool& pool_;
  double tolerance_;
  bool has_ball_;
  ActiveEntries active_;

  RowProducts rows_;            // those in use
  RowProducts all_rows_;        // not divided by norms
  std::vector<RowPair> pairs_;  // of the active entries, with their signs, and those of the ball
  Vector limits_;
  std::vector<bool> free_;

  double scale_ = 1.0;
  double constant_ = 0.0;              // in units of the scale
  std::vector<Index> objective_rows_;  // those that the objective has products of
  Matrix objective_block_;             // and its coefficients
  Matrix objective_;                   // variables x variables, scaled
  Vector multipliers_;                 // of the active entries, and of the ball
  Vector slacks_;
  Matrix primal_, dual_;  // X, S; no S where a step goes on from a state
  Matrix primal_factor_, dual_factor_, inverse_;
  Matrix schur_;  // its factor
  Vector schur_scale_;
  double start_size_ = 1.0;  // of the first multipliers
  double centre_ = 0.0;      // mu
  double grown_at_ = 0.0;
  Index iterations_ = 0;
  int stuck_ = 0;
  bool just_grown_ = false;
  bool finished_ = false;
  double residual_ = 0.0;
  double last_residual_ = 0.0;
  double floor_ = 0.0;  // values below this are zero
};

}  // namespace twincert::solver
