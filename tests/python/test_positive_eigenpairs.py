"""Positive eigenvalues of symmetric matrices with their vectors, by SciPy's LAPACK and by Eigen (up to size 32)."""

import numpy as np
import pytest

import twincert
from twincert import _core


@pytest.mark.parametrize("size", [1, 2, 7, 32, 33, 60, 150])
@pytest.mark.parametrize("scale", [1.0, 2.0**-900, 2.0**900, 2.0**-1060])
def test_positive_eigenpairs_are_those_of_numpy(size: int, scale: float) -> None:
    rng = np.random.default_rng(size)
    matrix = rng.normal(size=(size, size))
    matrix = np.ldexp(np.floor(np.ldexp(matrix + matrix.T, 10)), -10)
    converged, values, vectors = _core.positive_eigenpairs(scale * matrix)
    values = values / scale
    expected = np.linalg.eigvalsh(matrix)
    assert converged
    assert values.shape == vectors.shape[1:]
    rounding = 1e-12 * size if scale > 1e-310 else 1e-2  # of subnormal numbers
    assert np.allclose(values, expected[expected > 0], atol=rounding)
    assert np.allclose(matrix @ vectors, vectors * values, atol=rounding * size)
    assert np.allclose(vectors.T @ vectors, np.eye(len(values)), atol=1e-12 * size)


@pytest.mark.parametrize("size", [5, 50])
def test_negative_matrices_have_none(size: int) -> None:
    converged, values, vectors = _core.positive_eigenpairs(-np.eye(size))
    assert converged
    assert values.shape == (0,)
    assert vectors.shape == (size, 0)
    converged, values, _ = _core.positive_eigenpairs(np.zeros((size, size)))
    assert (converged, len(values)) == (True, 0)


def test_empty_and_oblong_matrices() -> None:
    converged, values, vectors = _core.positive_eigenpairs(np.zeros((0, 0)))
    assert (converged, values.shape, vectors.shape) == (True, (0,), (0, 0))
    with pytest.raises(twincert.ShapeError, match="2 x 3"):
        _core.positive_eigenpairs(np.zeros((2, 3)))


@pytest.mark.parametrize("size", [3, 40])
@pytest.mark.parametrize("entry", [np.nan, np.inf])
def test_other_numbers_are_refused(size: int, entry: float) -> None:
    assert not _core.positive_eigenpairs(np.full((size, size), entry))[0]
