"""The rows of a certificate's relaxation, derived again from its stage enclosures in exact rationals.

Covers what small cases need: chains of equal depth with ReLU or leaky ReLU (slope s), a box as the input set, inputs
that may differ, and no reduction of the inputs. The order of the rows and variables is the certificate's; scales are
powers of two and centres floats, so an order or a scale that disagrees costs tightness, never truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from twincert._reference.intervals import Interval, intersect

ZERO, ONE = Fraction(0), Fraction(1)
NEGLIGIBLE = Fraction(1e-13)
VANISHING = Fraction(1, 2**500)


@dataclass(frozen=True)
class Form:
    """coefficients . v + e with |e| <= error for every point of the set; v_0 = 1."""

    coefficients: list[Fraction]
    error: Fraction = ZERO

    @staticmethod
    def constant(interval: Interval, size: int) -> Form:
        """The value of a quantity of which only a (tiny) interval is known."""
        return Form([sum(interval, ZERO) / 2] + [ZERO] * (size - 1), (interval[1] - interval[0]) / 2)

    @staticmethod
    def unit(column: int, size: int) -> Form:
        """The variable itself."""
        return Form([ONE if j == column else ZERO for j in range(size)])

    def plus(self, factor: Fraction, other: Form) -> Form:
        """Self + factor * other."""
        sums = [a + factor * b for a, b in zip(self.coefficients, other.coefficients, strict=True)]
        return Form(sums, self.error + abs(factor) * other.error)

    def affine(self, factor: Fraction, offset: Fraction) -> Form:
        """Factor * self + offset."""
        scaled = [factor * a for a in self.coefficients]
        return Form([scaled[0] + offset, *scaled[1:]], abs(factor) * self.error)


def magnitude(interval: Interval) -> Fraction:
    """The largest absolute value."""
    return max(abs(interval[0]), abs(interval[1]))


def is_constant(interval: Interval) -> bool:
    """Narrow enough to be treated as a constant."""
    size = magnitude(interval)
    return interval[1] - interval[0] <= NEGLIGIBLE * size or size < VANISHING


def exponent(size: Fraction) -> int:
    """Smallest e with size <= 2^-e, so that scaling by 2^e brings the size into (1/2, 1]; 0 for zero."""
    if size == 0:
        return 0
    power = math.frexp(float(size))[1]
    while size > Fraction(2) ** power:
        power += 1
    while size <= Fraction(2) ** (power - 1):
        power -= 1
    return -power


def activate(interval: Interval, slope: Fraction) -> Interval:
    """Image under max(a, slope a)."""
    return max(interval[0], slope * interval[0]), max(interval[1], slope * interval[1])


def difference_image(a: Interval, b: Interval, delta: Interval, slope: Fraction) -> Interval:
    """The exact range of act(s) - act(t), s in a, t in b, s - t in delta, for the convex act = max(., slope .)."""
    act: Callable[[Fraction], Fraction] = lambda value: max(value, slope * value)  # noqa: E731

    def most(s: Interval, t: Interval, gap: Fraction) -> Fraction:
        gap = min(gap, s[1] - t[0])
        if gap >= 0:  # act(s) - act(s - gap) grows with s
            return act(s[1]) - act(max(t[0], s[1] - gap))
        low = max(s[0], t[0] + gap)
        return act(low) - act(low - gap)

    return -most(b, a, -delta[0]), most(a, b, delta[1])


@dataclass(frozen=True)
class SharedRow:
    """(value - centre) 2^power of x ("f"), y ("g") or d ("d") of one neuron."""

    side: str
    neuron: int
    centre: Fraction
    power: int
    interval: Interval

    @staticmethod
    def make(side: str, neuron: int, value: Interval, centred: bool) -> SharedRow:
        """Centre at the middle and scale by the radius, both as floats compute them, or scale about zero."""
        low, high = float(value[0]), float(value[1])
        centre = 0.5 * low + 0.5 * high if centred else 0.0
        radius = max(math.nextafter(high - centre, math.inf), math.nextafter(centre - low, math.inf))
        power = exponent(Fraction(radius) if centred else magnitude(value))
        return SharedRow._scaled(side, neuron, value, Fraction(centre), power)

    @staticmethod
    def _scaled(side: str, neuron: int, value: Interval, centre: Fraction, power: int) -> SharedRow:
        scale = Fraction(2) ** power
        return SharedRow(side, neuron, centre, power, ((value[0] - centre) * scale, (value[1] - centre) * scale))

    def value(self, column: int, size: int) -> Form:
        """The quantity, when the row is a variable."""
        return Form.unit(column, size).affine(Fraction(2) ** -self.power, self.centre)

    def row(self, value: Form) -> Form:
        """The row, from a form of the quantity."""
        return value.affine(Fraction(2) ** self.power, -self.centre * Fraction(2) ** self.power)


@dataclass
class Layer:
    """Intervals of x, y and d = x - y (empty when unpaired), and the rows that two neighbouring cliques share."""

    f: list[Interval]
    g: list[Interval]
    d: list[Interval]
    rows: list[SharedRow] = field(default_factory=list)
    defining: list[dict[str, int]] = field(default_factory=list)

    @property
    def paired(self) -> bool:
        """Whether neuron i of f is compared with neuron i of g."""
        return len(self.d) > 0

    def negligible(self, i: int) -> bool:
        """Whether d_i is treated as a constant."""
        return is_constant(self.d[i]) or magnitude(self.d[i]) <= NEGLIGIBLE * max(
            magnitude(self.f[i]), magnitude(self.g[i])
        )

    def add(self, side: str, i: int, value: Interval, centred: bool, defines: bool = True) -> None:
        """Append a row."""
        if defines:
            self.defining[i][side] = len(self.rows)
        self.rows.append(SharedRow.make(side, i, value, centred))


def shared_rows(layer: Layer, options: Mapping[str, Any]) -> Layer:
    """Fill in the rows: y, then x, then d; in a paired layer x only where y is constant or ``reference_rows`` asks for
    it.
    """
    layer.defining = [{} for _ in range(max(len(layer.f), len(layer.g)))]
    for i, value in enumerate(layer.g):
        if not is_constant(value):
            layer.add("g", i, value, True)
    for i, value in enumerate(layer.f):
        if is_constant(value):
            continue
        if not layer.paired or "g" not in layer.defining[i]:
            layer.add("f", i, value, True)
        elif options["reference_rows"] and not layer.negligible(i):
            layer.add("f", i, value, True, defines=False)
    for i, value in enumerate(layer.d):
        if is_constant(layer.f[i]) or is_constant(layer.g[i]) or layer.negligible(i):
            continue
        layer.add("d", i, value, False)
        if options["centred_difference"]:
            layer.add("d", i, value, True, defines=False)
    return layer


@dataclass(frozen=True)
class Values:
    """Forms of x, y and d of a layer."""

    f: list[Form]
    g: list[Form]
    d: list[Form]


def layer_values(layer: Layer, columns: dict[int, int], size: int) -> Values:
    """x, y, d from the variables: ``columns`` maps defining rows to columns."""
    f, g, d = ([Form.constant(v, size) for v in side] for side in (layer.f, layer.g, layer.d))

    def defined(i: int, side: str) -> Form | None:
        row = layer.defining[i].get(side)
        return None if row is None else layer.rows[row].value(columns[row], size)

    for i in range(len(layer.defining)):
        x, y, gap = defined(i, "f"), defined(i, "g"), defined(i, "d")
        if y is not None:
            g[i] = y
        if x is not None:
            f[i] = x
        if not layer.paired:
            continue
        if gap is not None:
            d[i] = gap
            f[i] = g[i].plus(ONE, gap)
        elif x is not None or (y is not None and f[i].error <= d[i].error):
            d[i] = f[i].plus(-ONE, g[i])
        elif y is not None:
            f[i] = g[i].plus(ONE, d[i])
    return Values(f, g, d)


@dataclass(frozen=True)
class StageData:
    """One stage of both networks in rationals, and its claimed enclosures (a_f, a_g, delta)."""

    f: list[list[Fraction]]
    g: list[list[Fraction]]
    bf: list[Fraction]
    bg: list[Fraction]
    a: list[Interval]
    b: list[Interval]
    delta: list[Interval]

    def layer(self, slope: Fraction) -> Layer:
        """Intervals after the activation."""
        gaps = (
            [
                difference_image(
                    *(intersect(p, (q[0] + r[0], q[1] + r[1])), intersect(q, (p[0] - r[1], p[1] - r[0]))), r, slope
                )
                for p, q, r in zip(self.a, self.b, self.delta, strict=True)
            ]
            if self.delta
            else []
        )
        return Layer([activate(v, slope) for v in self.a], [activate(v, slope) for v in self.b], gaps)


def combine(row: list[Fraction], forms: list[Form], start: Form) -> Form:
    """start + row . forms."""
    for w, form in zip(row, forms, strict=True):
        if w:
            start = start.plus(w, form)
    return start


def preactivations(stage: StageData, x: Values) -> Values:
    """a_f, a_g and delta = W d + (W - V) y + (b - c)."""
    size = len((x.f or x.g)[0].coefficients)
    const: Callable[[Fraction], Form] = lambda value: Form.constant((value, value), size)  # noqa: E731
    f = [combine(row, x.f, const(c)) for row, c in zip(stage.f, stage.bf, strict=True)]
    g = [combine(row, x.g, const(c)) for row, c in zip(stage.g, stage.bg, strict=True)]
    if not stage.delta:
        return Values(f, g, [])
    if not x.d:
        return Values(f, g, [p.plus(-ONE, q) for p, q in zip(f, g, strict=True)])
    gaps = [[v - w for v, w in zip(p, q, strict=True)] for p, q in zip(stage.f, stage.g, strict=True)]
    offsets = [p - q for p, q in zip(stage.bf, stage.bg, strict=True)]
    d = [combine(p, x.d, combine(q, x.g, const(c))) for p, q, c in zip(stage.f, gaps, offsets, strict=True)]
    return Values(f, g, d)
