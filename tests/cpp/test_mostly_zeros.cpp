// Passes over columns that are mostly zeros leave nothing else out.
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "twincert/core/mostly_zeros.hpp"

using namespace twincert;
using core::Index;

TEST(mostly_zeros_visits_what_is_not_zero_in_order) {
  for (const Index size : {0, 1, 15, 16, 17, 32, 50}) {
    std::vector<double> column(static_cast<std::size_t>(size), 0.0);
    std::vector<Index> expected, found;
    const double special[] = {std::numeric_limits<double>::denorm_min(), std::nan(""), -0.0, 1e308,
                              -std::numeric_limits<double>::infinity()};
    for (Index i = 0; i < size; i += 7) {
      const double value = special[i / 7 % 5];
      column[static_cast<std::size_t>(i)] = value;
      if (value != 0.0) expected.push_back(i);
    }
    core::for_each_nonzero(column.data(), size, [&](Index i) { found.push_back(i); });
    CHECK(found == expected);
  }
  // Nor does a sum that cancels or overflows hide anything.
  for (const double value : {1.0, 1e308}) {
    std::vector<double> column(16);
    for (std::size_t i = 0; i < 16; ++i) column[i] = i < 8 ? value : -value;
    Index visits = 0;
    core::for_each_nonzero(column.data(), 16, [&](Index) { ++visits; });
    CHECK(visits == 16);
  }
}
