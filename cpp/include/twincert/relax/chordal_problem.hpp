// A semidefinite program in cliques, as plain data: the class of problems that the solver takes and whose bounds are proven. Twins are
// one source of them (relax/relaxation.hpp); others may fill it in themselves (twincert/chordal.hpp).
//
//   maximise   sum_k <C_k, M_k> + constant
//   over       M_k = T_k Y_k T_k^T with Y_k positive semidefinite, one per clique,
//   such that  lower_k <= M_k <= upper_k entrywise, and entries that overlaps share are equal.
//
// Intervals must be finite: that is what gives every multiplier a finite bound (relax/support.hpp). Bounds hold for any cliques and any
// overlaps. If the cliques form a tree on which each row's cliques are connected (a chordal pattern), nothing is lost by the
// decomposition (Grone et al. 1984); otherwise the program is a relaxation of the one with a single matrix.
#pragma once

#include <string>
#include <vector>

#include "twincert/core/types.hpp"

namespace twincert::relax {

using core::Index;
using core::Matrix;
using core::Vector;

// One block. M = E[r r^T] for rows r = T v + e of a random v, Y = E[v v^T], with |e| <= error: zero unless rows carry rounding of their
// own.
struct Clique {
  Matrix T;                   // rows x variables, of full column rank (otherwise the solver has no start; bounds hold all the same)
  Vector error;               // rows
  Vector variable_magnitude;  // variables: Y_jj <= variable_magnitude_j^2
  Matrix lower, upper;        // rows x rows, symmetric

  // Rows whose diagonal entries sum to at most `ball_cap`; empty otherwise. No overlap shares them.
  std::vector<Index> ball_rows;
  double ball_cap = 0.0;
};

// Row first_rows[i] of clique `first` is row second_rows[i] of clique `second`: the entries among these rows agree.
struct Overlap {
  Index first;
  Index second;
  std::vector<Index> first_rows;
  std::vector<Index> second_rows;
};

struct ChordalProblem {
  std::vector<Clique> cliques;
  std::vector<Overlap> overlaps;
};

struct ChordalObjective {
  std::vector<Matrix> matrices;  // C_k, rows x rows, symmetric, one per clique; 0 x 0 stands for zero
  double constant = 0.0;
};

// What is wrong with sizes (ShapeError) or numbers (ParseError), and where.
void validate(const ChordalProblem& problem);
void validate(const ChordalProblem& problem, const ChordalObjective& objective, const std::string& name = "objective");

// Upper bounds, outward rounded, of sqrt(E[r_i^2]).
Vector row_magnitude(const Clique& clique);

// Upper bounds, outward rounded, of sqrt(Y_jj) from the rows' magnitudes, for Clique::variable_magnitude; ParseError when T has no full
// column rank (to about eight digits).
Vector variable_magnitude(const Clique& clique);

struct CliqueSize {
  Index rows;
  Index variables;
};

std::vector<CliqueSize> clique_sizes(const ChordalProblem& problem);

}  // namespace twincert::relax
