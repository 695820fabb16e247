// Affine forms over a clique's free variables v (v_0 = 1): value = coefficients . v + e, |e| <= error for every point of the set.
#pragma once

#include "twincert/relax/layer_rows.hpp"

namespace twincert::relax {

// One form per row of `coefficients` (forms x variables). Variables have magnitude at most 1 up to rounding.
struct Forms {
  Matrix coefficients;
  Vector error;

  static Forms zero(Index count, Index variables);
  Index size() const { return error.size(); }
};

// One form.
struct Form {
  Vector coefficients;
  double error = 0.0;

  static Form constant(double value, double error, Index variables);
  static Form enclosure(Interval value, Index variables);                     // the middle, with an error that reaches both ends
  static Form variable(const SharedRow& row, Index column, Index variables);  // the value that the row centres and scales
};

// a + factor b, and factor a + offset, rounding in the error.
Form combine(const Form& a, double factor, const Form& b);
Form affine(double factor, const Form& a, double offset);
Form row_of(const Forms& forms, Index i);
void set_row(Forms& forms, Index i, const Form& form);

// x, y and d = x - y of a layer; d is empty for unpaired layers.
struct LayerForms {
  Forms reference;
  Forms compressed;
  Forms difference;
};

// A layer's values from its defining rows: row r is the variable columns[r].
LayerForms layer_forms(const LayerRows& layer, const std::vector<Index>& columns, Index variables);

// weight x + bias.
Forms affine_forms(const Matrix& weight, const Vector& bias, const Forms& x);

// a_f - a_g of a stage whose input layer is `input`, cancelling before rounding where the input is paired:
// W d + (W - V) y + (b - c).
Forms difference_forms(const network::StagePair& stage, const LayerForms& input);

}  // namespace twincert::relax
