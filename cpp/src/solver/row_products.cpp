#include "twincert/solver/row_products.hpp"

#include <algorithm>

#include "twincert/core/product.hpp"

namespace twincert::solver {

using core::Transpose;

void RowProducts::use(const Matrix& T, const std::vector<Index>& rows, const Vector& norms) {
  rows_.assign(rows.size(), {});
  places_.clear();
  for (std::size_t place = 0; place < rows.size(); ++place) {
    const auto row = T.row(rows[place]);
    Row& entry = rows_[place];
    if ((row.array() != 0.0).count() == 1) {
      row.cwiseAbs().maxCoeff(&entry.column);
      entry.value = row[entry.column] / norms[rows[place]];
    } else {
      entry.dense = static_cast<Index>(places_.size());
      places_.push_back(static_cast<Index>(place));
    }
  }
  dense_.resize(T.cols(), static_cast<Index>(places_.size()));
  for (std::size_t k = 0; k < places_.size(); ++k) {
    const Index row = rows[static_cast<std::size_t>(places_[k])];
    dense_.col(static_cast<Index>(k)) = T.row(row).transpose() / norms[row];
  }
}

Matrix RowProducts::image(const Matrix& symmetric) const {
  const Matrix products = core::product(pool_, symmetric, dense_);
  Matrix result(symmetric.rows(), size());
  pool_.run(size(), [&](Index place) {
    const Row& row = rows_[static_cast<std::size_t>(place)];
    if (row.dense >= 0) {
      result.col(place) = products.col(row.dense);
    } else {
      result.col(place) = row.value * symmetric.col(row.column);
    }
  });
  return result;
}

Matrix RowProducts::congruence(const Matrix& image) const {
  Matrix columns(image.rows(), dense_.cols());
  for (std::size_t k = 0; k < places_.size(); ++k) columns.col(static_cast<Index>(k)) = image.col(places_[k]);
  const Matrix products = core::symmetric_product(pool_, dense_, columns);
  Matrix result(size(), size());
  pool_.run(size(), [&](Index j) {
    const Row& right = rows_[static_cast<std::size_t>(j)];
    for (Index i = 0; i < size(); ++i) {
      const Row& left = rows_[static_cast<std::size_t>(i)];
      if (left.dense < 0) {
        result(i, j) = left.value * image(left.column, j);
      } else if (right.dense < 0) {
        result(i, j) = right.value * image(right.column, i);
      } else {
        result(i, j) = products(left.dense, right.dense);
      }
    }
  });
  return result;
}

double RowProducts::entry(const Matrix& image, Index i, Index j) const {
  const Row& left = rows_[static_cast<std::size_t>(i)];
  if (left.dense < 0) return left.value * image(left.column, j);
  const Row& right = rows_[static_cast<std::size_t>(j)];
  if (right.dense < 0) return right.value * image(right.column, i);
  return dense_.col(left.dense).dot(image.col(j));
}

// Half of D H^T + H D^T with the dense rows D, and what single variables contribute among themselves.
Matrix RowProducts::sum(const std::vector<RowPair>& pairs) const {
  const Index n = dense_.rows();
  Matrix partners = Matrix::Zero(n, dense_.cols()), among = Matrix::Zero(n, n);
  for (const RowPair& pair : pairs) {
    const Row* left = &rows_[static_cast<std::size_t>(pair.i)];
    const Row* right = &rows_[static_cast<std::size_t>(pair.j)];
    if (left->dense < 0) std::swap(left, right);
    if (left->dense < 0) {
      among(left->column, right->column) += pair.weight * left->value * right->value;
    } else if (right->dense < 0) {
      partners(right->column, left->dense) += pair.weight * right->value;
    } else {
      partners.col(left->dense) += pair.weight * dense_.col(right->dense);
    }
  }
  among += core::product(pool_, dense_, partners, Transpose::no, Transpose::yes);
  return 0.5 * (among + among.transpose());
}

}  // namespace twincert::solver
