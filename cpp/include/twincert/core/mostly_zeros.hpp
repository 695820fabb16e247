// Passes over columns that are mostly zeros.
#pragma once

#include <type_traits>

#include "twincert/core/types.hpp"

namespace twincert::core {

// Calls visit(i) for i in [0, count) in order, but for whole chunks of which may_skip(i, chunk) says that they need no visit.
template <class MaySkip, class Visit>
void visit_chunks(Index count, MaySkip&& may_skip, Visit&& visit) {
  constexpr Index chunk = 16;
  Index i = 0;
  for (; i + chunk <= count; i += chunk) {
    if (may_skip(i, std::integral_constant<int, chunk>())) continue;
    for (Index k = i; k < i + chunk; ++k) visit(k);
  }
  for (; i < count; ++i) visit(i);
}

// Some numbers in a row, of a size that the compiler knows.
template <int size>
auto chunk_of(const double* data, std::integral_constant<int, size>) {
  return Eigen::Map<const Eigen::Array<double, size, 1>>(data);
}

// Calls visit(i) for the entries of a column that are not zero (NaN is not), in order.
template <class Visit>
void for_each_nonzero(const double* column, Index count, Visit&& visit) {
  visit_chunks(
      count, [column](Index i, auto size) { return chunk_of(column + i, size).abs().sum() == 0.0; },
      [&](Index i) {
        if (column[i] != 0.0) visit(i);
      });
}

}  // namespace twincert::core
