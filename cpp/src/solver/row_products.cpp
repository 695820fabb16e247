#include "twincert/solver/row_products.hpp"

#include <algorithm>

#include "twincert/core/product.hpp"

namespace twincert::solver {
namespace {

using core::gemm_block;
using core::Transpose;

// Below this many variables whole rows are as fast.
constexpr Index many_variables = 512;
// Heads end at multiples of one of so many parts of the variables; so many nonzeros may lie behind them.
constexpr Index parts = 16;
constexpr int most_tails = 4;
constexpr Index width = 128;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Where the head of a row ends.
Index head_of(const Vector& row) {
  const Index n = row.size();
  if (n < many_variables) return n;
  int behind = 0;
  Index end = n;
  for (; end > 0; --end) {
    if (row[end - 1] != 0.0 && ++behind > most_tails) break;
  }
  const Index part = (n + parts - 1) / parts;
  return std::min(n, std::max(part, (end + part - 1) / part * part));
}

}  // namespace

void RowProducts::use(const Matrix& T, const std::vector<Index>& rows, const Vector& norms) {
  variables_ = T.cols();
  rows_.assign(rows.size(), {});
  places_.clear();
  std::vector<Index> heads(rows.size(), 0);
  for (std::size_t place = 0; place < rows.size(); ++place) {
    const Vector row = T.row(rows[place]).transpose();
    Row& entry = rows_[place];
    if ((row.array() != 0.0).count() == 1) {
      row.cwiseAbs().maxCoeff(&entry.column);
      entry.value = row[entry.column] / norms[rows[place]];
    } else {
      heads[place] = head_of(row);
      places_.push_back(static_cast<Index>(place));
    }
  }
  std::stable_sort(places_.begin(), places_.end(), [&](Index a, Index b) { return heads[at(a)] < heads[at(b)]; });
  groups_.clear();
  tails_.clear();
  tail_begin_.assign(1, 0);
  for (Index first = 0; first < dense_count();) {
    const Index head = heads[at(places_[at(first)])];
    Index end = first;
    while (end < dense_count() && heads[at(places_[at(end)])] == head) ++end;
    Group group{first, Matrix(head, end - first)};
    for (Index dense = first; dense < end; ++dense) {
      const Index place = places_[at(dense)], source = rows[at(place)];
      rows_[at(place)].dense = dense;
      const Vector row = T.row(source).transpose() / norms[source];
      group.heads.col(dense - first) = row.head(head);
      for (Index column = head; column < variables_; ++column) {
        if (row[column] != 0.0) tails_.push_back({dense, column, row[column]});
      }
      tail_begin_.push_back(static_cast<Index>(tails_.size()));
    }
    groups_.push_back(std::move(group));
    first = end;
  }
}

const RowProducts::Group& RowProducts::group_of(Index dense) const {
  const auto after = std::upper_bound(groups_.begin(), groups_.end(), dense, [](Index d, const Group& group) { return d < group.first; });
  return *std::prev(after);
}

void RowProducts::add_dense(Index dense, double weight, Eigen::Ref<Vector> to) const {
  const Group& group = group_of(dense);
  to.head(group.heads.rows()) += weight * group.heads.col(dense - group.first);
  for (Index t = tail_begin_[at(dense)]; t < tail_begin_[at(dense + 1)]; ++t) to[tails_[at(t)].column] += weight * tails_[at(t)].value;
}

Matrix RowProducts::image(const Matrix& symmetric) const {
  Matrix result(variables_, size()), products(variables_, dense_count());
  for (const Group& group : groups_) {
    pool_.run_blocks(group.heads.cols(), width, [&](Index begin, Index count) {
      gemm_block(Transpose::no, Transpose::no, {variables_, count, group.heads.rows()}, 1.0, symmetric.data(), variables_,
                 group.heads.col(begin).data(), group.heads.rows(), 0.0, products.col(group.first + begin).data(), variables_);
    });
  }
  pool_.run(size(), [&](Index place) {
    const Row& row = rows_[at(place)];
    if (row.dense < 0) {
      result.col(place) = row.value * symmetric.col(row.column);
      return;
    }
    result.col(place) = products.col(row.dense);
    for (Index t = tail_begin_[at(row.dense)]; t < tail_begin_[at(row.dense + 1)]; ++t)
      result.col(place) += tails_[at(t)].value * symmetric.col(tails_[at(t)].column);
  });
  return result;
}

Matrix RowProducts::congruence(const Matrix& image) const {
  Matrix columns(variables_, dense_count()), products(dense_count(), dense_count());
  pool_.run(dense_count(), [&](Index dense) { columns.col(dense) = image.col(places_[at(dense)]); });
  // Of every pair the shorter head is multiplied: the lower triangle.
  pool_.run_blocks(dense_count(), width, [&](Index begin, Index count) {
    for (const Group& group : groups_) {
      const Index wanted = std::min(group.heads.cols(), begin + count - group.first);
      if (wanted <= 0) break;
      gemm_block(Transpose::yes, Transpose::no, {count, wanted, group.heads.rows()}, 1.0, columns.col(begin).data(), variables_,
                 group.heads.data(), group.heads.rows(), 0.0, products.col(group.first).data() + begin, dense_count());
    }
  });
  pool_.run(dense_count(), [&](Index dense) {
    for (Index t = tail_begin_[at(dense)]; t < tail_begin_[at(dense + 1)]; ++t) {
      const Index below = dense_count() - dense;
      products.col(dense).tail(below) += tails_[at(t)].value * columns.row(tails_[at(t)].column).tail(below).transpose();
    }
  });
  core::mirror_lower(pool_, products);
  Matrix result(size(), size());
  pool_.run_blocks(size(), width, [&](Index begin, Index count) {
    Vector known(variables_ + dense_count());  // products with the variables, and with the dense rows
    for (Index j = begin; j < begin + count; ++j) {
      const Row& right = rows_[at(j)];
      known.head(variables_) = image.col(j);
      if (right.dense >= 0) {
        known.tail(dense_count()) = products.col(right.dense);
      } else {
        known.tail(dense_count()) = right.value * columns.row(right.column).transpose();
      }
      for (Index i = 0; i < size(); ++i) {
        const Row& left = rows_[at(i)];
        result(i, j) = left.dense < 0 ? left.value * known[left.column] : known[variables_ + left.dense];
      }
    }
  });
  return result;
}

double RowProducts::entry(const Matrix& image, Index i, Index j) const {
  const Row& left = rows_[at(i)];
  if (left.dense < 0) return left.value * image(left.column, j);
  const Row& right = rows_[at(j)];
  if (right.dense < 0) return right.value * image(right.column, i);
  const Group& group = group_of(left.dense);
  double sum = group.heads.col(left.dense - group.first).dot(image.col(j).head(group.heads.rows()));
  for (Index t = tail_begin_[at(left.dense)]; t < tail_begin_[at(left.dense + 1)]; ++t)
    sum += tails_[at(t)].value * image(tails_[at(t)].column, j);
  return sum;
}

// Half of D H^T + H D^T with the dense rows D, and what single variables contribute among themselves.
Matrix RowProducts::sum(const std::vector<RowPair>& pairs) const {
  const Index n = variables_;
  Matrix partners = Matrix::Zero(n, dense_count()), among = Matrix::Zero(n, n);
  for (const RowPair& pair : pairs) {
    const Row* left = &rows_[at(pair.i)];
    const Row* right = &rows_[at(pair.j)];
    if (left->dense < 0) std::swap(left, right);
    if (left->dense < 0) {
      among(left->column, right->column) += pair.weight * left->value * right->value;
    } else if (right->dense < 0) {
      partners(right->column, left->dense) += pair.weight * right->value;
    } else {
      add_dense(right->dense, pair.weight, partners.col(left->dense));
    }
  }
  for (const Tail& tail : tails_) among.col(tail.column) += tail.value * partners.col(tail.dense);  // transposed, which halving undoes
  pool_.run_blocks(n, width, [&](Index begin, Index count) {
    for (const Group& group : groups_) {
      gemm_block(Transpose::no, Transpose::yes, {group.heads.rows(), count, group.heads.cols()}, 1.0, group.heads.data(),
                 group.heads.rows(), partners.col(group.first).data() + begin, n, 1.0, among.col(begin).data(), n);
    }
  });
  return 0.5 * (among + among.transpose());
}

}  // namespace twincert::solver
