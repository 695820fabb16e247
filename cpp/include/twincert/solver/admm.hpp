// The splitting as a method: in single precision as long as that gets it closer, then in double if memory allows.
#pragma once

#include <limits>
#include <memory>
#include <variant>
#include <vector>

#include "twincert/solver/method.hpp"
#include "twincert/solver/splitting.hpp"

namespace twincert::solver {

class Admm : public Method {
 public:
  // Keeps references: problem and pool must outlive it.
  Admm(const relax::ChordalProblem& problem, const Settings& settings, core::ThreadPool& pool);

  // Estimate from above of the memory that problem and splitting take in single precision, in bytes.
  static double memory_estimate(const std::vector<relax::CliqueSize>& sizes, Index acceleration_memory);

  // Keeps the current point as a warm start.
  void set_objective(const relax::ChordalObjective& objective) override;

  std::any state() const override;
  void resume(const std::any& state) override;
  // The acceleration loses its memory.
  Index turn() const override { return 100; }
  Start start_of(const std::any& state) const override;
  void start(const Start& from) override;

  // Is not stopped; no heap allocation, but once for double precision. False when an eigendecomposition failed that double precision could
  // not mend.
  bool iterate(const std::function<bool()>& go_on) override;

  double residual() const override;
  void multipliers(std::vector<Matrix>& out) const override;

  bool finished() const override { return false; }
  Index bound_every() const override { return settings_.bound_every; }

 private:
  // How far the steps towards an objective have come.
  struct Course {
    double least_residual = std::numeric_limits<double>::infinity();
    Index steps = 0;
    Index since_least = 0;
    double rho = 0.0;        // with which residuals were compared
    bool exhausted = false;  // single precision has nothing more to give
  };
  struct State {
    bool refined;
    Vector point;
    Penalty penalty;
    Course course;
  };

  void start(const Vector& point, const Penalty& penalty);
  bool step();
  bool refined() const { return std::holds_alternative<std::unique_ptr<Splitting<double>>>(splitting_); }
  void refine();
  void watch();

  const relax::ChordalProblem& problem_;
  const Settings settings_;
  core::ThreadPool& pool_;
  const bool refinable_;  // within the memory limit
  relax::ChordalObjective objective_;
  std::variant<std::unique_ptr<Splitting<float>>, std::unique_ptr<Splitting<double>>> splitting_;
  Course course_;
};

}  // namespace twincert::solver
