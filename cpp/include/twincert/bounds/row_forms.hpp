// The rows of one network on their way back through its stages, in memory that is kept from stage to stage and from pass to pass.
#pragma once

#include <vector>

#include "twincert/core/types.hpp"

namespace twincert::bounds {

using core::Index;
using core::Matrix;
using core::Vector;

// Linear forms of one network's values, in groups: `tight` and `flat` ones for it alone, then its half of the forms in both networks.
class RowForms {
 public:
  Index tight = 0;
  Index flat = 0;

  // Contents are undefined afterwards.
  void reset(Index count, Index columns) {
    count_ = count;
    columns_ = columns;
    grow(rows_, count * columns);
    for (std::vector<double>* const values : {&constant_, &shift_, &load_}) grow(*values, count);
  }

  Index count() const { return count_; }
  Index columns() const { return columns_; }
  double* column(Index j) { return rows_.data() + j * count_; }
  Eigen::Map<Matrix> rows() { return {rows_.data(), count_, columns_}; }
  Eigen::Map<const Matrix> rows() const { return {rows_.data(), count_, columns_}; }
  Eigen::Map<Vector> constant() { return {constant_.data(), count_}; }
  Eigen::Map<const Vector> constant() const { return {constant_.data(), count_}; }
  // What a stage adds to the constants, and the scale of its rounding (PairRows).
  Eigen::Map<Vector> shift() { return {shift_.data(), count_}; }
  Eigen::Map<Vector> load() { return {load_.data(), count_}; }

  // Where the coefficients one stage down are written, and the step there.
  double* next(Index columns) {
    grow(next_, count_ * columns);
    return next_.data();
  }
  void advance(Index columns) {
    rows_.swap(next_);
    columns_ = columns;
  }

 private:
  static void grow(std::vector<double>& values, Index size) {
    if (values.size() < static_cast<std::size_t>(size)) values.resize(static_cast<std::size_t>(size));
  }

  Index count_ = 0, columns_ = 0;
  std::vector<double> rows_, next_, constant_, shift_, load_;
};

}  // namespace twincert::bounds
