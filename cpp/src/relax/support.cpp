#include "twincert/relax/support.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "twincert/core/interval.hpp"
#include "twincert/core/mostly_zeros.hpp"
#include "twincert/relax/shared_entries.hpp"

namespace twincert::relax {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

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

// What the objective and the multipliers add up to in one entry, and the sum of absolute values for its rounding.
struct Residual {
  double value = 0.0;
  double charge = 0.0;

  void add(double term) {
    value += term;
    charge += std::abs(term);
  }
};

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

class Support {
 public:
  Support(const ChordalProblem& problem, const ChordalObjective& objective, const std::vector<Matrix>& multipliers)
      : problem_(problem),
        objective_(objective),
        multipliers_(multipliers),
        ends_(overlap_ends(problem)),
        linked_(linked_entries(problem, ends_)),
        linked_here_(problem.cliques.size()) {
    for (const std::vector<Entry>& copies : linked_) {
      for (const Entry& entry : copies) linked_here_[at(entry.clique)].push_back(entry);
    }
    for (std::vector<Entry>& entries : linked_here_) std::sort(entries.begin(), entries.end());
  }

  double bound() const {
    const std::size_t count = problem_.cliques.size();
    double total = objective_.constant, size = std::abs(objective_.constant);
    Index longest = static_cast<Index>(linked_.size());
    const auto add = [&](const Sum& sum) {
      total += sum.value;
      size += sum.size;
    };
    for (std::size_t k = 0; k < count; ++k) {
      add(clique_sum(k));
      if (!problem_.cliques[k].ball_rows.empty()) add(ball_gain(k));
      longest = std::max(longest, problem_.cliques[k].T.rows());
    }
    add(linked_sum());
    const Index additions = 4 * longest + 2 * static_cast<Index>(count) + 16;
    const double bound = total + core::gamma(additions) * size * (1.0 + 1e-9) + 0x1p-1000;
    return std::isnan(bound) ? infinity : core::next_up(bound);
  }

 private:
  void add_terms(Residual& residual, std::size_t k, Index i, Index j) const {
    residual.add(multipliers_[k](i, j));
    if (objective_.matrices[k].size() > 0) residual.add(objective_.matrices[k](i, j));
  }

  // The entries that clique k has for itself, and those it shares with one other clique and stands first in that overlap.
  Sum clique_sum(std::size_t k) const {
    if (ends_[k].empty()) return lone_clique_sum(k);
    const Clique& clique = problem_.cliques[k];
    const Index n = clique.T.rows();
    std::vector<Residual> column(at(n));
    std::vector<bool> counted(at(n));
    auto linked = linked_here_[k].begin();
    Sum sum;
    for (Index j = 0; j < n; ++j) {
      for (Index i = j; i < n; ++i) {
        column[at(i)] = {};
        counted[at(i)] = true;
        add_terms(column[at(i)], k, i, j);
      }
      for (const OverlapEnd& end : ends_[k]) {
        const Index position = end.position[at(j)];
        if (position < 0) continue;
        for (std::size_t q = 0; q < end.rows->size(); ++q) {
          const Index i = (*end.rows)[q];
          if (i < j) continue;
          if (end.first) {
            add_terms(column[at(i)], at(end.other), (*end.other_rows)[q], (*end.other_rows)[at(position)]);
          } else {
            counted[at(i)] = false;
          }
        }
      }
      for (; linked != linked_here_[k].end() && linked->column == j; ++linked) counted[at(linked->row)] = false;
      Sum entries;
      for (Index i = j; i < n; ++i) {
        if (!counted[at(i)]) continue;
        const Residual& residual = column[at(i)];  // of at most four terms
        const double copies = i == j ? 1.0 : 2.0;
        entries.add(copies * residual.value, copies * 4.0 * core::unit_roundoff * residual.charge, clique.lower(i, j), clique.upper(i, j));
      }
      sum.value += entries.value;
      sum.size += entries.size;
    }
    return sum;
  }

  // Of a clique without overlaps. Most entries have neither multiplier nor objective, and add nothing where their intervals are finite.
  Sum lone_clique_sum(std::size_t k) const {
    const Clique& clique = problem_.cliques[k];
    const Matrix& multiplier = multipliers_[k];
    const Matrix& objective = objective_.matrices[k];
    const Index n = clique.T.rows();
    Sum sum;
    for (Index j = 0; j < n; ++j) {
      Sum entries;
      const double* coefficients = objective.size() > 0 ? objective.col(j).data() + j : nullptr;
      const auto nothing = [&](Index i, auto size) {
        const auto width = core::chunk_of(&clique.upper(j, j) + i, size) - core::chunk_of(&clique.lower(j, j) + i, size);
        const auto present = core::chunk_of(&multiplier(j, j) + i, size).abs() + (width.abs() - width);  // none is negative
        if (!(present.sum() == 0.0)) return false;
        return !coefficients || core::chunk_of(coefficients + i, size).abs().sum() == 0.0;
      };
      core::visit_chunks(n - j, nothing, [&](Index below) {
        const Index i = j + below;
        const double lower = clique.lower(i, j), upper = clique.upper(i, j), width = upper - lower;
        const bool absent = multiplier(i, j) == 0.0 && (!coefficients || objective(i, j) == 0.0);
        if (absent && width >= 0.0 && width < infinity) return;
        Residual residual;
        add_terms(residual, k, i, j);
        const double weight = below == 0 ? 1.0 : 2.0;
        entries.add(weight * residual.value, weight * 4.0 * core::unit_roundoff * residual.charge, lower, upper);
      });
      sum.value += entries.value;
      sum.size += entries.size;
    }
    return sum;
  }

  // The diagonal entries of a ball's rows are nonnegative and sum to at most ball_cap: pay the largest residual once where that is less.
  Sum ball_gain(std::size_t k) const {
    const Clique& clique = problem_.cliques[k];
    Sum boxed;
    double largest = 0.0, charge = 0.0;
    for (const Index i : clique.ball_rows) {
      Residual residual;
      add_terms(residual, k, i, i);
      boxed.add(residual.value, 4.0 * core::unit_roundoff * residual.charge, clique.lower(i, i), clique.upper(i, i));
      largest = std::max(largest, residual.value);
      charge = std::max(charge, residual.charge);
    }
    const double grouped = largest * clique.ball_cap + 4.0 * core::unit_roundoff * charge * clique.ball_cap;
    if (!(grouped < boxed.value)) return {};
    return {grouped - boxed.value, 2.0 * boxed.size + grouped};
  }

  // The entries that more overlaps than one share.
  Sum linked_sum() const {
    Sum sum;
    for (const std::vector<Entry>& copies : linked_) {
      Residual residual;
      for (const Entry& entry : copies) add_terms(residual, at(entry.clique), entry.row, entry.column);
      const Entry& entry = copies.front();
      const Clique& clique = problem_.cliques[at(entry.clique)];
      const double weight = entry.row == entry.column ? 1.0 : 2.0;
      const double error = core::gamma(2 * static_cast<Index>(copies.size()) + 2) * residual.charge;
      sum.add(weight * residual.value, weight * error, clique.lower(entry.row, entry.column), clique.upper(entry.row, entry.column));
    }
    return sum;
  }

  const ChordalProblem& problem_;
  const ChordalObjective& objective_;
  const std::vector<Matrix>& multipliers_;
  std::vector<std::vector<OverlapEnd>> ends_;
  std::vector<std::vector<Entry>> linked_;       // as groups of copies
  std::vector<std::vector<Entry>> linked_here_;  // the same by clique, in the order of columns
};

}  // namespace

double support_bound(const ChordalProblem& problem, const ChordalObjective& objective, const std::vector<Matrix>& multipliers) {
  return Support(problem, objective, multipliers).bound();
}

}  // namespace twincert::relax
