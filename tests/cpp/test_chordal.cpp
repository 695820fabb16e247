// A twin's relaxation through the generic door: the bound that its certificate has.
#include "check.hpp"
#include "instances.hpp"
#include "twincert/certificate/bound.hpp"
#include "twincert/certificate/gram.hpp"
#include "twincert/certify.hpp"
#include "twincert/chordal.hpp"
#include "twincert/core/error.hpp"
#include "twincert/relax/relaxation.hpp"
#include "twincert/relax/support.hpp"

using namespace twincert;
using core::Matrix;
using core::MeasureKind;

namespace {

CertifyOptions sdp(MeasureKind kind) {
  CertifyOptions options;
  options.measure = {kind, 0, 1};
  options.method = Method::sdp;
  options.settings.max_iterations = 600;
  options.settings.tolerance = 0.0;
  options.settings.attack_restarts = 1;
  return options;
}

}  // namespace

TEST(chordal_program_of_a_twin_has_its_certificates_bound) {
  const network::Twin twin = testing::random_twin({2, 4, 4, 2}, 0.02, 2);
  const sets::InputSet set = testing::cube(2, 0.5);
  for (const MeasureKind kind : {MeasureKind::output, MeasureKind::two, MeasureKind::one}) {
    const CertifyOptions options = sdp(kind);
    const Result result = certify(twin, set, options);
    const certificate::Proof& proof = result.proof;
    CHECK(!proof.objectives.empty());
    for (const certificate::ObjectiveProof& proven : proof.objectives) {
      const relax::Relaxation relaxation =
          relax::build_relaxation(twin, set, {proof.stages, core::Vector::Zero(2)}, proof.rows, proven.objective.kind);
      const relax::ObjectiveTerms terms = relax::objective_terms(twin, relaxation, proven.objective);
      const ChordalProgram program(relaxation, terms);
      std::vector<Matrix> multipliers;
      for (const certificate::CliqueProof& clique : proven.cliques) multipliers.push_back(clique.multiplier);
      // The proof has a little slack for the rounding of other machines.
      const double again = terms.finish(program.bound(multipliers));
      CHECK(again <= proven.bound && again >= proven.bound * (1.0 - 1e-10));

      const ChordalSolution solution = program.solve({options.settings, std::numeric_limits<double>::infinity(), {}});
      const double bound = terms.finish(solution.bound);
      CHECK(bound <= proven.bound * 1.01 && bound >= proven.bound * 0.9);
    }
  }
}

TEST(chordal_program_says_what_is_wrong) {
  relax::Clique clique;
  clique.T = Matrix::Identity(2, 2);
  clique.lower = -Matrix::Ones(2, 2);
  clique.upper = Matrix::Ones(2, 2);
  const ChordalProgram fine({{clique}, {}}, {{Matrix()}, 0.0});
  CHECK(fine.bound({Matrix()}) < 1e-12);
  CHECK(fine.problem().cliques[0].error.size() == 2);
  clique.upper(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS(core::ParseError, "upper[1, 1]", ChordalProgram({{clique}, {}}, {{Matrix()}, 0.0}));
  CHECK_THROWS(core::ShapeError, "objective", ChordalProgram({{fine.problem().cliques[0]}, {}}, {}));
  ChordalOptions options;
  options.time_limit = 0.0;
  CHECK_THROWS(core::SettingsError, "time_limit", fine.solve(options));
}

// A clique without overlaps takes a way of its own, in which chunks of entries without multiplier and objective are left out.
TEST(chordal_support_of_a_lone_clique) {
  for (const core::Index n : {12, 90}) {
    const Matrix half = Matrix::Random(n, n), sides = Matrix::Random(n, n).cwiseAbs();
    relax::Clique clique;
    clique.T = Matrix::Identity(n, n);
    clique.lower = -(sides + sides.transpose());
    clique.upper = 0.5 * (sides + sides.transpose());
    Matrix multiplier = half + half.transpose();
    multiplier.bottomRightCorner(n - 4, n - 4).setZero();
    multiplier(n - 2, n / 2) = multiplier(n / 2, n - 2) = 0.5;
    Matrix objective = Matrix::Zero(n, n);
    objective(0, 0) = 1.0;
    objective(n - 3, n - 2) = objective(n - 2, n - 3) = -3.0;
    objective(n / 2 + 1, 4) = objective(4, n / 2 + 1) = 2.0;
    const double alone = relax::support_bound({{clique}, {}}, {{objective}, 0.5}, {multiplier});
    const Matrix nothing = Matrix::Zero(n, n);
    const double shared = relax::support_bound({{clique, clique}, {{0, 1, {2}, {2}}}}, {{objective, Matrix()}, 0.5}, {multiplier, nothing});
    CHECK(std::abs(alone - shared) < 1e-12 * shared);
    CHECK(relax::support_bound({{clique}, {}}, {{Matrix()}, 0.5}, {nothing}) < 0.5 + 1e-12);
    const core::Index row = n / 2 + 3, column = n / 2 + 1;
    const double upper = clique.upper(row, column);
    for (const double lower : {2.0 * upper, -std::numeric_limits<double>::infinity(), std::nan("")}) {  // without a multiplier
      clique.lower(row, column) = clique.lower(column, row) = lower;
      CHECK(std::isinf(relax::support_bound({{clique}, {}}, {{Matrix()}, 0.5}, {nothing})));
    }
  }
}

TEST(chordal_bounds_need_symmetric_multipliers) {
  const core::Index n = 70;  // not a multiple of the blocks that are compared
  relax::Clique clique;
  clique.T = Matrix::Identity(n, n);
  clique.lower = -Matrix::Ones(n, n);
  clique.upper = Matrix::Ones(n, n);
  clique.error = core::Vector::Zero(n);
  clique.variable_magnitude = core::Vector::Ones(n);
  const relax::ChordalProblem problem{{clique}, {}};
  const relax::ChordalObjective objective{{Matrix()}, 0.0};
  const Matrix identity = Matrix::Identity(n, n);
  CHECK(std::isfinite(certificate::chordal_bound(problem, objective, {{identity, identity}})));
  for (const auto& [row, column] :
       {std::pair(3, 1), std::pair(1, 3), std::pair(50, 2), std::pair(2, 50), std::pair(69, 66), std::pair(40, 69)}) {
    Matrix multiplier = identity;
    multiplier(row, column) = 1e-300;
    CHECK(std::isinf(certificate::chordal_bound(problem, objective, {{multiplier, identity}})));
  }
}

// Zeros of the multiplier and rows of a single variable are left out, wherever they are.
TEST(chordal_gram_leaves_out_only_zeros) {
  const core::Index rows = 80, variables = 30;
  for (const core::Index dense : {0, 1, 25, 80}) {
    Matrix T = Matrix::Random(rows, variables), multiplier = Matrix::Zero(rows, rows);
    for (core::Index i = 0; i < variables; ++i) T.row(2 * i) = 0.5 * core::Vector::Unit(variables, i).transpose();
    T.row(79).setZero();
    const Matrix block = Matrix::Random(dense, dense);
    for (core::Index i = 0; i < rows; ++i)
      multiplier(i, i) = multiplier(i, 79 - i) = multiplier(79 - i, i) = 1.0 + 0.1 * static_cast<double>(i);
    multiplier.bottomRightCorner(dense, dense) += block + block.transpose();
    multiplier = 0.5 * (multiplier + multiplier.transpose()).eval();
    CHECK(certificate::gram(T, multiplier).isApprox(T.transpose() * multiplier * T, 1e-13));
  }
}
