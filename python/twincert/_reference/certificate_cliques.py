"""The cliques of a certificate's relaxation in exact rationals: a form of every row, an interval of every product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from twincert._reference.certificate_rows import (
    ONE,
    ZERO,
    Form,
    Layer,
    StageData,
    Values,
    exponent,
    is_constant,
    layer_values,
    magnitude,
    preactivations,
)
from twincert._reference.intervals import Interval, intersect

Products = dict[tuple[int, int], Interval]


@dataclass
class Clique:
    """Rows as forms in the free variables with their intervals; intervals of products, keyed (i, j) with i >= j."""

    rows: list[Form]
    intervals: list[Interval]
    products: Products
    reach: list[Fraction]  # |v_j| <= reach_j
    previous: list[int]  # where the rows of the layer before its first stage stand
    current: list[int]  # and those of the layer after its last stage


class _Builder:
    """Rows while they are being collected."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.rows: list[Form] = [Form.unit(0, size)]
        self.intervals: list[Interval] = [(ONE, ONE)]
        self.facts: list[tuple[int, int, int]] = []

    def add(self, row: Form, interval: Interval) -> int:
        self.rows.append(row)
        self.intervals.append(interval)
        return len(self.rows) - 1

    def scaled(self, form: Form, value: Interval, reach: Fraction) -> int:
        """Add a row of size at most 1, scaled by at most 2^20 / reach (the size of what it is a difference of)."""
        scale = Fraction(2) ** exponent(max(magnitude(value), reach / 2**20))
        return self.add(form.affine(scale, ZERO), (value[0] * scale, value[1] * scale))

    def layer(
        self, layer: Layer, values: Values, columns: dict[int, int], left_out: Sequence[bool] | None = None
    ) -> list[int]:
        side = {"f": values.f, "g": values.g, "d": values.d}
        positions = []
        for r, row in enumerate(layer.rows):
            if left_out and left_out[r]:
                positions.append(-1)
                continue
            form = Form.unit(columns[r], self.size) if r in columns else row.row(side[row.side][row.neuron])
            positions.append(self.add(form, row.interval))
        return positions

    def products(self) -> Products:
        result: Products = {}
        for i, (a, b) in enumerate(self.intervals):
            for j, (c, d) in enumerate(self.intervals[: i + 1]):
                corners = (a * c, a * d, b * c, b * d)
                low, high = min(corners), max(corners)
                result[i, j] = (ZERO, high) if i == j and a <= 0 <= b else (low, high)
        for i, j, sign in self.facts:
            key = (max(i, j), min(i, j))
            low, high = result[key]
            result[key] = (max(low, ZERO) if sign >= 0 else low, min(high, ZERO) if sign <= 0 else high)
        return result


def build(
    stages: Sequence[StageData],
    previous: Layer,
    layers: Sequence[Layer],
    slope: Fraction,
    options: Mapping[str, Any],
) -> Clique:
    """The clique over successive stages: ``previous`` is the layer before the first, ``layers[k]`` the one after
    ``stages[k]``.

    Only the rows of ``previous`` that determine it, and then stage by stage those of ``layers`` whose neuron has a
    kink, are free variables; every other value is composed from the forms of the layer before.
    """
    columns = {row: 1 + j for j, row in enumerate(sorted(row for rows in previous.defining for row in rows.values()))}
    size = 1 + len(columns)
    given = []
    for stage, layer in zip(stages, layers, strict=True):
        given.append({row: size + j for j, row in enumerate(_variables(layer, _loose(stage.a), _loose(stage.b)))})
        size += len(given[-1])
    values = layer_values(previous, columns, size)
    builder = _Builder(size)
    shared = positions = builder.layer(previous, values, columns)
    for stage, layer, variables in zip(stages, layers, given, strict=True):
        sums = preactivations(stage, values)
        values = _after(stage, sums, layer, variables, slope, size)
        between = layer is not layers[-1]
        left_out = _linear(layer, stage) if between and options.get("unstable_only", False) else None
        positions = builder.layer(layer, values, variables, left_out)
        _activations(builder, stage, sums, layer, values, positions, slope, options)
    reach = [ONE] * size
    for row, interval in zip(builder.rows, builder.intervals, strict=True):
        nonzero = [j for j, c in enumerate(row.coefficients) if c]
        if len(nonzero) == 1 and row.coefficients[nonzero[0]] == 1:
            reach[nonzero[0]] = magnitude(interval) + row.error
    return Clique(builder.rows, builder.intervals, builder.products(), reach, shared, positions)


def _linear(layer: Layer, stage: StageData) -> list[bool]:
    """Which rows of the layer after a stage belong to neurons without a kink, in both networks if they are paired."""
    loose = {"f": _loose(stage.a), "g": _loose(stage.b)}
    sides = [("f", "g") if layer.paired else (row.side,) for row in layer.rows]
    return [not any(loose[side][row.neuron] for side in both) for row, both in zip(layer.rows, sides, strict=True)]


def _loose(before: list[Interval]) -> list[bool]:
    """Which neurons may be on either side of their kink."""
    return [low < 0 < high for low, high in before]


def _activations(
    builder: _Builder,
    stage: StageData,
    sums: Values,
    layer: Layer,
    after: Values,
    positions: list[int],
    slope: Fraction,
    options: Mapping[str, Any],
) -> None:
    """The rows of one stage's kinks: of every neuron f's, g's and the pair's; ``positions`` are those of the layer."""
    loose_f, loose_g = _loose(stage.a), _loose(stage.b)
    for i, rows in enumerate(layer.defining):
        f = g = None
        if i < len(loose_f) and loose_f[i]:
            f = _kink(builder, stage.a[i], sums.f[i], after.f[i], slope, options)
        if i < len(loose_g) and loose_g[i]:
            g = _kink(builder, stage.b[i], sums.g[i], after.g[i], slope, options)
        if layer.paired and (f or g) and "d" in rows:
            _pair(builder, stage.delta[i], sums.d[i], after.d[i], f, g, positions[rows["d"]], slope)


def _variables(current: Layer, loose_f: list[bool], loose_g: list[bool]) -> list[int]:
    """Rows of the current layer that are free variables, in the certificate's order."""
    result: list[int | None] = []
    for i, rows in enumerate(current.defining):
        f, g = i < len(loose_f) and loose_f[i], i < len(loose_g) and loose_g[i]
        if not current.paired or (f and g):
            result += [rows.get("g") if g else None, rows.get("f") if f else None, rows.get("d") if f and g else None]
        elif f:
            result.append(rows.get("f", rows.get("d")))
        elif g:
            result.append(rows.get("g" if is_constant(current.f[i]) else "d"))
    return [row for row in result if row is not None]


def _after(stage: StageData, sums: Values, current: Layer, given: dict[int, int], slope: Fraction, size: int) -> Values:
    """Forms of x, y, d after the activation: constants, linear pieces, variables, or what the others leave."""

    def own(i: int, side: str, before: Interval, a: Form) -> Form | None:
        values = current.f if side == "f" else current.g
        if is_constant(values[i]):
            return Form.constant(values[i], size)
        if not before[0] < 0 < before[1]:
            return a if before[0] >= 0 else a.affine(slope, ZERO)
        row = current.defining[i].get(side)
        return current.rows[row].value(given[row], size) if row in given and row is not None else None

    xs = [own(i, "f", v, a) for i, (v, a) in enumerate(zip(stage.a, sums.f, strict=True))]
    ys = [own(i, "g", v, a) for i, (v, a) in enumerate(zip(stage.b, sums.g, strict=True))]
    if not current.paired:
        return Values([x for x in xs if x], [y for y in ys if y], [])
    f, g, d = [], [], []
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        row = current.defining[i].get("d")
        if row is not None and row in given:
            gap = current.rows[row].value(given[row], size)
        elif x is None or y is None:
            gap = Form.constant(current.d[i], size)
        elif _same_piece(stage.a[i], stage.b[i]):
            gap = sums.d[i] if stage.a[i][0] >= 0 else sums.d[i].affine(slope, ZERO)
        else:
            gap = x.plus(-ONE, y)
        x = x if x is not None else y.plus(ONE, gap) if y is not None else None
        if x is None:
            raise ValueError(f"expected x or y of neuron {i} among the variables")
        f.append(x)
        g.append(y if y is not None else x.plus(-ONE, gap))
        d.append(gap)
    return Values(f, g, d)


def _same_piece(a: Interval, b: Interval) -> bool:
    return (a[0] >= 0 and b[0] >= 0) or (a[1] <= 0 and b[1] <= 0 and a[0] < 0 and b[0] < 0)


def _kink(
    builder: _Builder, before: Interval, a: Form, x: Form, slope: Fraction, options: Mapping[str, Any]
) -> tuple[int, int]:
    """Rows (1 - s) max(a, 0) = x - s a and (1 - s) max(-a, 0) = x - a, whose product is zero."""
    found = []
    reach = magnitude(before)
    for form, top in ((x.plus(-slope, a), (1 - slope) * before[1]), (x.plus(-ONE, a), (1 - slope) * -before[0])):
        found.append((builder.scaled(form, (ZERO, top), reach), form, top))
    builder.facts.append((found[0][0], found[1][0], 0))
    if options["slack_rows"]:
        for _, form, top in found:
            builder.scaled(form.affine(-ONE, top), (ZERO, top), reach)
    return found[0][0], found[1][0]


def _pair(
    builder: _Builder,
    delta: Interval,
    change: Form,
    d: Form,
    f: tuple[int, int] | None,
    g: tuple[int, int] | None,
    row: int,
    slope: Fraction,
) -> None:
    """The slope restriction and the sign facts at the scale of the difference."""
    narrow = 1 - slope
    opposite = (narrow * min(ZERO, -delta[1]), narrow * max(ZERO, -delta[0]))
    if magnitude(opposite) == 0:
        return
    e = builder.scaled(d.plus(-ONE, change), opposite, magnitude(delta))
    h = row
    if slope:
        same = (narrow * min(ZERO, delta[0]), narrow * max(ZERO, delta[1]))
        h = builder.scaled(d.plus(-slope, change), same, magnitude(delta))
    builder.facts.append((h, e, -1))
    if f and g:
        builder.facts += [(f[0], e, -1), (g[0], e, 1), (f[1], h, -1), (g[1], h, 1)]


def agree(left: Clique, right: Clique) -> None:
    """Both copies of a shared product get the intersection of their intervals."""
    for p, (i, k) in enumerate(zip(left.current, right.previous, strict=True)):
        for j, m in list(zip(left.current, right.previous, strict=True))[: p + 1]:
            both = intersect(left.products[i, j], right.products[k, m])
            left.products[i, j] = right.products[k, m] = both
