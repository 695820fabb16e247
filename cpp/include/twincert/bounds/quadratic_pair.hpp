// A plane and a parabola above p act(a_f) + q act(a_g) for a pair of ReLU neurons.
//
// With L = p a_f + q a_g, a point (middle_f, middle_g) with the value L0, any slopes and any kappa >= 0,
//   p act(a_f) + q act(a_g) <= by_f a_f + by_g a_g + kappa (L - L0)^2 + T   on the pair's polygon (envelope.hpp),
//   T = max over the polygon of p act(a_f) + q act(a_g) - by_f a_f - by_g a_g - kappa (L - L0)^2.
// kappa = 0 is a plane; a larger kappa lowers T. The activations are affine on the cells between their kinks, so on each of them that is
// a concave parabola in one direction, which is largest on the cell's boundary. For every m, (L - L0)^2 >= 2 m (L - L0) - m^2: with the m
// of where the largest value was found the bound on a cell is affine, and its vertices prove it.
#pragma once

#include <vector>

#include "twincert/bounds/kernels.hpp"

namespace twincert::bounds {

// A row's choice for one pair.
struct PairParabola {
  double p, q;
  double by_f, by_g;
  double kappa;
};

// An upper bound of T, but for gamma(neuron_rounding) load (PairRows' contract).
struct PairOffset {
  double value;
  double load;
};
PairOffset pair_offset(const PolygonTable& polygon, const PairParabola& parabola, double middle_f, double middle_g);

// The boundaries of a polygon's cells, for the search: segments in the coordinates x = a_f - middle_f and y = (a_f - a_g) - (middle_f -
// middle_g), with F = act(a_f) and E = act(a_f) - act(a_g) at one end and the steps to the other.
struct PairBoundary {
  double middle_x, middle_y;  // the values of a_f and a_f - a_g that x and y count from
  double width_x, width_y;
  std::vector<double> x, y, f, e;
  std::vector<double> dx, dy, df, de;

  PairBoundary(const PolygonTable& polygon, double middle_f, double middle_change);
};

// For rows s F + t E of the pair (s = p + q, t = -q), their slopes by x and y and kappa: derivatives of T, smoothed where another piece of
// the boundary is about to have the largest value.
struct PairPeaks {
  double* x;  // where T is attained: minus the derivatives by the slopes
  double* y;
  double* by_s;  // the derivatives by s and t
  double* by_t;
  double* square;  // (L - L0)^2 there: minus the derivative by kappa
  double* reach;   // the largest |L - L0| over the polygon
};
void pair_peaks(const PairBoundary& boundary, Index count, const double* s, const double* t, const double* by_x, const double* by_y,
                const double* kappa, const PairPeaks& peaks);

}  // namespace twincert::bounds
