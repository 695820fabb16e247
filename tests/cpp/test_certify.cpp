// The front door in C++: the bound covers what is attained, the checker accepts it and refuses every smaller claim.
#include <cmath>
#include <limits>

#include "check.hpp"
#include "instances.hpp"
#include "twincert/certificate/check.hpp"
#include "twincert/certify.hpp"
#include "twincert/core/error.hpp"

using namespace twincert;
using core::Matrix;
using core::MeasureKind;

namespace {

CertifyOptions quick(MeasureKind kind, Method method = Method::automatic) {
  CertifyOptions options;
  options.measure = {kind, 0, 1};
  options.method = method;
  options.settings.max_iterations = 60;
  options.settings.attack_restarts = 4;
  return options;
}

}  // namespace

TEST(certify_bounds_every_measure) {
  const network::Twin twin = testing::random_twin({3, 6, 6, 2}, 0.05, 2);
  const sets::InputSet set = testing::cube(3, 0.5);
  const Matrix points = set.sample(500, 3);
  const Matrix f = twin.reference().evaluate(points), g = twin.compressed().evaluate(points);
  for (const MeasureKind kind : {MeasureKind::outputs, MeasureKind::output, MeasureKind::inf, MeasureKind::two, MeasureKind::one,
                                 MeasureKind::margin, MeasureKind::top1}) {
    const CertifyOptions options = quick(kind);
    const Result result = certify(twin, set, options);
    CHECK(result.witness.value <= result.claim.upper);
    for (core::Index i = 0; i < f.cols(); ++i) CHECK(options.measure(f.col(i), g.col(i)) <= result.claim.upper);
    CHECK(certificate::check(twin, set, result.claim, result.proof).valid);
  }
}

TEST(certify_refuses_a_claim_that_is_not_proven) {
  const network::Twin twin = testing::random_twin({3, 6, 6, 2}, 0.05, 2);
  const sets::InputSet set = testing::cube(3, 0.5);
  for (const Method method : {Method::interval, Method::crown, Method::sdp}) {
    Result result = certify(twin, set, quick(MeasureKind::inf, method));
    CHECK(certificate::check(twin, set, result.claim, result.proof).valid);
    result.claim.upper *= 0.99;
    const certificate::CheckReport report = certificate::check(twin, set, result.claim, result.proof);
    CHECK(!report.valid && !report.reason.empty());
  }
}

// A proof of the two-norm is one of every row: |d_i| <= |d|_2, |d_i - d_j| <= sqrt(2) |d|_2.
TEST(certify_bounds_single_outputs_by_their_two_norm) {
  const network::Twin twin = testing::random_twin({3, 10, 10, 2}, 0.05, 2);
  const sets::InputSet set = testing::cube(3, 1.0);
  CertifyOptions options = quick(MeasureKind::two, Method::sdp);
  options.rows = relax::RowOptions();
  options.rows->cliques = relax::Cliques::single;
  const Result two = certify(twin, set, options);
  CHECK(two.proof.objectives.size() == 1);
  const double norm = std::sqrt(two.proof.objectives.front().bound);
  certificate::Proof without = two.proof;
  without.objectives.clear();
  const core::Vector nothing = core::Vector::Constant(2, std::numeric_limits<double>::infinity());
  for (const MeasureKind kind : {MeasureKind::inf, MeasureKind::outputs, MeasureKind::output, MeasureKind::margin, MeasureKind::top1}) {
    certificate::Claim claim{{kind, 0, 1}, 0.0, nothing, -nothing};
    const double proven = certificate::check(twin, set, claim, two.proof).upper;
    const double propagated = certificate::check(twin, set, claim, without).upper;
    const bool both = kind == MeasureKind::margin || kind == MeasureKind::top1;
    CHECK(proven < (1.0 + 1e-6) * (both ? std::sqrt(2.0) : 1.0) * norm);
    CHECK(proven > (1.0 - 1e-6) * (both ? std::sqrt(2.0) : 1.0) * norm || kind == MeasureKind::top1);
    CHECK(proven < propagated);
    claim.upper = proven;
    CHECK(certificate::check(twin, set, claim, two.proof).valid);
    CHECK(!certificate::check(twin, set, claim, without).valid);
  }
}

TEST(certify_refuses_a_budget_that_is_no_number) {
  const network::Twin twin = testing::random_twin({3, 6, 6, 2}, 0.05, 2);
  const sets::InputSet set = testing::cube(3, 0.5);
  Result result = certify(twin, set, quick(MeasureKind::inf, Method::crown));
  for (const double operations : {-1.0, 1.1e15, std::numeric_limits<double>::quiet_NaN()}) {
    result.proof.operations = operations;
    const certificate::CheckReport report = certificate::check(twin, set, result.claim, result.proof);
    CHECK(!report.valid && report.reason.find("operations") != std::string::npos);
  }
}

TEST(certify_stops_when_the_callback_says_so) {
  const network::Twin twin = testing::random_twin({3, 6, 6, 2}, 0.05, 2);
  const sets::InputSet set = testing::cube(3, 0.5);
  CertifyOptions options = quick(MeasureKind::inf);
  options.callback = [](const Progress&) { return false; };
  const Result result = certify(twin, set, options);
  CHECK(result.status == core::Status::interrupted);
  CHECK(certificate::check(twin, set, result.claim, result.proof).valid);
}

TEST(certify_errors_name_the_problem) {
  const network::Twin twin = testing::random_twin({3, 6, 2}, 0.05, 2);
  const sets::InputSet set = testing::cube(3, 0.5);
  CHECK_THROWS(core::ShapeError, "3", certify(twin, testing::cube(4, 0.5), quick(MeasureKind::inf)));
  CertifyOptions options = quick(MeasureKind::output);
  options.measure.output = 2;
  CHECK_THROWS(core::SettingsError, "output", certify(twin, set, options));
  options = quick(MeasureKind::inf);
  options.threshold = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS(core::SettingsError, "threshold", certify(twin, set, options));
  options = quick(MeasureKind::inf);
  options.settings.relaxation = 2.5;
  CHECK_THROWS(core::SettingsError, "relaxation", certify(twin, set, options));
}
