// Entries that overlaps share get the mean of their copies: the projection onto agreement.
#pragma once

#include <type_traits>
#include <vector>

#include "twincert/relax/shared_entries.hpp"

namespace twincert::solver {

using core::Index;

class Agreement {
 public:
  // Keeps a reference: the problem must outlive it.
  explicit Agreement(const relax::ChordalProblem& problem);

  // block(k) is the matrix of clique k, of doubles or floats, of which the lower triangle is read and written. No allocation.
  template <class Block>
  void average(Block&& block) const {
    for (std::size_t o = 0; o < tails_.size(); ++o) {
      const relax::Overlap& overlap = problem_.overlaps[o];
      average(overlap, tails_[o], block(overlap.first), block(overlap.second));
    }
    // Means of pairs left the copies' sum as it was.
    for (const std::vector<relax::Entry>& copies : linked_) {
      double mean = 0.0;
      for (const relax::Entry& entry : copies) mean += static_cast<double>(block(entry.clique)(entry.row, entry.column));
      mean /= static_cast<double>(copies.size());
      for (const relax::Entry& entry : copies) {
        auto& copy = block(entry.clique)(entry.row, entry.column);
        copy = static_cast<std::remove_reference_t<decltype(copy)>>(mean);
      }
    }
  }

 private:
  template <class Scalar>
  static void average(const relax::Overlap& overlap, std::size_t tail, core::MatrixOf<Scalar>& first, core::MatrixOf<Scalar>& second);

  const relax::ChordalProblem& problem_;
  std::vector<std::size_t> tails_;  // per overlap: from this position on its rows are consecutive in both cliques, and follow all others
  std::vector<std::vector<relax::Entry>> linked_;
};

}  // namespace twincert::solver
