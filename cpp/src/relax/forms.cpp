#include "twincert/relax/forms.hpp"

#include <cmath>

#include "twincert/core/blas.hpp"

namespace twincert::relax {
namespace {

// Variables may exceed 1 by a few ulp; every error sum is inflated by this factor, which covers that and its own rounding.
constexpr double inflation = 1.0 + 1e-9;
constexpr double underflow = 0x1p-1000;

double inflate(double error) { return error * inflation + underflow; }

double absolute_sum(const Vector& v) { return v.lpNorm<1>(); }

Vector row_sums(const Matrix& m) { return m.cwiseAbs().rowwise().sum(); }

}  // namespace

Forms Forms::zero(Index count, Index variables) { return {Matrix::Zero(count, variables), Vector::Zero(count)}; }

Form Form::constant(double value, double error, Index variables) {
  Form form{Vector::Zero(variables), error};
  form.coefficients[0] = value;
  return form;
}

Form Form::enclosure(Interval value, Index variables) {
  const double center = 0.5 * value.lower + 0.5 * value.upper;
  return constant(center, std::max(core::next_up(value.upper - center), core::next_up(center - value.lower)), variables);
}

Form Form::variable(const SharedRow& row, Index column, Index variables) {
  Form form{Vector::Zero(variables), 0.0};
  form.coefficients[0] = row.center;
  form.coefficients[column] = std::ldexp(1.0, -row.exponent);
  return form;
}

Form combine(const Form& a, double factor, const Form& b) {
  const double rounding =
      2.0 * core::unit_roundoff * (absolute_sum(a.coefficients) + 2.0 * std::abs(factor) * absolute_sum(b.coefficients));
  return {a.coefficients + factor * b.coefficients, inflate(a.error + std::abs(factor) * b.error + rounding)};
}

Form affine(double factor, const Form& a, double offset) {
  Form result{factor * a.coefficients, 0.0};
  result.coefficients[0] += offset;
  const double rounding = 2.0 * core::unit_roundoff * (std::abs(factor) * absolute_sum(a.coefficients) + std::abs(offset));
  result.error = inflate(std::abs(factor) * a.error + rounding);
  return result;
}

Form row_of(const Forms& forms, Index i) { return {forms.coefficients.row(i).transpose(), forms.error[i]}; }

void set_row(Forms& forms, Index i, const Form& form) {
  forms.coefficients.row(i) = form.coefficients.transpose();
  forms.error[i] = form.error;
}

LayerForms layer_forms(const LayerRows& layer, const std::vector<Index>& columns, Index variables) {
  const LayerValues& values = layer.values;
  LayerForms forms{Forms::zero(values.reference.size(), variables), Forms::zero(values.compressed.size(), variables),
                   Forms::zero(values.difference.size(), variables)};
  auto defined = [&](Index row) {
    return Form::variable(layer.rows[static_cast<std::size_t>(row)], columns[static_cast<std::size_t>(row)], variables);
  };
  if (!values.paired) {
    for (Index i = 0; i < values.reference.size(); ++i) {
      const Index row = layer.defining[static_cast<std::size_t>(i)].reference;
      set_row(forms.reference, i, row >= 0 ? defined(row) : Form::enclosure(values.reference[i], variables));
    }
    for (Index i = 0; i < values.compressed.size(); ++i) {
      const Index row = layer.defining[static_cast<std::size_t>(i)].compressed;
      set_row(forms.compressed, i, row >= 0 ? defined(row) : Form::enclosure(values.compressed[i], variables));
    }
    return forms;
  }
  for (Index i = 0; i < values.compressed.size(); ++i) {
    const DefiningRows& rows = layer.defining[static_cast<std::size_t>(i)];
    Form x, y, d;
    if (rows.reference >= 0) {  // y is constant
      x = defined(rows.reference);
      y = Form::enclosure(values.compressed[i], variables);
      d = combine(x, -1.0, y);
    } else if (rows.compressed < 0) {
      x = Form::enclosure(values.reference[i], variables);
      y = Form::enclosure(values.compressed[i], variables);
      d = Form::enclosure(values.difference[i], variables);
    } else if (rows.difference >= 0) {
      y = defined(rows.compressed);
      d = defined(rows.difference);
      x = combine(y, 1.0, d);
    } else {  // x is constant, or d is
      y = defined(rows.compressed);
      const Form by_difference = Form::enclosure(values.difference[i], variables);
      const Form by_value = Form::enclosure(values.reference[i], variables);
      if (by_value.error <= by_difference.error) {
        x = by_value;
        d = combine(x, -1.0, y);
      } else {
        d = by_difference;
        x = combine(y, 1.0, d);
      }
    }
    set_row(forms.reference, i, x);
    set_row(forms.compressed, i, y);
    set_row(forms.difference, i, d);
  }
  return forms;
}

Forms affine_forms(const Matrix& weight, const Vector& bias, const Forms& x) {
  Forms a{Matrix(weight.rows(), x.coefficients.cols()), Vector()};
  core::gemm(core::Transpose::no, core::Transpose::no, 1.0, weight, x.coefficients, 0.0, a.coefficients);
  a.coefficients.col(0) += bias;
  const Matrix magnitude = weight.cwiseAbs();
  const double rounding = core::gamma(weight.cols() + 4);
  a.error = ((magnitude * x.error + rounding * (magnitude * row_sums(x.coefficients) + bias.cwiseAbs())) * inflation).array() + underflow;
  return a;
}

Forms difference_forms(const network::StagePair& stage, const LayerForms& input) {
  const network::Stage& f = stage.reference;
  const network::Stage& g = stage.compressed;
  if (input.difference.size() == 0) {
    Forms difference = affine_forms(f.weight, f.bias, input.reference);
    const Forms other = affine_forms(g.weight, g.bias, input.compressed);
    difference.error =
        ((difference.error + other.error + 2.0 * core::unit_roundoff * (row_sums(difference.coefficients) + row_sums(other.coefficients))) *
         inflation)
            .array() +
        underflow;
    difference.coefficients -= other.coefficients;
    return difference;
  }
  const Matrix gap = f.weight - g.weight;
  Forms difference{Matrix(gap.rows(), input.compressed.coefficients.cols()), Vector()};
  core::gemm(core::Transpose::no, core::Transpose::no, 1.0, f.weight, input.difference.coefficients, 0.0, difference.coefficients);
  core::gemm(core::Transpose::no, core::Transpose::no, 1.0, gap, input.compressed.coefficients, 1.0, difference.coefficients);
  difference.coefficients.col(0) += f.bias - g.bias;
  const Matrix f_magnitude = f.weight.cwiseAbs(), gap_magnitude = gap.cwiseAbs();
  const double rounding = core::gamma(2 * gap.cols() + 8);
  difference.error = ((f_magnitude * input.difference.error + gap_magnitude * input.compressed.error +
                       rounding * (f_magnitude * row_sums(input.difference.coefficients) +
                                   gap_magnitude * row_sums(input.compressed.coefficients) + (f.bias - g.bias).cwiseAbs())) *
                      inflation)
                         .array() +
                     underflow;
  return difference;
}

}  // namespace twincert::relax
