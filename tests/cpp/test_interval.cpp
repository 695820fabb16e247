// Outward rounding: every operation encloses the exact result, and does not widen it for nothing.
#include <cmath>
#include <limits>
#include <random>

#include "check.hpp"
#include "twincert/core/coarse.hpp"
#include "twincert/core/interval.hpp"

using namespace twincert::core;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// long double has 11 more bits than double: products and sums of two doubles are closer to exact than half an ulp of the result.
bool encloses(Interval interval, long double value) { return interval.lower <= value && value <= interval.upper; }

struct Random {
  std::mt19937_64 engine{20240229};
  double operator()() {
    // Magnitudes from 1e-6 to 1e6, both signs: a rounding in the wrong direction shows at every scale.
    std::uniform_real_distribution<double> exponent(-6.0, 6.0);
    std::uniform_real_distribution<double> sign(-1.0, 1.0);
    return std::copysign(std::pow(10.0, exponent(engine)), sign(engine));
  }
  Interval interval() {
    const double a = (*this)();
    const double b = (*this)();
    return {std::min(a, b), std::max(a, b)};
  }
};

}  // namespace

TEST(interval_coarse_bounds_are_outward_and_have_24_bits) {
  Random random;
  for (int n = 0; n < 1000; ++n) {
    const double x = random(), up = coarse_up(x), down = coarse_down(x);
    CHECK(down <= x && x <= up);
    CHECK(up - down <= 0x1p-23 * std::abs(x));
    CHECK(static_cast<double>(static_cast<float>(up)) == up && static_cast<double>(static_cast<float>(down)) == down);
    CHECK(coarse_up(up) == up && coarse_down(down) == down && coarse_down(up) == up);
    CHECK(coarse_up(next_up(down)) > down || x == down);
  }
  CHECK(coarse_up(0.0) == 0.0 && coarse_down(0.0) == 0.0);
  CHECK(coarse_up(infinity) == infinity && coarse_up(-infinity) == -infinity);
  CHECK(coarse_up(0x1p-1074) > 0.0 && coarse_down(0x1p-1074) == 0.0);
  CHECK(coarse_up(std::numeric_limits<double>::max()) == infinity);
  CHECK(std::isnan(coarse_up(std::nan(""))));
}

TEST(interval_neighbours) {
  CHECK(next_up(1.0) == 1.0 + 0x1p-52);
  CHECK(next_down(1.0) == 1.0 - 0x1p-53);
  CHECK(next_up(0.0) == 0x1p-1074);
  CHECK(next_down(0.0) == -0x1p-1074);
  CHECK(next_up(infinity) == infinity);
  CHECK(next_down(-infinity) == -infinity);
}

TEST(interval_operations_enclose_exact_results) {
  Random random;
  for (int i = 0; i < 2000; ++i) {
    const Interval a = random.interval();
    const Interval b = random.interval();
    const double c = random();
    for (const double x : {a.lower, a.upper}) {
      CHECK(encloses(c * a, static_cast<long double>(c) * x));
      CHECK(encloses(-a, -static_cast<long double>(x)));
      for (const double y : {b.lower, b.upper}) {
        CHECK(encloses(a + b, static_cast<long double>(x) + y));
        CHECK(encloses(a - b, static_cast<long double>(x) - y));
        CHECK(encloses(a * b, static_cast<long double>(x) * y));
      }
    }
    CHECK(a.width() >= static_cast<long double>(a.upper) - a.lower);
    CHECK(a.magnitude() == std::max(std::abs(a.lower), std::abs(a.upper)));
  }
}

TEST(interval_operations_are_tight) {
  const Interval a{1.0, 2.0};
  const Interval b{3.0, 5.0};
  CHECK((a + b).lower >= 4.0 - 1e-14 && (a + b).upper <= 7.0 + 1e-14);
  CHECK((a - b).lower >= -4.0 - 1e-14 && (a - b).upper <= -1.0 + 1e-14);
  CHECK((a * b).lower >= 3.0 - 1e-14 && (a * b).upper <= 10.0 + 1e-14);
  CHECK((-2.0 * a).lower >= -4.0 - 1e-14 && (-2.0 * a).upper <= -2.0 + 1e-14);
  CHECK(intersect(Interval{0.0, 2.0}, Interval{1.0, 3.0}).lower == 1.0);
  CHECK(intersect(Interval{0.0, 2.0}, Interval{1.0, 3.0}).upper == 2.0);
  CHECK(hull(Interval{0.0, 1.0}, Interval{2.0, 3.0}).upper == 3.0);
}

TEST(interval_tiny_products_do_not_underflow_inwards) {
  const Interval tiny{0x1p-600, 0x1p-600};
  CHECK((tiny * tiny).upper > 0.0);
  CHECK((tiny * -tiny).lower < 0.0);
}

TEST(interval_affine_image_encloses_and_is_tight) {
  Random random;
  const Index outputs = 5;
  const Index inputs = 17;
  for (int repeat = 0; repeat < 50; ++repeat) {
    Matrix weight(outputs, inputs);
    Vector bias(outputs);
    IntervalVector box{Vector(inputs), Vector(inputs)};
    for (Index j = 0; j < inputs; ++j) {
      box.set(j, random.interval());
      for (Index i = 0; i < outputs; ++i) weight(i, j) = random();
    }
    for (Index i = 0; i < outputs; ++i) bias[i] = random();
    const IntervalVector image = affine_image(weight, bias, box);
    const Vector maximum = linear_maximum(weight, box);
    for (Index i = 0; i < outputs; ++i) {
      long double largest = 0;
      long double smallest = 0;
      long double scale = std::abs(bias[i]);
      for (Index j = 0; j < inputs; ++j) {
        const long double low = static_cast<long double>(weight(i, j)) * box.lower[j];
        const long double high = static_cast<long double>(weight(i, j)) * box.upper[j];
        largest += std::max(low, high);
        smallest += std::min(low, high);
        scale += std::max(std::abs(low), std::abs(high));
      }
      // 1e-17: the long double reference's own rounding over 17 terms; 1e-13: what outward rounding may cost.
      CHECK(maximum[i] >= largest - 1e-17L * scale);
      CHECK(maximum[i] <= largest + 1e-13L * scale);
      CHECK(image.upper[i] >= largest + bias[i] - 1e-17L * scale);
      CHECK(image.lower[i] <= smallest + bias[i] + 1e-17L * scale);
      CHECK(image.upper[i] <= largest + bias[i] + 1e-13L * scale);
      CHECK(image.lower[i] >= smallest + bias[i] - 1e-13L * scale);
    }
  }
}

TEST(interval_error_constants_bound_the_theory) {
  CHECK(twincert::core::gamma(1) >= unit_roundoff);
  CHECK(twincert::core::gamma(1000) >= 1000 * unit_roundoff);
  CHECK(twincert::core::gamma(1000) <= 1001 * unit_roundoff);
  CHECK(round_up_sum(1.0, 10) >= 1.0 / (1.0 - 10 * unit_roundoff));
  CHECK(round_up_sum(0.0, 10) >= 0.0);
}
