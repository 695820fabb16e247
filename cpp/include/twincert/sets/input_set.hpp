// The set of inputs a certificate speaks about: x in a region, and the twin's input y with |x - y| <= difference.
#pragma once

#include <cstdint>
#include <variant>

#include "twincert/core/interval.hpp"
#include "twincert/core/types.hpp"

namespace twincert::sets {

using core::Index;
using core::IntervalVector;
using core::Matrix;
using core::Vector;

struct Box {
  IntervalVector bounds;
};

// {x : |x - center|_2 <= radius}
struct Ball {
  Vector center;
  double radius;
};

// {x in bounds : A x <= b}
struct Polytope {
  Matrix A;
  Vector b;
  IntervalVector bounds;
};

using Region = std::variant<Box, Ball, Polytope>;

class InputSet {
 public:
  // `difference` (n, nonnegative, finite) bounds |x_i - y_i|; zero means that both networks read the same input.
  // ShapeError / ParseError on wrong sizes, NaN, infinity, lower > upper (naming the coordinate), a negative radius; ParseError for a
  // polytope proven empty.
  InputSet(Region region, Vector difference);

  // The part of the set with x in `window`: for maximum(), contains() and the bounding boxes; sample() and project() of a Ball's part
  // still speak about the whole Ball. ShapeError on another size; the window's overlap with bounding_box() must not be empty.
  // A x <= b cuts a Box or a Polytope further; of a Ball it is ignored, which leaves a larger part.
  InputSet part(const IntervalVector& window, const Matrix& A, const Vector& b) const;

  const Region& region() const { return region_; }
  const Vector& difference() const { return difference_; }
  bool shared_input() const { return shared_; }  // difference is zero
  Index size() const { return difference_.size(); }

  const IntervalVector& bounding_box() const { return box_; }                        // of x
  const IntervalVector& compressed_bounding_box() const { return compressed_box_; }  // of y = x - (x - y), outward rounded

  // Rigorous upper bounds, one per row, of max C x over the region (exact up to rounding for Box and Ball; for a Polytope a valid
  // bound from dual multipliers). C is (R x n).
  Vector maximum(const Matrix& coefficients) const;
  // The same for max P x + Q y over all pairs (x, y) of the set.
  Vector maximum(const Matrix& reference_coefficients, const Matrix& compressed_coefficients) const;

  // True when float64 x lies in the region exactly as described (no tolerance; evaluated with outward rounding, so that borderline points
  // are refused).
  bool contains(const Vector& x) const;
  // True when also |x - y| <= difference, exactly.
  bool contains(const Vector& x, const Vector& y) const;
  // n x count points inside the region (contains() holds for each), deterministic in the seed; half of them at vertices or on the boundary.
  // sample and project throw ParseError for a polytope in which no point could be verified (empty, or without an interior).
  Matrix sample(Index count, std::uint64_t seed) const;
  // Moves x into the region (Euclidean projection for Box and Ball; towards an interior point for Polytope); contains(result) holds.
  Vector project(const Vector& x) const;

 private:
  Vector region_maximum(const Matrix& coefficients) const;
  void set_compressed_box();

  Region region_;
  Vector difference_;
  bool shared_;
  IntervalVector box_;
  IntervalVector compressed_box_;
  bool part_ = false;  // box_ cuts a Ball, and a Polytope is bounded with little work
  Vector interior_;    // of a Polytope; empty when no interior point was found
};

}  // namespace twincert::sets
