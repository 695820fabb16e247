// Textbook BLAS and LAPACK kernels that allocate nothing: they stand in for the OpenBLAS that Python lends to the library.
#pragma once

#include "twincert/core/blas.hpp"

namespace twincert::testing {

core::BlasTable naive_blas();

// Registers the kernels for the lifetime of the object, and Eigen's afterwards.
class WithNaiveBlas {
 public:
  WithNaiveBlas() { core::register_blas(naive_blas()); }
  ~WithNaiveBlas() { core::register_blas({}); }
  WithNaiveBlas(const WithNaiveBlas&) = delete;
  WithNaiveBlas& operator=(const WithNaiveBlas&) = delete;
};

}  // namespace twincert::testing
