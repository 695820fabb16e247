#include "twincert/solver/agreement.hpp"

#include <algorithm>

#include "twincert/solver/kernels.hpp"

namespace twincert::solver {
namespace {

// The first position from which on rows go up by one, and which no earlier row exceeds.
std::size_t consecutive_from(const std::vector<Index>& rows) {
  std::size_t tail = rows.empty() ? 0 : rows.size() - 1;
  while (tail > 0 && rows[tail - 1] + 1 == rows[tail]) --tail;
  const auto largest = std::max_element(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(tail));
  return tail > 0 && *largest > rows[tail] ? rows.size() : tail;
}

}  // namespace

Agreement::Agreement(const relax::ChordalProblem& problem)
    : problem_(problem), linked_(relax::linked_entries(problem, relax::overlap_ends(problem))) {
  for (const relax::Overlap& overlap : problem.overlaps) {
    tails_.push_back(std::max(consecutive_from(overlap.first_rows), consecutive_from(overlap.second_rows)));
  }
}

template <class Scalar>
void Agreement::average(const relax::Overlap& overlap, std::size_t tail, core::MatrixOf<Scalar>& first, core::MatrixOf<Scalar>& second) {
  const std::vector<Index>& rows = overlap.first_rows;
  const std::vector<Index>& others = overlap.second_rows;
  for (std::size_t j = 0; j < rows.size(); ++j) {
    for (std::size_t i = j; i < std::max(j, tail) && i < rows.size(); ++i) {
      Scalar& x = first(std::max(rows[i], rows[j]), std::min(rows[i], rows[j]));
      Scalar& y = second(std::max(others[i], others[j]), std::min(others[i], others[j]));
      x = y = Scalar(0.5) * (x + y);
    }
    const std::size_t start = std::max(j, tail);
    if (start < rows.size()) {
      average_columns(first.col(rows[j]).data() + rows[start], second.col(others[j]).data() + others[start],
                      static_cast<Index>(rows.size() - start));
    }
  }
}

template void Agreement::average(const relax::Overlap&, std::size_t, core::MatrixOf<double>&, core::MatrixOf<double>&);
template void Agreement::average(const relax::Overlap&, std::size_t, core::MatrixOf<float>&, core::MatrixOf<float>&);

}  // namespace twincert::solver
