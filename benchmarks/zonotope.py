"""Differential zonotopes as VeryDiff propagates them, to compare with: float64, rounded to nearest, so no proof.

f, g and their difference are affine forms c + G e over the same generators e in [-1, 1]: one per input, then one for
every neuron of f, of g and of the difference whose activation is relaxed. ReLU networks of equal widths only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import twincert

Array = np.ndarray


@dataclass(frozen=True)
class Zonotope:
    """Centre (n,) and generators (n, number of generators)."""

    centre: Array
    generators: Array

    @property
    def bounds(self) -> tuple[Array, Array]:
        radius = np.abs(self.generators).sum(1)
        return self.centre - radius, self.centre + radius

    def affine(self, weight: Array, bias: Array) -> Zonotope:
        return Zonotope(weight @ self.centre + bias, weight @ self.generators)

    def scaled(self, factor: Array, shift: Array) -> Zonotope:
        return Zonotope(factor * self.centre + shift, factor[:, None] * self.generators)

    def __add__(self, other: Zonotope) -> Zonotope:
        return Zonotope(self.centre + other.centre, self.generators + other.generators)

    def __sub__(self, other: Zonotope) -> Zonotope:
        return Zonotope(self.centre - other.centre, self.generators - other.generators)

    def where(self, rows: Array, other: Zonotope) -> Zonotope:
        """``other`` in the rows where ``rows`` holds."""
        centre, generators = self.centre.copy(), self.generators.copy()
        centre[rows], generators[rows] = other.centre[rows], other.generators[rows]
        return Zonotope(centre, generators)

    def padded(self, count: int) -> Zonotope:
        """With ``count`` generators more, all zero."""
        return Zonotope(self.centre, np.hstack([self.generators, np.zeros((len(self.centre), count))]))


def with_errors(zonotope: Zonotope, radius: Array, first: int) -> Zonotope:
    """Adds radius_i e for a generator of its own to every row of positive radius; the generators start at ``first``."""
    generators = zonotope.generators.copy()
    rows = np.flatnonzero(radius > 0)
    generators[rows, first + np.arange(len(rows))] += radius[rows]
    return Zonotope(zonotope.centre, generators)


def relu_line(lower: Array, upper: Array) -> tuple[Array, Array]:
    """Slope s and radius r: relu(x) lies within r of s x + r on [lower, upper]."""
    crossing = (lower < 0) & (upper > 0)
    slope = np.where(crossing, upper / np.where(crossing, upper - lower, 1.0), (lower >= 0).astype(float))
    return slope, np.where(crossing, -0.5 * slope * lower, 0.0)


def difference_line(lower: Array, upper: Array) -> tuple[Array, Array, Array]:
    """Slope s, centre m and radius r: relu(x) - relu(y) lies within r of s (x - y) + m.

    x - y lies in [lower, upper], and relu(x) - relu(y) between zero and it, so with slope s in [0, 1] it is at most
    max(-s lower, (1 - s) upper) above s (x - y), and at least min((1 - s) lower, -s upper).
    """
    width = np.where(upper > lower, upper - lower, 1.0)
    slope = np.clip(np.where(upper > lower, upper / width, 0.5), 0.0, 1.0)
    above = np.maximum(np.maximum(-slope * lower, (1 - slope) * upper), 0.0)
    below = np.minimum(np.minimum((1 - slope) * lower, -slope * upper), 0.0)
    return slope, 0.5 * (above + below), 0.5 * (above - below)


def through_relu(f: Zonotope, g: Zonotope, delta: Zonotope) -> tuple[Zonotope, Zonotope, Zonotope]:
    """The three forms after a ReLU."""
    (f_lower, f_upper), (g_lower, g_upper) = f.bounds, g.bounds
    delta_lower, delta_upper = delta.bounds
    delta_lower = np.maximum(delta_lower, f_lower - g_upper)
    delta_upper = np.minimum(delta_upper, f_upper - g_lower)
    f_slope, f_radius = relu_line(f_lower, f_upper)
    g_slope, g_radius = relu_line(g_lower, g_upper)
    slope, middle, radius = difference_line(delta_lower, delta_upper)
    f_off, f_on, g_off, g_on = f_upper <= 0, f_lower >= 0, g_upper <= 0, g_lower >= 0
    both_open = ~(f_off | f_on | g_off | g_on)
    radius = np.where(both_open, radius, 0.0)

    counts = [int((r > 0).sum()) for r in (f_radius, g_radius, radius)]
    old = f.generators.shape[1]
    f, g, delta = (form.padded(sum(counts)) for form in (f, g, delta))
    f_after = with_errors(f.scaled(f_slope, f_radius), f_radius, old)
    g_after = with_errors(g.scaled(g_slope, g_radius), g_radius, old + counts[0])
    after = with_errors(delta.scaled(slope, middle), radius, old + counts[0] + counts[1])
    # A stable neuron leaves relu(x) - x or relu(y) - y or nothing to be relaxed.
    after = after.where(~both_open, f_after - g_after)
    after = after.where(f_on & ~g_off, delta - (g_after - g))
    after = after.where(g_on & ~f_off, delta + (f_after - f))
    return f_after, g_after, after


def difference_bounds(twin: twincert.Twin, box: twincert.Box) -> tuple[Array, Array]:
    """Bounds of every f_i - g_i (outputs,). ValueError unless both are ReLU networks of equal widths."""
    lower, upper = box.bounding_box
    free = np.flatnonzero(upper > lower)
    generators = np.zeros((len(lower), len(free)))
    generators[free, np.arange(len(free))] = 0.5 * (upper - lower)[free]
    f = g = Zonotope(0.5 * (lower + upper), generators)
    delta = f - g
    for pair in twin.stages:
        a, b = pair.reference, pair.compressed
        if not pair.paired or {a.activation.kind, b.activation.kind} - {"relu", "identity"}:
            raise ValueError("differential zonotopes: expected ReLU networks of equal widths")
        # W x - V y = (W - V) x + V (x - y)
        delta = f.affine(a.weight - b.weight, a.bias - b.bias) + delta.affine(b.weight, np.zeros_like(b.bias))
        f, g = f.affine(a.weight, a.bias), g.affine(b.weight, b.bias)
        if a.activation.kind == "relu":
            f, g, delta = through_relu(f, g, delta)
    (f_lower, f_upper), (g_lower, g_upper), (low, high) = f.bounds, g.bounds, delta.bounds
    return np.maximum(low, f_lower - g_upper), np.minimum(high, f_upper - g_lower)
