#include "twincert/bounds/input_forms.hpp"

#include <cmath>
#include <limits>

#include "twincert/bounds/rounding.hpp"

namespace twincert::bounds {
namespace {

// A row that overflowed says nothing: its constant becomes infinite and its coefficients zero, for the set is asked about finite ones only.
void silence_overflow(InputForms& forms) {
  if (forms.constant.allFinite() && forms.rows.allFinite()) return;
  for (Index r = 0; r < forms.rows.rows(); ++r) {
    if (std::isfinite(forms.constant[r]) && forms.rows.row(r).allFinite()) continue;
    forms.rows.row(r).setZero();
    forms.constant[r] = std::numeric_limits<double>::infinity();
  }
}

}  // namespace

Vector maximum(const InputSet& set, InputForms forms, bool compressed) {
  const Index count = forms.rows.rows();
  if (count == 0) return Vector();
  silence_overflow(forms);
  // With y = x both networks read the same input.
  Vector maxima = compressed && !set.shared_input() ? set.maximum(Matrix::Zero(count, set.size()), forms.rows) : set.maximum(forms.rows);
  for (Index r = 0; r < count; ++r) maxima[r] = proven_upper(core::next_up(maxima[r] + forms.constant[r]));
  return maxima;
}

Vector maximum(const InputSet& set, PairForms forms) {
  const Index count = forms.reference.rows.rows();
  if (count == 0) return Vector();
  silence_overflow(forms.reference);
  silence_overflow(forms.compressed);
  Vector maxima = set.maximum(forms.reference.rows, forms.compressed.rows);
  for (Index r = 0; r < count; ++r) {
    const double constant = core::next_up(forms.reference.constant[r] + forms.compressed.constant[r]);
    maxima[r] = proven_upper(core::next_up(maxima[r] + constant));
  }
  return maxima;
}

}  // namespace twincert::bounds
