#include "twincert/certificate/gram.hpp"

#include <algorithm>
#include <vector>

#include "twincert/core/blas.hpp"
#include "twincert/core/mostly_zeros.hpp"

namespace twincert::certificate {
namespace {

using core::Index;
using core::Transpose;

// A row with more nonzeros than this share of its length is multiplied as if it had no zeros.
constexpr Index share = 16;

struct Entry {
  Index row;
  Index column;
  double value;
};

// multiplier T.
Matrix weighted_rows(const Matrix& T, const Matrix& multiplier) {
  const Index n = T.rows();
  std::vector<Index> dense, used;
  std::vector<Entry> sparse;
  std::vector<bool> is_used(static_cast<std::size_t>(n), false);
  for (Index j = 0; j < n; ++j) {
    const std::size_t before = sparse.size();
    core::for_each_nonzero(multiplier.col(j).data(), n, [&](Index i) { sparse.push_back({j, i, multiplier(i, j)}); });  // symmetric
    if (sparse.size() - before <= static_cast<std::size_t>(n / share)) continue;
    dense.push_back(j);
    for (std::size_t k = before; k < sparse.size(); ++k) is_used[static_cast<std::size_t>(sparse[k].column)] = true;
    sparse.resize(before);
  }
  for (Index j = 0; j < n; ++j) {
    if (is_used[static_cast<std::size_t>(j)]) used.push_back(j);
  }
  Matrix product = Matrix::Zero(n, T.cols());
  if (!dense.empty()) {
    Matrix block(static_cast<Index>(dense.size()), T.cols());
    core::gemm(Transpose::no, Transpose::no, 1.0, multiplier(dense, used), T(used, Eigen::all), 0.0, block);
    product(dense, Eigen::all) = block;
  }
  for (Index c = 0; c < T.cols(); ++c) {
    const auto from = T.col(c);
    auto to = product.col(c);
    for (const Entry& entry : sparse) to[entry.row] += entry.value * from[entry.column];
  }
  return product;
}

}  // namespace

Matrix gram(const Matrix& T, const Matrix& multiplier) {
  const Matrix product = weighted_rows(T, multiplier);
  Matrix result = Matrix::Zero(T.cols(), T.cols());
  std::vector<Index> dense;
  for (Index i = 0; i < T.rows(); ++i) {
    const Index nonzeros = (T.row(i).array() != 0.0).count();
    if (nonzeros > 1) dense.push_back(i);
    if (nonzeros != 1) continue;
    Index column = 0;
    T.row(i).cwiseAbs().maxCoeff(&column);
    result.row(column) += T(i, column) * product.row(i);
  }
  if (!dense.empty()) core::gemm(Transpose::yes, Transpose::no, 1.0, T(dense, Eigen::all), product(dense, Eigen::all), 1.0, result);
  return result;
}

}  // namespace twincert::certificate
