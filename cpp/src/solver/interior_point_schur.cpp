// The Schur complement of the interior-point method.
#include <cmath>

#include "twincert/core/cholesky.hpp"
#include "twincert/solver/interior_point.hpp"

namespace twincert::solver {

// What an entry contributes to its own row of the Schur complement.
double InteriorPoint::schur_diagonal(Index e, const Matrix& inverse_rows, const Matrix& primal_rows) const {
  double sum = 0.0;
  if (e < active_.size()) {
    const auto& [i, j, weight] = pairs_[static_cast<std::size_t>(e)];
    sum = 0.25 * weight * weight *
          (primal_rows(i, i) * inverse_rows(j, j) + 2.0 * primal_rows(i, j) * inverse_rows(i, j) + primal_rows(j, j) * inverse_rows(i, i));
  } else {
    const auto ball = static_cast<std::size_t>(active_.size());
    for (std::size_t k = ball; k < pairs_.size(); ++k) {
      for (std::size_t l = ball; l < pairs_.size(); ++l)
        sum += primal_rows(pairs_[k].i, pairs_[l].i) * inverse_rows(pairs_[k].i, pairs_[l].i);
    }
  }
  return free_[static_cast<std::size_t>(e)] ? sum : sum + slacks_[e] / multipliers_[e];
}

// <A_e, X A_f S^-1> + (s_e / l_e if e is f), scaled to a diagonal of ones; the lower triangle. For A_e = (t_i t_j^T + t_j t_i^T) / 2 these
// are four products of entries of P = T X T^T and Q = T S^-1 T^T.
void InteriorPoint::form_schur(const Matrix& inverse_rows, const Matrix& primal_rows) {
  const Index count = active_.size(), used = rows_.size();
  schur_.resize(size(), size());
  schur_scale_.resize(size());
  for (Index e = 0; e < size(); ++e) schur_scale_[e] = 1.0 / std::sqrt(std::max(schur_diagonal(e, inverse_rows, primal_rows), 1e-300));
  std::vector<RowPair> scaled(pairs_.begin(), pairs_.begin() + count);
  for (Index e = 0; e < count; ++e) scaled[static_cast<std::size_t>(e)].weight *= 0.5 * schur_scale_[e];
  pool_.run(count, [&](Index e) {
    const RowPair& pair = scaled[static_cast<std::size_t>(e)];
    Eigen::Matrix<double, 4, Eigen::Dynamic> here(4, used);
    for (Index row = 0; row < used; ++row) {
      here.col(row) << pair.weight * primal_rows(row, pair.i), pair.weight * primal_rows(row, pair.j), inverse_rows(row, pair.j),
          inverse_rows(row, pair.i);
    }
    double* column = schur_.col(e).data();
    column[e] = 1.0;
    for (Index f = e + 1; f < count; ++f) {
      const RowPair& other = scaled[static_cast<std::size_t>(f)];
      const auto a = here.col(other.i), b = here.col(other.j);
      const Eigen::Vector2d halves = a.head<2>().cwiseProduct(b.tail<2>()) + a.tail<2>().cwiseProduct(b.head<2>());
      column[f] = other.weight * halves.sum();
    }
    if (has_ball_) {
      double sum = 0.0;
      for (std::size_t k = static_cast<std::size_t>(count); k < pairs_.size(); ++k) {
        const double* a = here.col(pairs_[k].i).data();
        sum += a[0] * a[2] + a[1] * a[3];
      }
      column[count] = sum * schur_scale_[count];
    }
  });
  if (has_ball_) schur_(count, count) = 1.0;
}

// Entries that repeat one another make the Schur complement singular but for a little more on its diagonal.
bool InteriorPoint::factor_schur(const Matrix& inverse_rows, const Matrix& primal_rows) {
  for (double regularisation = 1e-9; regularisation < 1e-3; regularisation *= 100.0) {
    form_schur(inverse_rows, primal_rows);
    schur_.diagonal().array() += regularisation;
    if (core::cholesky_lower(schur_, pool_)) return true;
  }
  return false;
}

Vector InteriorPoint::solve(const Vector& right) const {
  Vector x = schur_scale_.cwiseProduct(right);
  schur_.triangularView<Eigen::Lower>().solveInPlace(x);
  schur_.triangularView<Eigen::Lower>().transpose().solveInPlace(x);
  return schur_scale_.cwiseProduct(x);
}

}  // namespace twincert::solver
