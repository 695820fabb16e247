#include "twincert/solver/sparse_product.hpp"

#include <algorithm>

#include "twincert/solver/kernels.hpp"

namespace twincert::solver {
namespace {

// So many rows of the other factor at a time: they stay in the cache.
constexpr Index width = 128;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

template <class Scalar>
SparseProduct<Scalar>::SparseProduct(Index rows)
    : lower_{std::vector<Index>(at(rows + 1)), std::vector<std::int32_t>(at(most(rows) + 1)), std::vector<Scalar>(at(most(rows) + 1))},
      both_{std::vector<Index>(at(rows + 1)), std::vector<std::int32_t>(at(2 * most(rows))), std::vector<Scalar>(at(2 * most(rows)))},
      next_(at(rows)),
      part_(at(width * rows)) {}

template <class Scalar>
double SparseProduct<Scalar>::memory_estimate(Index rows) {
  constexpr double entry = sizeof(Scalar) + sizeof(std::int32_t);
  return 3.0 * entry * static_cast<double>(most(rows)) + static_cast<double>(rows) * (3.0 * sizeof(Index) + width * sizeof(Scalar));
}

template <class Scalar>
Index SparseProduct<Scalar>::most(Index rows) {
  return rows + rows * rows / 12;
}

template <class Scalar>
void SparseProduct<Scalar>::collect_lower(const Matrix& symmetric) {
  const Index n = symmetric.rows();
  Index count = 0;
  for (Index j = 0; j < n; ++j) {
    lower_.begin[at(j)] = count;
    const Scalar* column = symmetric.col(j).data();
    for (Index i = j; i < n; ++i) {  // without branches: the place of a zero is used again
      lower_.which[at(count)] = static_cast<std::int32_t>(i);
      lower_.values[at(count)] = column[i];
      count += column[i] != 0 ? 1 : 0;
    }
  }
  lower_.begin[at(n)] = count;
}

// Each entry below the diagonal stands in two columns.
template <class Scalar>
void SparseProduct<Scalar>::mirror() {
  const auto for_each = [this](auto&& visit) {
    for (std::size_t j = 0; j + 1 < lower_.begin.size(); ++j) {
      for (std::size_t k = at(lower_.begin[j]); k < at(lower_.begin[j + 1]); ++k) visit(at(lower_.which[k]), j, lower_.values[k]);
    }
  };
  std::fill(both_.begin.begin(), both_.begin.end(), Index{0});
  for_each([&](std::size_t i, std::size_t j, Scalar) {
    ++both_.begin[j + 1];
    if (i != j) ++both_.begin[i + 1];
  });
  for (std::size_t j = 1; j < both_.begin.size(); ++j) both_.begin[j] += both_.begin[j - 1];
  std::copy(both_.begin.begin(), both_.begin.end() - 1, next_.begin());
  const auto put = [&](std::size_t i, std::size_t j, Scalar value) {
    const std::size_t place = at(next_[j]++);
    both_.which[place] = static_cast<std::int32_t>(i);
    both_.values[place] = value;
  };
  for_each([&](std::size_t i, std::size_t j, Scalar value) {
    put(i, j, value);
    if (i != j) put(j, i, value);
  });
}

template <class Scalar>
void SparseProduct<Scalar>::multiply(const Matrix& a, const Matrix& symmetric, Matrix& product) {
  collect_lower(symmetric);
  mirror();
  const Index n = symmetric.rows(), height = a.rows();
  for (Index first = 0; first < height; first += width) {
    const Index count = std::min(width, height - first);
    for (Index j = 0; j < n; ++j) std::copy_n(a.col(j).data() + first, count, part_.data() + j * width);
    for (Index j = 0; j < n; ++j) {
      const Index begin = both_.begin[at(j)];
      combine_columns(part_.data(), width, both_.which.data() + begin, both_.values.data() + begin, both_.begin[at(j + 1)] - begin,
                      product.col(j).data() + first, count);
    }
  }
}

template class SparseProduct<double>;
template class SparseProduct<float>;

}  // namespace twincert::solver
