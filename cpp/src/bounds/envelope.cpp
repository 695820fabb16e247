#include "twincert/bounds/envelope.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "twincert/bounds/facet_search.hpp"
#include "twincert/bounds/kernels.hpp"

namespace twincert::bounds {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Beyond this, sums of two bounds could overflow.
constexpr double largest_usable = 0x1p1000;

bool usable(Interval x) { return x.magnitude() <= largest_usable; }

// x within the interval, up to more than the rounding of one addition. Vertices slightly outside cost nothing but tightness.
bool nearly_inside(double x, Interval interval) {
  const double slack = 0x1p-50 * (std::abs(x) + interval.magnitude());
  return x >= interval.lower - slack && x <= interval.upper + slack;
}

struct Cuts {
  std::size_t count = 2;
  std::array<double, 4> at{};
};

Cuts cuts_of(const Activation& activation, Interval x) {
  Cuts cuts{2, {x.lower, x.upper}};
  const Kinks kinks = kinks_inside(activation, x);
  for (std::size_t k = 0; k < static_cast<std::size_t>(kinks.count); ++k) cuts.at[cuts.count++] = kinks.at[k];
  return cuts;
}

double line_value(Line line, double x) { return line.slope * x + line.intercept; }

// Encloses s d for s in slopes, d in domain: max(s0 d, s1 d) is convex in d, so the chord through the ends is above it.
Line change_upper_line(Interval slopes, Interval domain) {
  const auto top = [&](double d) { return (slopes * Interval{d, d}).upper; };
  const double width = domain.upper - domain.lower;
  const double chord = width > 0.0 ? (top(domain.upper) - top(domain.lower)) / width : slopes.upper;
  const double slope = std::clamp(chord, slopes.lower, slopes.upper);
  double intercept = -infinity;
  for (const double d : {domain.lower, domain.upper}) {
    const Interval excess = slopes * Interval{d, d} - slope * Interval{d, d};
    intercept = std::max(intercept, excess.upper);
  }
  return {slope, intercept};
}

// `magnitude` bounds |a_f| and |a_g|, which the slope gets multiplied by in the end.
LinePair change_lines(Interval slopes, Interval domain, double magnitude) {
  const Line upper = change_upper_line(slopes, domain);
  // s d >= lower line in d is s (-d) <= upper line in -d.
  const Line mirrored = change_upper_line(slopes, -domain);
  const Line lower{mirrored.slope, -mirrored.intercept};
  const auto load = [&](Line line) {
    return (std::abs(line.slope) * Interval{0.0, 2.0 * magnitude} + Interval{0.0, std::abs(line.intercept)}).upper;
  };
  return {lower, upper, std::max(load(lower), load(upper))};
}

}  // namespace

void AffinePair::relax(const PairRows& rows) const {
  for (Index r = 0; r < rows.count; ++r) {
    const double p = rows.p[r];
    const double q = rows.q[r];
    rows.p[r] = p * reference.slope;
    rows.q[r] = q * compressed.slope;
    rows.constant[r] += p * reference.intercept + q * compressed.intercept;
    rows.load[r] += std::abs(p) * reference_load + std::abs(q) * compressed_load;
  }
}

// The vertices lie on two lines each. On a_f = A, a_g = B both coordinates are exact; on a_f = A, difference = D the other one is
// A - D, rounded once, so the stored vertex is within u |a_g| of the true one (likewise for a_f). A vertex of the polygon satisfies
// all constraints exactly, so its rounded image passes nearly_inside: no true vertex is missed.
PolygonPair::PolygonPair(const Activation& f, const Activation& g, Interval reference, Interval compressed, Interval difference) {
  const Cuts f_cuts = cuts_of(f, reference);
  const Cuts g_cuts = cuts_of(g, compressed);
  // The ends come first among the cuts, then the kinks.
  for (std::size_t i = 0; i < f_cuts.count; ++i) {
    const double a_f = f_cuts.at[i];
    for (std::size_t j = 0; j < g_cuts.count; ++j) {
      const double a_g = g_cuts.at[j];
      if (nearly_inside(a_f - a_g, difference)) add_vertex(f, g, a_f, a_g, a_f - a_g, i > 1 || j > 1);
    }
    for (const double d : {difference.lower, difference.upper}) {
      if (nearly_inside(a_f - d, compressed)) add_vertex(f, g, a_f, a_f - d, d, i > 1);
    }
  }
  for (std::size_t j = 0; j < g_cuts.count; ++j) {
    const double a_g = g_cuts.at[j];
    for (const double d : {difference.lower, difference.upper}) {
      if (nearly_inside(a_g + d, reference)) add_vertex(f, g, a_g + d, a_g, d, j > 1);
    }
  }
  for (std::size_t j = 0; j < vertices_; ++j) {
    reference_load_ = std::max({reference_load_, std::abs(a_f_[j]), std::abs(f_[j])});
    compressed_load_ = std::max({compressed_load_, std::abs(a_g_[j]), std::abs(g_[j])});
  }
  if (!empty()) FacetSearch(*this).run();
}

void PolygonPair::add_vertex(const Activation& f, const Activation& g, double a_f, double a_g, double difference, bool at_kink) {
  for (std::size_t j = 0; j < vertices_; ++j) {
    if (a_f_[j] == a_f && a_g_[j] == a_g) return;
  }
  a_f_[vertices_] = a_f;
  a_g_[vertices_] = a_g;
  difference_[vertices_] = difference;
  at_kink_[vertices_] = at_kink;
  f_[vertices_] = f(a_f);
  g_[vertices_] = g(a_g);
  ++vertices_;
}

void PolygonPair::relax(const PairRows& rows) const { sector_rows(sectors_.table(), rows.count, rows.p, rows.q, rows.constant, rows.load); }

PolygonTable PolygonPair::table() const {
  return {vertices_,          a_f_.data(),    a_g_.data(),     f_.data(),       g_.data(),
          difference_.data(), facets_,        value_f_.data(), value_g_.data(), f_by_f_.data(),
          f_by_g_.data(),     g_by_f_.data(), g_by_g_.data(),  reference_load_, compressed_load_};
}

void PolygonPair::add_facet(const SectorFacet& facet) {
  value_f_[facets_] = facet.f;
  value_g_[facets_] = facet.f - facet.change;
  f_by_f_[facets_] = facet.f_by_f;
  f_by_g_[facets_] = facet.f_by_g;
  g_by_f_[facets_] = facet.f_by_f - facet.change_by_f;
  g_by_g_[facets_] = facet.f_by_g - facet.change_by_g;
  ++facets_;
}

StaircasePair::StaircasePair(const network::Bracket& f, const network::Bracket& g, Interval reference, Interval compressed,
                             Interval difference)
    : by_f_(f.offset != 0.0), by_g_(g.offset != 0.0), f_offset_(f.offset), g_offset_(g.offset) {
  for (int negative_f = 0; negative_f <= (by_f_ ? 1 : 0); ++negative_f) {
    for (int negative_g = 0; negative_g <= (by_g_ ? 1 : 0); ++negative_g) {
      polygons_.emplace_back(negative_f ? f.lower : f.upper, negative_g ? g.lower : g.upper, reference, compressed, difference);
    }
  }
}

// The offsets add at most |p| f_offset + |q| g_offset, two products and a sum: gamma(2) of it more, which the load counts.
void StaircasePair::relax(const PairRows& rows) const {
  for (Index r = 0; r < rows.count; ++r) {
    const double p = rows.p[r];
    const double q = rows.q[r];
    const std::size_t f_side = by_f_ && p < 0.0 ? 1 : 0;
    const std::size_t g_side = by_g_ && q < 0.0 ? 1 : 0;
    polygons_[f_side * (by_g_ ? 2 : 1) + g_side].relax({1, rows.p + r, rows.q + r, rows.constant + r, rows.load + r});
    const double offset = std::abs(p) * f_offset_ + std::abs(q) * g_offset_;
    rows.constant[r] += offset;
    rows.load[r] += offset;
  }
}

SmoothPair::SmoothPair(const Activation& activation, Interval reference, Interval compressed, Interval difference,
                       const LinePair& reference_lines, const LinePair& compressed_lines)
    : reference_(reference_lines),
      compressed_(compressed_lines),
      change_(change_lines(activation.slope_range(core::hull(reference, compressed)), difference,
                           std::max(reference.magnitude(), compressed.magnitude()))),
      center_f_(0.5 * reference.lower + 0.5 * reference.upper),
      center_g_(std::clamp(center_f_ - (0.5 * difference.lower + 0.5 * difference.upper), compressed.lower, compressed.upper)) {}

// Every product below has at most three rounded factors and every coefficient is a sum of two: each is off by at most gamma(6) times
// the loads, which count |slope| |a| + |intercept| of the lines and |slope| (|a_f| + |a_g|) of the change.
void SmoothPair::relax(const PairRows& rows) const {
  const auto choose = [](double coefficient, const LinePair& lines) { return coefficient >= 0.0 ? lines.upper : lines.lower; };
  for (Index r = 0; r < rows.count; ++r) {
    const double p = rows.p[r];
    const double q = rows.q[r];
    const double sum = p + q;
    const Line separate_f = choose(p, reference_);
    const Line separate_g = choose(q, compressed_);
    // (p + q) act(a_f) - q (act(a_f) - act(a_g)), or (p + q) act(a_g) + p (act(a_f) - act(a_g)).
    const Line sum_f = choose(sum, reference_);
    const Line sum_g = choose(sum, compressed_);
    const Line change_q = choose(-q, change_);
    const Line change_p = choose(p, change_);
    const double center_difference = center_f_ - center_g_;
    const double separate = p * line_value(separate_f, center_f_) + q * line_value(separate_g, center_g_);
    const double at_f = sum * line_value(sum_f, center_f_) - q * line_value(change_q, center_difference);
    const double at_g = sum * line_value(sum_g, center_g_) + p * line_value(change_p, center_difference);
    if (at_f <= separate && at_f <= at_g) {
      rows.p[r] = sum * sum_f.slope - q * change_q.slope;
      rows.q[r] = q * change_q.slope;
      rows.constant[r] += sum * sum_f.intercept - q * change_q.intercept;
    } else if (at_g <= separate) {
      rows.p[r] = p * change_p.slope;
      rows.q[r] = sum * sum_g.slope - p * change_p.slope;
      rows.constant[r] += sum * sum_g.intercept + p * change_p.intercept;
    } else {
      rows.p[r] = p * separate_f.slope;
      rows.q[r] = q * separate_g.slope;
      rows.constant[r] += p * separate_f.intercept + q * separate_g.intercept;
    }
    rows.load[r] += (std::abs(p) + std::abs(q)) * (std::max(reference_.load, compressed_.load) + change_.load);
  }
}

PairRelaxation pair_relaxation(const Activation& act_f, const Activation& act_g, Interval reference, Interval compressed,
                               Interval difference, const LinePair& reference_lines, const LinePair& compressed_lines) {
  Line f{};
  Line g{};
  if (affine_on(act_f, reference, f) && affine_on(act_g, compressed, g)) {
    return AffinePair{f, g, reference_lines.load, compressed_lines.load};
  }
  // Without usable bounds nothing is known: infinite intercepts make every row that meets this neuron infinite.
  const AffinePair unknown{{0.0, infinity}, {0.0, infinity}, infinity, infinity};
  if (!usable(reference) || !usable(compressed) || !usable(difference)) return unknown;
  if (!act_f.piecewise_linear()) {
    return SmoothPair(act_f, reference, compressed, difference, reference_lines, compressed_lines);
  }
  const network::Bracket bracket_f = network::bracket(act_f, reference);
  const network::Bracket bracket_g = network::bracket(act_g, compressed);
  if (bracket_f.offset != 0.0 || bracket_g.offset != 0.0) {
    StaircasePair pair(bracket_f, bracket_g, reference, compressed, difference);
    return pair.empty() ? PairRelaxation(unknown) : PairRelaxation(std::move(pair));
  }
  PairRelaxation relaxation(std::in_place_type<PolygonPair>, bracket_f.upper, bracket_g.upper, reference, compressed, difference);
  if (std::get<PolygonPair>(relaxation).empty()) return unknown;
  return relaxation;
}

// The exact plane is p slope a + p intercept; rounding both products costs at most u |p| load, the bound of t gamma(1) more.
// One of the two parts of p is zero, so that taking both is still one rounded product.
void relax_single(const LinePair& lines, Index count, double* p, double* constant, double* load) {
  line_rows(lines.lower.slope, lines.lower.intercept, lines.upper.slope, lines.upper.intercept, lines.load, count, p, constant, load);
}

}  // namespace twincert::bounds
