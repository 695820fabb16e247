// Planes above p act_f(a_f) + q act_g(a_g), for pairs of activations that Python only sees through whole networks.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "twincert/bounds/envelope.hpp"
#include "twincert/core/random.hpp"

using namespace twincert;
using core::Interval;
using network::Activation;
using network::ActivationKind;

namespace {

const Activation relu{ActivationKind::relu};
const Activation stairs{ActivationKind::quantize, 0.0, 0.0, 3.75, 0.25};
const std::vector<Activation> activations{relu,
                                          {ActivationKind::identity},
                                          {ActivationKind::leaky_relu, 0.1},
                                          {ActivationKind::clip, 0.0, -0.5, 0.75},
                                          stairs,
                                          {ActivationKind::quantize_even, 0.0, -1.0, 1.0, 0.5}};

struct Plane {
  double by_f, by_g, constant, load;

  double at(double a_f, double a_g) const { return by_f * a_f + by_g * a_g + constant; }
};

Plane plane_above(const Activation& f, const Activation& g, double p, double q, Interval a_f, Interval a_g, Interval difference) {
  const auto pair = bounds::pair_relaxation(f, g, a_f, a_g, difference, bounds::enclosing_lines(f, a_f), bounds::enclosing_lines(g, a_g));
  Plane plane{p, q, 0.0, 0.0};
  std::visit([&](const auto& relaxation) { relaxation.relax({1, &plane.by_f, &plane.by_g, &plane.constant, &plane.load}); }, pair);
  return plane;
}

}  // namespace

TEST(envelope_planes_lie_above_every_pair_of_activations) {
  core::Random random(1);
  for (const Activation& f : activations) {
    for (const Activation& g : activations) {
      for (int trial = 0; trial < 20; ++trial) {
        const double center = random.normal(), shift = 0.2 * random.normal(), width = 0.05 + random.uniform();
        const Interval a_f{center - width, center + width}, a_g{center + shift - width, center + shift + width};
        const Interval difference{-shift - 0.2, -shift + 0.1};
        const double p = random.normal(), q = random.normal();
        const Plane plane = plane_above(f, g, p, q, a_f, a_g, difference);
        for (int sample = 0; sample < 200; ++sample) {
          const double x = a_f.lower + 2.0 * width * random.uniform();
          const double y = x + shift - 0.1 + 0.3 * random.uniform();
          if (y < a_g.lower || y > a_g.upper) continue;
          CHECK(p * f(x) + q * g(y) <= plane.at(x, y) + 1e-14 * (1.0 + plane.load));
        }
      }
    }
  }
}

// Whatever facets the search finds, and in whatever order: the sectors' planes lie above all vertices.
TEST(envelope_sectors_trust_no_facet) {
  core::Random random(3);
  for (int trial = 0; trial < 300; ++trial) {
    std::array<std::array<double, 7>, 5> vertices;  // a_f, a_g, F, G, a_f - a_g
    for (auto& column : vertices) std::generate(column.begin(), column.end(), [&] { return random.normal(); });
    double load = 0.0;
    for (const auto& column : vertices) {
      for (const double value : column) load = std::max(load, std::abs(value));
    }
    const bounds::PolygonTable table{7,
                                     vertices[0].data(),
                                     vertices[1].data(),
                                     vertices[2].data(),
                                     vertices[3].data(),
                                     vertices[4].data(),
                                     0,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     load,
                                     load};
    std::vector<bounds::SectorFacet> facets;
    std::vector<std::size_t> above, below;
    for (std::size_t k = 0; k < 5; ++k) {
      facets.push_back(
          {random.normal(), 0.1 * random.normal(), random.normal(), random.normal(), random.normal(), random.normal(), {k, k, 6}});
      if (k != 1) above.push_back(k);
      if (k != 2) below.push_back(k);
    }
    const auto by_f = [&](std::size_t a, std::size_t b) { return facets[a].f < facets[b].f; };
    if (trial % 2 == 0) std::sort(above.begin(), above.end(), by_f);
    if (trial % 2 == 0) std::sort(below.begin(), below.end(), by_f);
    bounds::PolygonSectors sectors;
    sectors.build(table, facets, above, below);
    for (int row = 0; row < 40; ++row) {
      const double p = random.normal(), q = row % 3 == 0 ? 0.1 * random.normal() - p : row % 7 == 0 ? 0.0 : random.normal();
      Plane plane{p, q, 0.0, 0.0};
      bounds::sector_rows(sectors.table(), 1, &plane.by_f, &plane.by_g, &plane.constant, &plane.load);
      for (std::size_t j = 0; j < 7; ++j) {
        CHECK(p * vertices[2][j] + q * vertices[3][j] <= plane.at(vertices[0][j], vertices[1][j]) + 1e-15 * plane.load);
      }
    }
  }
}

// Rows take their plane by direction alone: it has to lie above all vertices, and no higher than the plane that is best at the reference
// point, shifted to where it touches them.
TEST(envelope_planes_of_polygons_touch_their_vertices) {
  core::Random random(7);
  int loose = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const double width = std::exp(2.0 * random.normal()), center = 0.7 * width * random.normal();
    const double reach = width * std::exp(3.0 * random.normal() - 4.0), shift = 0.8 * reach * random.normal();
    const double margin = reach * random.uniform();
    const Interval a_f{center - width, center + width}, difference{shift - reach, shift + reach};
    const Interval a_g{a_f.lower - shift - margin, a_f.upper - shift + margin};
    const bounds::PolygonPair pair(relu, relu, a_f, a_g, difference);
    if (pair.empty()) continue;
    const bounds::PolygonTable table = pair.table();
    for (const double p : {0.0, random.normal(), random.normal(), -random.uniform()}) {
      for (const double q : {0.0, -p, -p * (1.0 + 0.01 * random.normal()), -p * (1.0 + reach / width * random.normal()), random.normal()}) {
        std::size_t best = 0;
        const auto value = [&](std::size_t k) { return p * table.value_f[k] + q * table.value_g[k]; };
        for (std::size_t k = 1; k < table.facets; ++k) best = value(k) > value(best) ? k : best;
        const Plane at_best{p * table.f_by_f[best] + q * table.g_by_f[best], p * table.f_by_g[best] + q * table.g_by_g[best], 0.0, 0.0};
        Plane plane{p, q, 0.0, 0.0};
        pair.relax({1, &plane.by_f, &plane.by_g, &plane.constant, &plane.load});
        double own = -1e300, needed = -1e300, height = 0.0, best_height = 0.0;
        const auto weight = 1.0 / static_cast<double>(table.vertices);
        for (std::size_t j = 0; j < table.vertices; ++j) {
          const double row = p * table.f[j] + q * table.g[j], a = table.a_f[j], b = table.a_g[j];
          own = std::max(own, row - plane.at(a, b));
          needed = std::max(needed, row - at_best.at(a, b));
          height += weight * plane.at(a, b);
          best_height += weight * at_best.at(a, b);
        }
        CHECK(own <= 1e-15 * plane.load);
        loose += height > best_height + needed + 1e-13 * (std::abs(p + q) * width + std::abs(q) * (width + reach)) ? 1 : 0;
      }
    }
  }
  CHECK(loose <= 4);  // of 40,000: where facets are equal at the reference point up to rounding
}

// A staircase has no error where it has ended, so that a neuron which is hardly ever active hardly costs anything.
TEST(envelope_of_a_staircase_is_tight_beyond_its_ends) {
  const Interval low{-10.0, 0.2}, high{3.5, 20.0}, near{-0.01, 0.01};
  for (const double sign : {1.0, -1.0}) {
    const Plane dead = plane_above(relu, stairs, -sign, sign, low, low, near);
    CHECK(dead.at(-10.0, -10.0) >= 0.0 && dead.at(-10.0, -10.0) <= 0.02);
    const Activation capped{ActivationKind::clip, 0.0, 0.0, 3.75};
    const Plane full = plane_above(capped, stairs, -sign, sign, high, high, near);
    CHECK(full.at(20.0, 20.0) >= 0.0 && full.at(20.0, 20.0) <= 0.02);
  }
}

TEST(envelope_of_contradicting_intervals_says_nothing) {
  const Plane plane = plane_above(relu, stairs, 1.0, -1.0, {-1.0, 0.5}, {-1.0, 0.5}, {3.0, 4.0});
  CHECK(!std::isfinite(plane.constant));
}
