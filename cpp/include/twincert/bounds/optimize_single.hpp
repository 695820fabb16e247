// Optimised lower lines of one network (alpha-CROWN, arXiv 2011.13824) and a case analysis inside each row (beta-CROWN's splits,
// arXiv 2103.06624), for blocks of rows.
#pragma once

#include <vector>

#include "twincert/bounds/free_lines.hpp"

namespace twincert::bounds {

inline constexpr int single_steps = 10;
inline constexpr int case_steps = 20;

// Linear forms of the input with their values at the best point of the input's box. Where nothing was found the constant is infinite.
struct BestForms {
  InputForms forms;
  Vector value;

  BestForms(Index rows, Index inputs);
  // Takes the rows that are at least as good; says which (1 or 0).
  Vector keep(const InputForms& found, const Vector& found_value);
};

// The rows of `kept` where `better` is not 0 become those of `found`.
void take_rows(const Vector& better, const Matrix& found, Matrix& kept);

// Values of linear forms at the vertices of a box that maximise them; these vertices, one a row, are left in `points`.
Vector box_maximum(const Matrix& rows, const Vector& constant, const IntervalVector& box, Matrix& points);

// Upper bounds of rows of the values after the last of `stages`, as forms of the network's input, which is within `box`. Leaves the
// best slopes per stage (rows x free) in `alpha`.
InputForms optimize_lines(const std::vector<FreeStage>& stages, const IntervalVector& box, const InputForms& start,
                          std::vector<Matrix>& alpha);

// The same on each of the 2^neurons cases into which the signs of the row's most relaxed neurons cut the input set: row r becomes rows
// 2^neurons r, ..., and the largest of their maxima bounds it. Starts with the slopes `alpha`.
InputForms optimize_cases(const std::vector<FreeStage>& stages, const IntervalVector& box, const InputForms& start,
                          const std::vector<Matrix>& alpha, Index neurons);

}  // namespace twincert::bounds
