"""Rows, cliques and entry intervals (section 2), for ReLU and leaky ReLU twins of equal depth.

Leaky ReLU of slope s is handled through the parts p = max(a, 0), q = max(-a, 0): a = p - q and act(a) = p - s q, so
every ReLU fact holds for p and q; ReLU is s = 0. Widths of f and g may differ in a layer, which then has no
difference rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from twincert._reference.crown import TwinIntervals, activation_difference
from twincert._reference.network import Activation, Array, Layers

Mask = NDArray[np.bool_]
NARROW = 1e-12  # intervals narrower than this are treated as fixed: their rows are dropped


@dataclass(frozen=True)
class Row:
    """One row: vector . v lies in [lower, upper]; ``scale`` and ``centre`` recover the raw quantity scale * row +
    centre.
    """

    family: str
    neuron: int
    vector: Array
    lower: float
    upper: float
    scale: float
    centre: float


@dataclass
class Clique:
    """Rows over the free variables v = (1, layer k-1, unstable neurons of layer k), with an interval for every entry of
    M = E[r r'].
    """

    rows: list[Row]
    previous: list[int]  # rows of layer k-1 (shared with the clique before)
    current: list[int]  # rows of layer k (shared with the clique after)
    T: Array = field(init=False)
    LO: Array = field(init=False)
    HI: Array = field(init=False)

    def __post_init__(self) -> None:
        """Form T and the interval products."""
        self.T = np.array([row.vector for row in self.rows])
        low, high = np.array([row.lower for row in self.rows]), np.array([row.upper for row in self.rows])
        products = np.stack([np.outer(a, b) for a in (low, high) for b in (low, high)])
        self.LO, self.HI = products.min(0), products.max(0)
        square = np.where((low < 0) & (high > 0), 0.0, np.minimum(low**2, high**2))
        np.fill_diagonal(self.LO, square)

    def sign(self, i: int, j: int, sign: int) -> None:
        """Entry (i, j) has this sign; 0 means that it vanishes."""
        for a, b in ((i, j), (j, i)):
            if sign <= 0:
                self.HI[a, b] = min(self.HI[a, b], 0.0)
            if sign >= 0:
                self.LO[a, b] = max(self.LO[a, b], 0.0)


@dataclass(frozen=True)
class _Side:
    """One network's share of a layer: expressions in the free variables and intervals, per neuron."""

    value: Array  # x or y
    positive: Array  # max(a, 0); equals value on the input layer
    negative: Array  # max(-a, 0)
    lower: Array
    upper: Array
    before: tuple[Array, Array]  # interval of a
    unstable: Mask


@dataclass(frozen=True)
class _Layer:
    reference: _Side
    compressed: _Side
    difference: tuple[Array, Array] | None
    delta: tuple[Array, Array] | None
    is_input: bool
    shared: bool


def cliques(reference: Layers, compressed: Layers, proven: TwinIntervals, slope: float = 0.0) -> list[Clique]:
    """The chain of cliques, one per hidden layer."""
    result = []
    hidden = len(reference) - 1
    activation = Activation("leaky_relu", slope) if slope else Activation()
    shared = not proven.input_difference.any()
    for k in range(hidden):
        widths = [_widths(reference, proven, k), _widths(compressed, proven, k)]
        unstable = [(low < 0) & (high > 0) for low, high in (proven.reference[k], proven.compressed[k])]
        share = k == 0 and shared
        size = 1 + widths[0] + (0 if share else widths[1]) + int(unstable[0].sum()) + int(unstable[1].sum())
        unit = np.eye(size)
        x = unit[1 : 1 + widths[0]]
        y = x if share else unit[1 + widths[0] : 1 + widths[0] + widths[1]]
        free = 1 + widths[0] + (0 if share else widths[1])
        before = _previous(proven, k, x, y, activation, slope, shared)
        sides = []
        pairs = ((reference, before.reference, proven.reference), (compressed, before.compressed, proven.compressed))
        for (layers, side, intervals), loose in zip(pairs, unstable, strict=True):
            sums = layers[k][0] @ side.value
            sums[:, 0] += layers[k][1]
            sides.append(_side(sums, intervals[k], loose, unit[free : free + int(loose.sum())], activation, slope))
            free += int(loose.sum())
        result.append(_clique(unit[0], before, _layer(proven, k, sides[0], sides[1], slope), slope))
    return result


def _widths(layers: Layers, proven: TwinIntervals, k: int) -> int:
    return len(proven.lower) if k == 0 else len(layers[k - 1][0])


def _side(
    sums: Array, before: tuple[Array, Array], unstable: Mask, columns: Array, activation: Activation, slope: float
) -> _Side:
    positive = np.where((before[0] >= 0)[:, None], sums, 0.0)
    if unstable.any():
        # the free variable is the activation's value phi = p - s q, with a = p - q: p = (phi - s a) / (1 - s)
        positive[unstable] = (columns - slope * sums[unstable]) / (1.0 - slope)
    negative = positive - sums
    return _Side(
        positive - slope * negative, positive, negative, activation(before[0]), activation(before[1]), before, unstable
    )


def _previous(
    proven: TwinIntervals, k: int, x: Array, y: Array, activation: Activation, slope: float, shared: bool
) -> _Layer:
    if k == 0:
        gap = proven.input_difference
        none = np.zeros(len(x), dtype=bool)
        boxes = ((proven.lower, proven.upper), (proven.lower - gap, proven.upper + gap))
        f, g = (_Side(v, v, 0 * v, *box, box, none) for v, box in zip((x, y), boxes, strict=True))
        return _Layer(f, g, (-gap, gap), None, True, shared)
    sides = []
    for values, (low, high) in ((x, proven.reference[k - 1]), (y, proven.compressed[k - 1])):
        dead = (high <= 0) & (slope == 0.0)
        value = np.where(dead[:, None], 0.0, values)  # a dead neuron vanishes from the next clique too
        sides.append(
            _Side(
                value, value, 0 * value, activation(low), activation(high), (low, high), np.zeros(len(low), dtype=bool)
            )
        )
    return _layer(proven, k - 1, sides[0], sides[1], slope)


def _layer(proven: TwinIntervals, k: int, f: _Side, g: _Side, slope: float) -> _Layer:
    delta = proven.difference[k]
    difference = None if delta is None else activation_difference(f.before, g.before, delta, slope)
    return _Layer(f, g, difference, delta, False, False)


def _clique(one: Array, before: _Layer, layer: _Layer, slope: float) -> Clique:
    rows = [Row("one", 0, one, 1.0, 1.0, 1.0, 0.0)]
    rows += (previous := _value_rows(one, before))
    rows += (current := _value_rows(one, layer))
    parts: list[Row] = []
    for name, side in (("f", layer.reference), ("g", layer.compressed)):
        for i in np.flatnonzero(side.unstable).tolist():
            low, high = side.before[0][i], side.before[1][i]
            for family, vector, scale in (("p", side.positive[i], high), ("q", side.negative[i], -low)):
                parts.append(Row(f"{family}{name}", i, vector / scale, 0.0, 1.0, scale, 0.0))
                parts.append(Row(f"{family}{name} slack", i, one - vector / scale, 0.0, 1.0, -scale, scale))
    rows += parts + _pair_rows(layer, slope)
    clique = Clique(
        rows, list(range(1, 1 + len(previous))), list(range(1 + len(previous), 1 + len(previous) + len(current)))
    )
    at = {(row.family, row.neuron): j for j, row in enumerate(rows) if j > len(previous)}
    positive_difference = "d" if slope == 0.0 else "dp"
    facts = (  # (row, row, sign): complementarity, slope restriction, phi_f psi_g and phi_g psi_f >= 0 at d's scale
        ("pf", "qf", 0),
        ("pg", "qg", 0),
        (positive_difference, "e", -1),
        ("pf", "e", -1),
        ("pg", "e", 1),
        ("qf", positive_difference, -1),
        ("qg", positive_difference, 1),
    )
    for i in range(max(len(layer.reference.lower), len(layer.compressed.lower))):
        for first, second, sign in facts:
            if (first, i) in at and (second, i) in at:
                clique.sign(at[first, i], at[second, i], sign)
    return clique


def _centred(family: str, one: Array, i: int, vector: Array, low: float, high: float) -> list[Row]:
    centre, radius = (low + high) / 2, (high - low) / 2
    return [Row(family, i, (vector - centre * one) / radius, -1.0, 1.0, radius, centre)] if radius > NARROW else []


def _scaled(family: str, i: int, vector: Array, low: float, high: float) -> list[Row]:
    scale = max(abs(low), abs(high))
    return [Row(family, i, vector / scale, low / scale, high / scale, scale, 0.0)] if scale > NARROW else []


def _value_rows(one: Array, layer: _Layer) -> list[Row]:
    f, g = layer.reference, layer.compressed
    rows: list[Row] = []
    for i in range(len(g.lower)):
        rows += _centred("y", one, i, g.value[i], g.lower[i], g.upper[i])
    if layer.is_input and layer.shared:
        return rows
    for i in range(len(f.lower)):
        rows += _centred("x", one, i, f.value[i], f.lower[i], f.upper[i])
    if layer.difference is not None:
        for i, (low, high) in enumerate(zip(*layer.difference, strict=True)):
            rows += _scaled("d", i, f.value[i] - g.value[i], low, high)
            rows += _centred("d centred", one, i, f.value[i] - g.value[i], low, high)
    return rows


def _pair_rows(layer: _Layer, slope: float) -> list[Row]:
    f, g = layer.reference, layer.compressed
    rows: list[Row] = []
    if layer.delta is None:
        return rows
    for i in np.flatnonzero(f.unstable | g.unstable).tolist():
        low, high = layer.delta[0][i], layer.delta[1][i]
        rows += _scaled("e", i, f.negative[i] - g.negative[i], min(0.0, -high), max(0.0, -low))
        if slope:
            rows += _scaled("dp", i, f.positive[i] - g.positive[i], min(0.0, low), max(0.0, high))
    return rows
