// Bounds of a part of the input set from those of the part it was split from: what was stable stays stable and what was bounded stays
// bounded, so that only neurons that are still relaxed are bounded again.
#pragma once

#include <vector>

#include "twincert/bounds/backward.hpp"
#include "twincert/bounds/measure_rows.hpp"

namespace twincert::bounds {

// With more varying inputs than this, halving one of them changes little: neurons are split instead.
inline constexpr Index default_split_inputs = 20;

// Parts are taken in rounds of this many, whatever the number of threads, so that results do not depend on it.
inline constexpr std::size_t parts_at_once = 32;

// How a part is cut in two: at the middle of one coordinate of x, or by the values before the activation of one network's neuron, at
// its kink.
struct Split {
  enum class By { input, reference, compressed };
  By by;
  Index stage;  // of the neuron
  Index index;  // of the coordinate or the neuron; negative: there is nothing to split

  bool operator==(const Split&) const = default;
};

// What a split of a neuron left: its values lie on one side of `at`, which means row . x <= limit (row is empty while that is unknown).
struct NeuronCut {
  Split split;
  bool upper;
  double at;
  Vector row;
  double limit;
};

struct Part {
  IntervalVector box;               // contains x
  std::vector<StageBounds> stages;  // proven on the part
  Vector rows;                      // proven maxima of the output rows
  std::vector<NeuronCut> cuts;
  Split next;          // what to split by; a guess that no bound rests on
  bool empty = false;  // proven: no input of the set lies in the part
};

class Partition {
 public:
  // `bounds` as of crown_bounds(); only the `open` rows of `row_maxima` are bounded again here. Twin and set must outlive it.
  Partition(const Twin& twin, const InputSet& set, const TwinBounds& bounds, OutputRows rows, const Vector& row_maxima,
            const std::vector<Index>& open, Index split_inputs = default_split_inputs);

  const Part& whole() const { return whole_; }

  // Splits as numbers: -1 for none, then the coordinates of x, then the neurons of f and of g. SettingsError for any other number.
  Index code(const Split& split) const;
  Split split(Index code) const;

  // One half of a part. Only the `open` rows are bounded again, the others keep the parent's bounds. Safe to call from several threads.
  Part half(const Part& parent, const Split& split, bool upper, const std::vector<Index>& open) const;

 private:
  Index neurons(std::size_t stage, Split::By by) const;
  InputSet set_of(const Part& part) const;
  void bound(Part& part, const std::vector<Index>& open) const;

  const Twin& twin_;
  const InputSet& set_;
  OutputRows rows_;
  BackwardPass pass_;
  Index split_inputs_;
  Part whole_;
};

}  // namespace twincert::bounds
