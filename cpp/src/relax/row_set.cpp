#include "twincert/relax/row_set.hpp"

#include <algorithm>
#include <cmath>

namespace twincert::relax {

void RowSet::label(RowOrigin origin, Index index, Side side, int exponent) {
  const bool same = next_.origin == origin && next_.side == side && next_.index == index;
  next_ = {next_.stage, origin, side, index, same ? next_.ordinal : 0, exponent};
}

Index RowSet::add(const Form& form, double center, int exponent, Interval interval) {
  Form row = center == 0.0 ? form : affine(1.0, form, -center);
  const double scale = std::ldexp(1.0, exponent);
  row.coefficients *= scale;
  row.error = row.error * scale + 0x1p-1000;  // exact scaling unless it underflows
  rows_.push_back(std::move(row));
  intervals_.push_back(interval);
  labels_.push_back({next_.stage, next_.origin, next_.side, next_.index, next_.ordinal++, next_.exponent + exponent});
  return size() - 1;
}

Index RowSet::add_scaled(const Form& form, Interval value, double reach) {
  const int exponent = scale_exponent(std::max(value.magnitude(), 0x1p-20 * reach));
  return add(form, 0.0, exponent, {std::ldexp(value.lower, exponent), std::ldexp(value.upper, exponent)});
}

Index RowSet::add_one() {
  rows_.push_back(Form::constant(1.0, 0.0, variables_));
  intervals_.push_back({1.0, 1.0});
  labels_.push_back({});
  return size() - 1;
}

Matrix RowSet::coefficients() const {
  Matrix all(size(), variables_);
  for (Index i = 0; i < size(); ++i) all.row(i) = rows_[static_cast<std::size_t>(i)].coefficients.transpose();
  return all;
}

Vector RowSet::errors() const {
  Vector all(size());
  for (Index i = 0; i < size(); ++i) all[i] = rows_[static_cast<std::size_t>(i)].error;
  return all;
}

IntervalVector RowSet::intervals() const {
  IntervalVector all{Vector(size()), Vector(size())};
  for (Index i = 0; i < size(); ++i) all.set(i, intervals_[static_cast<std::size_t>(i)]);
  return all;
}

}  // namespace twincert::relax
