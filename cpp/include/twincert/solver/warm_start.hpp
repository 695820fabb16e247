// What methods start from, kept from earlier solves, for relaxations of the same twin over other sets.
//
// A warm start costs no rigour: bounds are computed from multipliers, wherever these come from.
#pragma once

#include <memory>
#include <vector>

#include "twincert/relax/relaxation.hpp"
#include "twincert/solver/method.hpp"

namespace twincert::solver {

class WarmStarts {
 public:
  // Keeps the Method::start_of() of an objective in place of an earlier one.
  void keep(const relax::Relaxation& relaxation, const relax::Objective& objective, Start start);
  // The kept start of the objective, row by row where labels agree; entries of other rows are zero. Without entries when none was kept.
  Start find(const relax::Relaxation& relaxation, const relax::Objective& objective) const;

 private:
  using Labels = std::vector<std::vector<relax::RowLabel>>;  // per clique
  struct Kept {
    relax::Objective objective;
    std::shared_ptr<const Labels> labels;
    Start start;
  };

  std::vector<Kept> kept_;
};

}  // namespace twincert::solver
