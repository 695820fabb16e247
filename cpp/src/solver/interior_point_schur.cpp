// The Schur complement of the interior-point method.
#include "twincert/core/cholesky.hpp"
#include "twincert/solver/interior_point.hpp"

namespace twincert::solver {

// <A_e, X A_f S^-1> + (s_e / l_e if e is f), scaled to a diagonal of ones; the lower triangle. For A_e = (t_i t_j^T + t_j t_i^T) / 2 these
// are four products of entries of P = T X T^T and Q = T S^-1 T^T.
void InteriorPoint::form_schur(const Matrix& inverse_rows, const Matrix& primal_rows) {
  const Index count = active_.size(), used = rows_.size();
  const auto ball = static_cast<std::size_t>(count);
  schur_.resize(size(), size());
  pool_.run(count, [&](Index e) {
    const RowPair& pair = pairs_[static_cast<std::size_t>(e)];
    Eigen::Matrix<double, 4, Eigen::Dynamic> here(4, used);
    here.row(0) = primal_rows.col(pair.i).transpose();
    here.row(1) = primal_rows.col(pair.j).transpose();
    here.row(2) = inverse_rows.col(pair.j).transpose();
    here.row(3) = inverse_rows.col(pair.i).transpose();
    double* column = schur_.col(e).data();
    for (Index f = e; f < count; ++f) {
      const RowPair& other = pairs_[static_cast<std::size_t>(f)];
      const double* a = here.col(other.i).data();
      const double* b = here.col(other.j).data();
      column[f] = 0.25 * pair.weight * other.weight * (a[0] * b[2] + a[1] * b[3] + a[2] * b[0] + a[3] * b[1]);
    }
    if (has_ball_) {
      double sum = 0.0;
      for (std::size_t k = ball; k < pairs_.size(); ++k) {
        const double* a = here.col(pairs_[k].i).data();
        sum += 0.5 * (a[0] * a[2] + a[1] * a[3]);
      }
      column[count] = pair.weight * sum;
    }
  });
  if (has_ball_) {
    double sum = 0.0;
    for (std::size_t k = ball; k < pairs_.size(); ++k) {
      for (std::size_t l = ball; l < pairs_.size(); ++l)
        sum += primal_rows(pairs_[k].i, pairs_[l].i) * inverse_rows(pairs_[k].i, pairs_[l].i);
    }
    schur_(count, count) = sum;
  }
  for (Index e = 0; e < size(); ++e) {
    if (!free_[static_cast<std::size_t>(e)]) schur_(e, e) += slacks_[e] / multipliers_[e];
  }
  schur_scale_ = schur_.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
  pool_.run(size(), [&](Index e) { schur_.col(e).tail(size() - e).array() *= schur_scale_[e] * schur_scale_.tail(size() - e).array(); });
}

// Entries that repeat one another make the Schur complement singular but for a little more on its diagonal.
bool InteriorPoint::factor_schur() {
  for (double regularisation = 1e-9; regularisation < 1e-3; regularisation *= 100.0) {
    schur_factor_ = schur_;
    schur_factor_.diagonal().array() += regularisation;
    if (core::cholesky_lower(schur_factor_, pool_)) return true;
  }
  return false;
}

Vector InteriorPoint::solve(const Vector& right) const {
  Vector x = schur_scale_.cwiseProduct(right);
  schur_factor_.triangularView<Eigen::Lower>().solveInPlace(x);
  schur_factor_.triangularView<Eigen::Lower>().transpose().solveInPlace(x);
  return schur_scale_.cwiseProduct(x);
}

}  // namespace twincert::solver
