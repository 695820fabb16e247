// Counts heap allocations of the whole process, Eigen's included, to test that an iteration makes none.
#pragma once

#include <cstddef>

namespace twincert::testing {

// Number of calls of malloc, calloc, realloc and operator new, by any thread, since the program began.
std::size_t allocations();

// True when allocations() counts: under the address sanitizer, or with the GNU C library.
bool counts_allocations();

}  // namespace twincert::testing
