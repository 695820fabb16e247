// The rows of one clique while it is being built, with the facts about products of two rows.
#pragma once

#include <vector>

#include "twincert/relax/forms.hpp"

namespace twincert::relax {

// A proven interval of the product of two rows, besides the product of their intervals.
struct ProductFact {
  Index first;
  Index second;
  Interval product;
};

// Where a row comes from.
enum class RowOrigin { one, previous, functional, current, reference, compressed, pair, halfspace, sign };

// What a row means, besides its centre, whatever the set: rows of two relaxations of one twin with equal labels correspond.
struct RowLabel {
  Index stage = 0;  // counted from the clique's first
  RowOrigin origin = RowOrigin::one;
  Side side = Side::reference;
  Index index = 0;   // of the neuron, input, halfspace or output
  int ordinal = 0;   // among the rows of the same origin, side and index
  int exponent = 0;  // of the scale
  auto operator<=>(const RowLabel&) const = default;
};

class RowSet {
 public:
  explicit RowSet(Index variables) : variables_(variables) {}

  Index variables() const { return variables_; }
  Index size() const { return static_cast<Index>(rows_.size()); }

  // Says which stage the rows added from now on belong to.
  void begin_stage(Index stage) { next_.stage = stage; }
  // Says where the rows added from now on come from; `exponent` is a scale that their forms already have.
  void label(RowOrigin origin, Index index, Side side = Side::reference, int exponent = 0);
  // Adds (form - center) 2^exponent with its proven interval; returns its position.
  Index add(const Form& form, double center, int exponent, Interval interval);
  // Adds the form scaled to magnitude at most 1; `value` encloses the form's exact value. `reach` is the size of the terms it is a small
  // difference of: the scale stays below 2^20 / reach, so that neurons that barely touch their kink do not spoil the conditioning.
  Index add_scaled(const Form& form, Interval value, double reach);
  // The row of magnitude one that every clique starts with.
  Index add_one();

  void product_zero(Index a, Index b) { facts_.push_back({a, b, {0.0, 0.0}}); }
  void product_nonnegative(Index a, Index b) { facts_.push_back({a, b, {0.0, unbounded}}); }
  void product_nonpositive(Index a, Index b) { facts_.push_back({a, b, {-unbounded, 0.0}}); }

  const std::vector<RowLabel>& labels() const { return labels_; }
  const std::vector<ProductFact>& facts() const { return facts_; }
  Matrix coefficients() const;       // rows x variables
  Vector errors() const;             // rows
  IntervalVector intervals() const;  // rows

 private:
  static constexpr double unbounded = std::numeric_limits<double>::infinity();

  Index variables_;
  std::vector<Form> rows_;
  std::vector<Interval> intervals_;
  std::vector<RowLabel> labels_;
  RowLabel next_;
  std::vector<ProductFact> facts_;
};

}  // namespace twincert::relax
