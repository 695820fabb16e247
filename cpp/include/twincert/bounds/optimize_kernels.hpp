// The inner loops of optimised backward passes, over all rows of a batch for one neuron.
#pragma once

#include "twincert/bounds/free_lines.hpp"

namespace twincert::bounds {

// A polygon's vertices in the coordinates X = (a_f - x0) x_scale, Y = (a_f - a_g - y0) y_scale, and there F = act(a_f), D = F - act(a_g).
struct PlaneTable {
  PolygonTable polygon;
  double x0, y0;
  double x_width, y_width;  // zero: no extent in that direction
  double x_scale, y_scale;  // their inverses, or zero
  const double *x, *y, *f, *d;
};

// Per row the planes F = F_v + by_x (X - X_v) + by_y (Y - Y_v) and the same for D, for one neuron.
struct PlaneRows {
  double *f_by_x, *f_by_y, *d_by_x, *d_by_y;
};

// One coordinate of rows' forms over a box: where each is largest, and what it adds to the row's value there.
void box_rows(double lower, double upper, Index count, const double* p, double* point, double* value);
// Takes the entries of rows where `better` is not 0.
void take_rows(Index count, const double* better, const double* found, double* kept);

void free_rows(const FreeNeuron& neuron, Index count, const double* alpha, const double* code, const double* push, double* p,
               double* constant, double* load);
void free_points(const FreeNeuron& neuron, const AdamStep& step, Index count, const double* p, const double* code, double* alpha,
                 double* first, double* second, double* values);

// PairRows of the plane p F + q D + ... of each row, shifted above all vertices; `touched` is the vertex that decided the shift.
void plane_rows(const PlaneTable& table, Index count, PlaneRows planes, double* p, double* q, double* touched, double* constant,
                double* load);
// a_f and a_f - a_g become F and D on the rows' planes, and the planes take a step down the gradient; moments hold 8 numbers a row.
void plane_points(const PlaneTable& table, const AdamStep& step, Index count, const double* p, const double* q, const double* touched,
                  PlaneRows planes, double* moments, double* a_f, double* difference);

}  // namespace twincert::bounds
