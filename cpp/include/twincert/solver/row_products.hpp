// Products of symmetric matrices with the rows of a clique. Many rows are a single variable: these are picked, not multiplied. Those of
// early layers have all but a few of their nonzeros among the first variables: of many variables only these are multiplied.
#pragma once

#include <vector>

#include "twincert/core/parallel.hpp"
#include "twincert/core/types.hpp"

namespace twincert::solver {

using core::Index;
using core::Matrix;
using core::Vector;

// weight * (t_i t_j^T + t_j t_i^T) / 2, rows by their places.
struct RowPair {
  Index i;
  Index j;
  double weight;
};

class RowProducts {
 public:
  // Keeps a reference to the pool, which must outlive it.
  explicit RowProducts(core::ThreadPool& pool) : pool_(pool) {}

  // `rows` of T, divided by their norms; places are numbers in `rows`. T need not outlive the call.
  void use(const Matrix& T, const std::vector<Index>& rows, const Vector& norms);

  Index size() const { return static_cast<Index>(rows_.size()); }

  // M T^T, variables x rows.
  Matrix image(const Matrix& symmetric) const;
  // T M T^T, from the image of M.
  Matrix congruence(const Matrix& image) const;
  // (T M T^T)(i, j) from the image of M.
  double entry(const Matrix& image, Index i, Index j) const;
  // The sum of the pairs' matrices.
  Matrix sum(const std::vector<RowPair>& pairs) const;

 private:
  struct Row {
    Index dense = -1;   // number among the dense rows, or:
    Index column = -1;  // the variable
    double value = 0.0;
  };
  // Successive dense rows whose nonzeros, but for their tails, are among the first `heads.rows()` variables.
  struct Group {
    Index first = 0;
    Matrix heads;  // variables x rows
  };
  struct Tail {
    Index dense;
    Index column;
    double value;
  };

  Index dense_count() const { return static_cast<Index>(places_.size()); }
  const Group& group_of(Index dense) const;
  void add_dense(Index dense, double weight, Eigen::Ref<Vector> to) const;

  core::ThreadPool& pool_;
  Index variables_ = 0;
  std::vector<Row> rows_;
  std::vector<Index> places_;  // of the dense rows, by the length of their heads
  std::vector<Group> groups_;
  std::vector<Tail> tails_;        // by dense row
  std::vector<Index> tail_begin_;  // of every dense row, and the end
};

}  // namespace twincert::solver
