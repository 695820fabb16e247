#include "twincert/solver/sparse_product.hpp"

#include <algorithm>

#include "twincert/solver/kernels.hpp"

namespace twincert::solver {
namespace {

// So many rows of the other factor at a time: they stay in the cache.
constexpr Index width = 64;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Calls visit(i, j) for the nonzeros of the lower triangle.
template <class Matrix, class Visit>
void for_each_nonzero(const Matrix& symmetric, Visit&& visit) {
  constexpr Index together = 16;
  const Index n = symmetric.rows();
  for (Index j = 0; j < n; ++j) {
    const auto* column = symmetric.col(j).data();
    for (Index i = j; i < n;) {
      const Index end = std::min(n, i + together);
      bool any = false;
      for (Index k = i; k < end; ++k) any |= column[k] != 0;
      if (any) {
        for (Index k = i; k < end; ++k) {
          if (column[k] != 0) visit(k, j);
        }
      }
      i = end;
    }
  }
}

}  // namespace

template <class Scalar>
SparseProduct<Scalar>::SparseProduct(Index rows)
    : begin_(at(rows + 1)), next_(at(rows)), which_(at(2 * most(rows))), values_(at(2 * most(rows))) {}

template <class Scalar>
Index SparseProduct<Scalar>::most(Index rows) {
  return rows + rows * rows / 12;
}

template <class Scalar>
void SparseProduct<Scalar>::collect(const Matrix& symmetric) {
  std::fill(begin_.begin(), begin_.end(), Index{0});
  for_each_nonzero(symmetric, [&](Index i, Index j) {
    ++begin_[at(j + 1)];
    if (i != j) ++begin_[at(i + 1)];
  });
  for (std::size_t j = 1; j < begin_.size(); ++j) begin_[j] += begin_[j - 1];
  std::copy(begin_.begin(), begin_.end() - 1, next_.begin());
  const auto put = [&](Index i, Index j, Scalar value) {
    const Index place = next_[at(j)]++;
    which_[at(place)] = static_cast<std::int32_t>(i);
    values_[at(place)] = value;
  };
  for_each_nonzero(symmetric, [&](Index i, Index j) {
    put(i, j, symmetric(i, j));
    if (i != j) put(j, i, symmetric(i, j));
  });
}

template <class Scalar>
void SparseProduct<Scalar>::multiply(const Matrix& a, const Matrix& symmetric, Matrix& product) {
  collect(symmetric);
  const Index n = symmetric.rows(), height = a.rows();
  for (Index first = 0; first < height; first += width) {
    const Index count = std::min(width, height - first);
    for (Index j = 0; j < n; ++j) {
      const Index begin = begin_[at(j)];
      combine_columns(a.data() + first, height, which_.data() + begin, values_.data() + begin, begin_[at(j + 1)] - begin,
                      product.col(j).data() + first, count);
    }
  }
}

template class SparseProduct<double>;
template class SparseProduct<float>;

}  // namespace twincert::solver
