// The inner loops of a backward pass, over all rows of a batch for one neuron.
#pragma once

#include "twincert/core/types.hpp"

namespace twincert::bounds {

using core::Index;

// What a loop needs of the polygon and the facets of PolygonPair.
struct PolygonTable {
  std::size_t vertices;
  const double *a_f, *a_g, *f, *g;
  const double* difference;  // a_f - a_g
  std::size_t facets;
  const double *value_f, *value_g;                  // at the reference point
  const double *f_by_f, *f_by_g, *g_by_f, *g_by_g;  // gradients of the interpolated F and G
  double reference_load, compressed_load;
};

inline constexpr std::size_t plane_size = 8;

// What a loop needs of PolygonSectors. The sector of a row is the number of thresholds that s / |t| exceeds, those below counted from
// `first_below`; its plane holds the coefficients of a_f, of a_g, of the constant and of the load, by |s| and then by |t|.
struct SectorTable {
  std::size_t above;
  const double* above_at;
  std::size_t below;
  const double* below_at;
  const double* planes;
  double first_below;
  double load_floor;
};

// PairRows of PolygonPair: each row takes its sector's plane.
void sector_rows(const SectorTable& sectors, Index count, double* p, double* q, double* constant, double* load);

// p -> positive part times the upper line plus negative part times the lower line.
void line_rows(double lower_slope, double lower_intercept, double upper_slope, double upper_intercept, double line_load, Index count,
               double* p, double* constant, double* load);

// shift = rows bias and load = |rows| weight, rows column by column.
void affine_rows(Index columns, const double* bias, const double* weight, Index count, const double* rows, double* shift, double* load);

}  // namespace twincert::bounds
