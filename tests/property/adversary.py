"""Search for inputs that break a bound: samples, vertices, the package's attack, coordinate ascent from the best."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

import twincert

Array = NDArray[np.float64]


def measure_values(measure: Any, f: Array, g: Array) -> Array:
    """float64 value of the measure at every pair of rows of f and g (N, outputs)."""
    errors = f - g
    if isinstance(measure, twincert.Output):
        return np.abs(errors[:, measure.index])
    if isinstance(measure, twincert.Margin):
        return np.abs(errors[:, measure.index] - errors[:, measure.other])
    if measure == "top1":
        return confidence(f, g)
    if measure == "two":
        return np.linalg.norm(errors, axis=1)
    if measure == "one":
        return np.abs(errors).sum(axis=1)
    return np.abs(errors).max(axis=1)


def confidence(f: Array, g: Array) -> Array:
    """Largest output of f less the next where another output of g reaches that of f's class, otherwise 0."""
    rows, winner = np.arange(len(f)), f.argmax(axis=1)
    others = np.ones(f.shape, dtype=bool)
    others[rows, winner] = False
    second = np.where(others, f, -np.inf).max(axis=1)
    reached = (others & (g >= g[rows, winner][:, None])).any(axis=1)
    return np.where(reached, f[rows, winner] - second, 0.0)


def candidate_pairs(
    twin: Any, input_set: Any, seed: int, samples: int = 200, rounds: int = 3, measure: Any = "inf"
) -> tuple[Array, Array]:
    """Pairs (x, y) of the set (N, n), up to rounding at its boundary, where outputs are far apart."""
    rng = np.random.default_rng(seed)
    lower, upper = input_set.bounding_box
    x = np.vstack([input_set.sample(samples, seed), _corners(lower, upper, rng)])
    x = x[_inside(input_set, x)]
    found = twincert.attack(twin, input_set, measure, restarts=8, steps=10, seed=seed)
    x, y = _with_differences(np.vstack([x, found.x]), input_set.difference, rng)
    x, y = np.vstack([x, found.x]), np.vstack([y, found.y])
    for _ in range(rounds):
        starts = _best(twin.reference(x), twin.compressed(y))
        moved = _neighbours(x[starts], lower, upper, rng)
        moved = moved[_inside(input_set, moved)]
        if not len(moved):
            break
        more = _with_differences(moved, input_set.difference, rng)
        x, y = np.vstack([x, more[0]]), np.vstack([y, more[1]])
    return x, y


def _corners(lower: Array, upper: Array, rng: np.random.Generator) -> Array:
    """All corners of a small box, some of a large one, and the middle."""
    size = len(lower)
    signs = np.array(list(itertools.product((0.0, 1.0), repeat=size))) if size <= 6 else rng.integers(0, 2, (64, size))
    return np.vstack([np.where(signs > 0, upper, lower), np.clip((lower + upper) / 2, lower, upper)])


def _inside(input_set: Any, x: Array) -> Array:
    """Cheap membership; whoever reports a violation asks the set itself (``contains``) about the point."""
    lower, upper = input_set.bounding_box
    inside = ((x >= lower) & (x <= upper)).all(axis=1)
    if isinstance(input_set, twincert.Ball):
        inside &= np.linalg.norm(x - input_set.center, axis=1) <= input_set.radius
    if isinstance(input_set, twincert.Polytope):
        inside &= (x @ input_set.A.T <= input_set.b).all(axis=1)
    return np.asarray(inside)


def _with_differences(x: Array, difference: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    if not difference.any():
        return x, x
    pairs = [(x, x)]
    for _ in range(3):
        shift = difference * rng.choice([-1.0, 1.0, 0.5, -0.5], x.shape) * (1 - 1e-12)
        pairs.append((x, x - shift))
    return np.vstack([p[0] for p in pairs]), np.vstack([p[1] for p in pairs])


def _best(f: Array, g: Array) -> Array:
    """Indices of the largest and smallest value of every output, of the largest norms and margins, and of inputs that
    f and g classify differently or nearly so.
    """
    errors = f - g
    norms = [np.abs(errors).sum(axis=1, keepdims=True), (errors**2).sum(axis=1, keepdims=True)]
    margins = errors[:, :1] - errors[:, 1:]
    gap = f.max(axis=1) - np.sort(f, axis=1)[:, -2:].min(axis=1)
    flips = [confidence(f, g)[:, None], -gap[:, None]] if f.shape[1] > 1 else []
    columns = np.hstack([errors, -errors, *norms, margins, -margins, *flips])
    return np.unique(columns.argmax(axis=0))


def _neighbours(starts: Array, lower: Array, upper: Array, rng: np.random.Generator) -> Array:
    """Every start with one coordinate moved: to its limits, anywhere, and a little."""
    moved = []
    for start in starts:
        for i in range(len(lower)):
            width = upper[i] - lower[i]
            values = np.concatenate(
                [
                    [lower[i], upper[i]],
                    rng.uniform(lower[i], upper[i], 3),
                    start[i] + width * 0.03 * rng.standard_normal(3),
                ]
            )
            points = np.tile(start, (len(values), 1))
            points[:, i] = np.clip(values, lower[i], upper[i])
            moved.append(points)
    return np.vstack(moved)
