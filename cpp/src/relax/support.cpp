#include "twincert/relax/support.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace twincert::relax {
namespace {

// Running sum of bounds of single entries with the size of what was added, for one rounding charge at the end.
struct Sum {
  double value = 0.0;
  double size = 0.0;

  void add(double residual, double residual_error, double lower, double upper) {
    const double reach = std::max(std::abs(lower), std::abs(upper));
    value += lower <= upper ? std::max(residual * lower, residual * upper) : std::numeric_limits<double>::quiet_NaN();
    size += std::abs(residual) * reach;
    value += residual_error * reach;
  }
};

bool in_block(Index i, Index begin, Index size) { return i == 0 || (i >= begin && i < begin + size); }

}  // namespace

double support_bound(const Relaxation& relaxation, const ObjectiveTerms& terms, const std::vector<Matrix>& multipliers) {
  const std::size_t count = relaxation.cliques.size();
  double total = terms.constant, size = std::abs(terms.constant);
  Index additions = 8;
  for (std::size_t k = 0; k < count; ++k) {
    const Clique& clique = relaxation.cliques[k];
    const Matrix& own = multipliers[k];
    const Matrix* objective = k + 1 == count ? &terms.matrix : nullptr;
    const Clique* next = k + 1 < count ? &relaxation.cliques[k + 1] : nullptr;
    const Index n = clique.rows.size();
    auto shared = [&](Index i) { return i == 0 ? Index{0} : i - clique.current_begin + next->previous_begin; };
    Sum sum;
    for (Index j = 0; j < n; ++j) {
      // Entries of the block shared with the previous clique are counted there.
      const bool j_previous = k > 0 && in_block(j, clique.previous_begin, clique.previous_size);
      const bool j_current = next && in_block(j, clique.current_begin, clique.current_size);
      Sum column;
      for (Index i = j; i < n; ++i) {
        if (j_previous && in_block(i, clique.previous_begin, clique.previous_size)) continue;
        double residual = own(i, j), charge = std::abs(residual);
        if (objective) {
          residual += (*objective)(i, j);
          charge += std::abs((*objective)(i, j));
        }
        if (i == 0) {  // the entry (one, one), common to all cliques; the objective's constant sits in the last one's
          if (next) {
            residual += terms.matrix(0, 0);
            charge += std::abs(terms.matrix(0, 0));
          }
          for (std::size_t other = 1; other < count; ++other) {
            residual += multipliers[other](0, 0);
            charge += std::abs(multipliers[other](0, 0));
          }
          charge *= static_cast<double>(count);
        } else if (j_current && in_block(i, clique.current_begin, clique.current_size)) {
          const double other = multipliers[k + 1](shared(i), shared(j));
          residual += other;
          charge += std::abs(other);
        }
        const double weight = i == j ? 1.0 : 2.0;
        column.add(weight * residual, weight * 4.0 * core::unit_roundoff * charge, clique.lower(i, j), clique.upper(i, j));
      }
      sum.value += column.value;
      sum.size += column.size;
    }
    if (!clique.ball_rows.empty()) {
      // The diagonal entries of a ball's rows are nonnegative and sum to at most ball_cap: pay the largest residual once where that is
      // less.
      Sum boxed;
      double largest = 0.0, charge = 0.0;
      for (const Index i : clique.ball_rows) {
        boxed.add(own(i, i), 4.0 * core::unit_roundoff * std::abs(own(i, i)), clique.lower(i, i), clique.upper(i, i));
        largest = std::max(largest, own(i, i));
        charge = std::max(charge, std::abs(own(i, i)));
      }
      const double grouped = largest * clique.ball_cap + 4.0 * core::unit_roundoff * charge * clique.ball_cap;
      if (grouped < boxed.value) {
        sum.value += grouped - boxed.value;
        sum.size += 2.0 * boxed.size + grouped;
      }
    }
    total += sum.value;
    size += sum.size;
    additions = std::max(additions, 4 * n + static_cast<Index>(count) + 16);
  }
  const double bound = total + core::gamma(additions) * size * (1.0 + 1e-9) + 0x1p-1000;
  return std::isnan(bound) ? std::numeric_limits<double>::infinity() : core::next_up(bound);
}

}  // namespace twincert::relax
