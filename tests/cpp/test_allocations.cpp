// The allocation counter itself must see what it is there to see.
#include <memory>

#include "allocations.hpp"
#include "check.hpp"
#include "twincert/core/types.hpp"

using twincert::core::Matrix;
using twincert::core::Vector;
using twincert::testing::allocations;

TEST(allocations_sees_operator_new) {
  CHECK(twincert::testing::counts_allocations());
  const std::size_t before = allocations();
  auto number = std::make_unique<double>(1.0);
  CHECK(allocations() > before);
  CHECK(*number > 0.0);
}

TEST(allocations_sees_eigen) {
  const std::size_t before = allocations();
  Vector vector = Vector::Ones(40);
  CHECK(allocations() > before);
  CHECK(vector.sum() > 0.0);
}

TEST(allocations_none_in_preallocated_arithmetic) {
  Matrix a = Matrix::Ones(20, 20);
  Matrix b = Matrix::Ones(20, 20);
  const std::size_t before = allocations();
  for (int i = 0; i < 10; ++i) a = a.cwiseMin(b) + 0.5 * b;
  CHECK(allocations() == before);
}
