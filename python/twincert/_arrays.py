"""Turns what users pass into float64 arrays, or says what is wrong with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twincert.errors import ParseError, ShapeError

Array = NDArray[np.float64]


def as_real(values: ArrayLike, name: str) -> Array:
    """Float64 array of any dimension; ParseError unless all entries are finite numbers that float64 holds exactly."""
    try:
        array: NDArray[Any] = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ShapeError(f"{name}: expected a rectangular array of numbers, {error}") from None
    if array.dtype.kind not in "iuf":
        raise ParseError(f"{name}: expected real numbers, found entries of type {array.dtype}")
    converted = array.astype(np.float64)
    exact = np.abs(converted) <= 2.0**53 if array.dtype.kind in "iu" else (converted == array) | np.isnan(array)
    for problem, fine in (("a finite number", np.isfinite(converted)), ("a number that float64 holds exactly", exact)):
        bad = np.argwhere(~np.asarray(fine))
        if len(bad):  # its entries have no coordinates where a single number is bad
            index = tuple(int(i) for i in bad[0])
            place = name + (f"[{', '.join(map(str, index))}]" if index else "")
            raise ParseError(f"{place} is {array[index]}, expected {problem}")
    return converted


def as_array(values: ArrayLike, name: str, dimensions: int) -> Array:
    """The same with a fixed number of dimensions; ShapeError otherwise."""
    array = as_real(values, name)
    if array.ndim != dimensions:
        kind = {1: "a vector", 2: "a matrix"}[dimensions]
        raise ShapeError(f"{name}: expected {kind}, found an array of shape {array.shape}")
    return array


def as_vector(values: ArrayLike, name: str, size: int) -> Array:
    """A vector of `size` entries; a single number stands for that many equal ones."""
    array = as_real(values, name)
    if array.ndim == 0:
        return np.full(size, float(array))
    if array.shape != (size,):
        raise ShapeError(f"{name}: expected a number or {size} of them, found an array of shape {array.shape}")
    return array


def as_number(value: object, name: str) -> float:
    """A single finite real number."""
    array = as_real(value, name)  # type: ignore[arg-type]
    if array.ndim != 0:
        raise ShapeError(f"{name}: expected a single number, found an array of shape {array.shape}")
    return float(array)
