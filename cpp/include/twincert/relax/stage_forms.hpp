// The quantities around one stage as affine forms over a clique's free variables, with presolve: stable neurons are substituted,
// constant ones vanish, only unstable ones bring variables.
#pragma once

#include "twincert/relax/activation_rows.hpp"
#include "twincert/relax/forms.hpp"

namespace twincert::relax {

// Variables are: 1, the defining rows of the previous layer (or functionals of the stage), and for every stage of the clique those rows of
// the layer after it that are not linear in what comes before.
struct StageVariables {
  std::vector<Index> previous_columns;  // column of each row of the previous layer, -1 if it is none
  std::vector<Index> current_columns;   // column of each row of the current layer, -1 if it is none
  std::vector<SharedRow> functionals;   // reduced inputs: rows of a_f, a_g (sides reference, compressed) and delta
  Index count = 1;
};

struct StageForms {
  Forms before_reference, before_compressed, before_difference;  // a_f, a_g, delta (empty when unpaired)
  LayerForms after;                                              // x, y, d
  std::vector<bool> reference_nonlinear, compressed_nonlinear;
};

// Of a clique's first stage; null: its functionals take the place of the previous layer.
StageVariables stage_variables(const network::StagePair& stage, const bounds::StageBounds& bounds, const LayerRows* previous,
                               const LayerRows& current);

// Of a further stage, the variables before which are `count`.
StageVariables further_variables(const network::StagePair& stage, const bounds::StageBounds& bounds, const LayerRows& current, Index count);

StageForms stage_forms(const network::StagePair& stage, const bounds::StageBounds& bounds, const LayerForms* previous,
                       const LayerRows& current, const StageVariables& variables);

}  // namespace twincert::relax
