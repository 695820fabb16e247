// From bounds of linear functions of the outputs to a bound of a measure: the one place that knows which rows a measure needs, and how
// their maxima and the errors of a float64 evaluation make its bound.
#pragma once

#include <optional>
#include <vector>

#include "twincert/bounds/twin_bounds.hpp"
#include "twincert/core/measure.hpp"

namespace twincert::bounds {

// What is bounded from above, one row each: reference.row(r) . f(x) + compressed.row(r) . g(y). Both are (rows x outputs).
struct OutputRows {
  Matrix reference;
  Matrix compressed;
};

// The rows of a measure of networks with so many outputs. With d = f(x) - g(y):
//   outputs, inf, two, one, affine: d_i at row 2 i, -d_i at row 2 i + 1;
//   output: d_output, -d_output;      margin: d_output - d_other, d_other - d_output;
//   top1, for every ordered pair (i, j), i != j, in lexicographic order: f_i - f_j, g_j - g_i and d_i - d_j.
// SettingsError when the measure does not fit the number of outputs.
Index measure_row_count(const core::Measure& measure, Index outputs);
OutputRows measure_rows(const core::Measure& measure, Index outputs);
OutputRows measure_rows(const core::Measure& measure, Index outputs, Index first, Index count);

// The rows that are functions of d alone, and their weights: row . d. All rows but two thirds of top1's.
std::vector<Index> difference_rows(const core::Measure& measure, Index outputs);
Vector difference_weights(const core::Measure& measure, Index outputs, Index row);
// The row with exactly these weights, if there is one.
std::optional<Index> difference_row(const core::Measure& measure, Index outputs, const Vector& weights);

// Proven maxima of the rows. From bounds of the outputs alone: sums of theirs.
Vector row_maxima(const core::Measure& measure, const TwinBounds& bounds);
// For margin and top1 the smaller of that and one differential backward pass with the rows themselves; `bounds` as of crown_bounds().
Vector row_maxima(const core::Measure& measure, const Twin& twin, const InputSet& set, const TwinBounds& bounds);

// Upper bound of |F - G|^2, F and G evaluated in float64, from the row maxima of an affine measure; its own evaluation excluded.
double squared_norm_upper(const core::Measure& measure, Index outputs, const Vector& row_maxima, const Vector& evaluation_error);

// Factor that covers the rounding of evaluating the norm two or one in float64.
double norm_evaluation(Index outputs);
// The same for both sides of an affine measure's inequality, with up to 2^20 inputs and outputs together.
double affine_evaluation();

// Rigorous upper bound of the measure, evaluated in float64 or exactly, from proven maxima of all its rows in exact arithmetic and
// TwinBounds::evaluation_error. Infinite when they prove nothing. ShapeError on other numbers of rows or outputs.
double measure_upper(const core::Measure& measure, Index outputs, const Vector& row_maxima, const Vector& evaluation_error);

// The share of one difference row: the bound is the largest of all difference rows' shares, so that a row whose share is small need not
// be bounded better. Not for affine measures and the norms two and one of several outputs, where every row counts.
double row_share(const core::Measure& measure, Index outputs, const Vector& row_maxima, const Vector& evaluation_error, Index row);

// Rows whose maxima are worth lowering when only a measure above `target` counts: those whose share exceeds it with what the share is
// computed from, or, for affine measures and the norms two and one of several outputs, all.
std::vector<Index> open_rows(const core::Measure& measure, Index outputs, const Vector& row_maxima, const Vector& evaluation_error,
                             double target);

}  // namespace twincert::bounds
