#include "naive_blas.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace twincert::testing {
namespace {

// Column-major matrix with a leading dimension, read as its transpose when `flip` is set.
template <class Scalar>
struct View {
  Scalar* data;
  int stride;
  bool flip = false;
  Scalar& operator()(int i, int j) const { return flip ? data[j + i * stride] : data[i + j * stride]; }
};

template <class Scalar>
Scalar accumulate(Scalar alpha, Scalar sum, Scalar beta, Scalar old) {
  return alpha * sum + (beta == Scalar(0) ? Scalar(0) : beta * old);
}

template <class Scalar>
void gemm(char* op_a, char* op_b, int* m, int* n, int* k, Scalar* alpha, Scalar* a, int* lda, Scalar* b, int* ldb, Scalar* beta, Scalar* c,
          int* ldc) {
  const View left{a, *lda, *op_a == 'T'};
  const View right{b, *ldb, *op_b == 'T'};
  const View result{c, *ldc};
  for (int j = 0; j < *n; ++j) {
    for (int i = 0; i < *m; ++i) {
      Scalar sum = 0;
      for (int l = 0; l < *k; ++l) sum += left(i, l) * right(l, j);
      result(i, j) = accumulate(*alpha, sum, *beta, result(i, j));
    }
  }
}

// Lower triangle, no transpose: the only form that the library calls.
template <class Scalar>
void syrk(char*, char*, int* n, int* k, Scalar* alpha, Scalar* a, int* lda, Scalar* beta, Scalar* c, int* ldc) {
  const View factor{a, *lda};
  const View result{c, *ldc};
  for (int j = 0; j < *n; ++j) {
    for (int i = j; i < *n; ++i) {
      Scalar sum = 0;
      for (int l = 0; l < *k; ++l) sum += factor(i, l) * factor(j, l);
      result(i, j) = accumulate(*alpha, sum, *beta, result(i, j));
    }
  }
}

// Symmetric on the right, lower triangle read.
template <class Scalar>
void symm(char*, char*, int* m, int* n, Scalar* alpha, Scalar* a, int* lda, Scalar* b, int* ldb, Scalar* beta, Scalar* c, int* ldc) {
  const View symmetric{a, *lda};
  const View left{b, *ldb};
  const View result{c, *ldc};
  for (int j = 0; j < *n; ++j) {
    for (int i = 0; i < *m; ++i) {
      Scalar sum = 0;
      for (int l = 0; l < *n; ++l) sum += left(i, l) * (l <= j ? symmetric(j, l) : symmetric(l, j));
      result(i, j) = accumulate(*alpha, sum, *beta, result(i, j));
    }
  }
}

// On the right with the transpose of a lower triangle, alpha one: the only form that the library calls.
void dtrsm(char*, char*, char*, char*, int* m, int* n, double*, double* a, int* lda, double* b, int* ldb) {
  const View lower{a, *lda};
  const View result{b, *ldb};
  for (int j = 0; j < *n; ++j) {
    for (int i = 0; i < *m; ++i) {
      double sum = result(i, j);
      for (int l = 0; l < j; ++l) sum -= result(i, l) * lower(j, l);
      result(i, j) = sum / lower(j, j);
    }
  }
}

// Lower triangle.
void dpotrf(char*, int* size, double* matrix, int* stride, int* info) {
  const View a{matrix, *stride};
  *info = 0;
  for (int j = 0; j < *size; ++j) {
    for (int i = j; i < *size; ++i) {
      for (int l = 0; l < j; ++l) a(i, j) -= a(i, l) * a(j, l);
      if (i == j && !(a(j, j) > 0.0)) {
        *info = j + 1;
        return;
      }
      a(i, j) = i == j ? std::sqrt(a(j, j)) : a(i, j) / a(j, j);
    }
  }
}

// Rotates rows and columns p < q of the symmetric matrix a, and the columns of v, so that a(p, q) vanishes.
template <class Scalar>
void rotate(View<Scalar> a, View<Scalar> v, int n, int p, int q) {
  if (a(p, q) == Scalar(0)) return;
  const Scalar theta = (a(q, q) - a(p, p)) / (Scalar(2) * a(p, q));
  const Scalar t = std::copysign(Scalar(1), theta) / (std::abs(theta) + std::hypot(Scalar(1), theta));
  const Scalar c = Scalar(1) / std::hypot(Scalar(1), t);
  const Scalar s = t * c;
  for (int i = 0; i < n; ++i) std::tie(a(i, p), a(i, q)) = std::pair(c * a(i, p) - s * a(i, q), s * a(i, p) + c * a(i, q));
  for (int i = 0; i < n; ++i) std::tie(a(p, i), a(q, i)) = std::pair(c * a(p, i) - s * a(q, i), s * a(p, i) + c * a(q, i));
  for (int i = 0; i < n; ++i) std::tie(v(i, p), v(i, q)) = std::pair(c * v(i, p) - s * v(i, q), s * v(i, p) + c * v(i, q));
}

// H C for H = I - tau u u^T, u = (1, tail).
template <class Scalar>
void reflect_rows(View<Scalar> c, int rows, int columns, const Scalar* tail, Scalar tau) {
  for (int j = 0; j < columns; ++j) {
    Scalar sum = c(0, j);
    for (int i = 1; i < rows; ++i) sum += tail[i - 1] * c(i, j);
    c(0, j) -= tau * sum;
    for (int i = 1; i < rows; ++i) c(i, j) -= tau * sum * tail[i - 1];
  }
}

// Householder's reduction of a lower triangle (Golub and Van Loan, section 8.3), with reflections stored as LAPACK does.
template <class Scalar>
void sytrd(char*, int* size, Scalar* matrix, int* stride, Scalar* diagonal, Scalar* off_diagonal, Scalar* taus, Scalar*, int*, int* info) {
  const int n = *size;
  const View a{matrix, *stride};
  for (int k = 0; k + 1 < n; ++k) {
    Scalar* x = &a(k + 1, k);
    const int m = n - k - 1;
    Scalar rest = 0;
    for (int i = 1; i < m; ++i) rest += x[i] * x[i];
    const Scalar beta = -std::copysign(std::sqrt(x[0] * x[0] + rest), x[0]);
    const Scalar tau = rest == Scalar(0) ? Scalar(0) : (beta - x[0]) / beta;
    for (int i = 1; i < m && rest != Scalar(0); ++i) x[i] /= x[0] - beta;
    off_diagonal[k] = rest == Scalar(0) ? x[0] : beta;
    taus[k] = tau;
    // H A H with both triangles, column k apart.
    const View block{&a(k + 1, k + 1), *stride};
    for (int j = 0; j < m; ++j) {
      for (int i = 0; i < j; ++i) block(i, j) = block(j, i);
    }
    reflect_rows(block, m, m, x + 1, tau);
    reflect_rows(View<Scalar>{block.data, *stride, true}, m, m, x + 1, tau);
  }
  for (int k = 0; k < n; ++k) diagonal[k] = a(k, k);
  *info = 0;
}

// From the left, without transpose: the only form that the library calls.
template <class Scalar>
void ormtr(char*, char*, char*, int* rows, int* columns, Scalar* matrix, int* stride, Scalar* taus, Scalar* c, int* ldc, Scalar*, int*,
           int* info) {
  const View a{matrix, *stride};
  for (int k = *rows - 2; k >= 0; --k) reflect_rows(View{c + k + 1, *ldc}, *rows - k - 1, *columns, &a(k + 1, k) + 1, taus[k]);
  *info = 0;
}

// Cyclic Jacobi (Golub and Van Loan, section 8.5); the eigenvectors of the tridiagonal matrix, which the workspace holds, are wanted.
template <class Scalar>
void stedc(char*, int* size, Scalar* values, Scalar* off_diagonal, Scalar* vectors, int* stride, Scalar* work, int*, int*, int*,
           int* info) {
  const int n = *size;
  const View a{work, n};
  const View v{vectors, *stride};
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < n; ++i) {
      v(i, j) = i == j ? Scalar(1) : Scalar(0);
      a(i, j) = i == j ? values[j] : std::abs(i - j) == 1 ? off_diagonal[std::min(i, j)] : Scalar(0);
    }
  }
  for (int sweep = 0; sweep < 12; ++sweep) {
    for (int p = 0; p < n; ++p) {
      for (int q = p + 1; q < n; ++q) rotate(a, v, n, p, q);
    }
  }
  for (int j = 0; j < n; ++j) values[j] = a(j, j);
  for (int j = 0; j < n; ++j) {
    const int smallest = static_cast<int>(std::min_element(values + j, values + n) - values);
    std::swap(values[j], values[smallest]);
    for (int i = 0; i < n; ++i) std::swap(v(i, j), v(i, smallest));
  }
  *info = 0;
}

template <class Scalar>
core::BlasRoutines<Scalar> routines() {
  return {&gemm<Scalar>, &syrk<Scalar>, &symm<Scalar>, {&sytrd<Scalar>, &stedc<Scalar>, &ormtr<Scalar>}};
}

}  // namespace

core::BlasTable naive_blas() { return {routines<double>(), routines<float>(), &dtrsm, &dpotrf}; }

}  // namespace twincert::testing
