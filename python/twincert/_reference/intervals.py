"""Forward interval and differential interval bounds in exact rationals: what interval arithmetic can prove without any
rounding.

The differential part is ReluDiff's forward pass (Paulsen, Wang, Wang, ICSE 2020): delta = W d + (W - V) y + (b - c),
and the mirror delta = V d + (W - V) x + (b - c); the smaller interval of the two and of a_f - a_g is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from twincert._reference.exact import activate
from twincert._reference.network import RELU, Activation, Layers

Interval = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class StageIntervals:
    """Intervals of a_f, a_g and, when the widths agree, of a_f - a_g before one stage's activation."""

    reference: list[Interval]
    compressed: list[Interval]
    difference: list[Interval]


def box(lower: Sequence[float], upper: Sequence[float]) -> list[Interval]:
    """The exact intervals of a box given in floats."""
    return [(Fraction(float(a)), Fraction(float(b))) for a, b in zip(lower, upper, strict=True)]


def linear(row: Sequence[Fraction], x: Sequence[Interval], constant: Fraction) -> Interval:
    """The exact range of row . x + constant over a box."""
    low = high = constant
    for w, (a, b) in zip(row, x, strict=True):
        low += w * (a if w >= 0 else b)
        high += w * (b if w >= 0 else a)
    return low, high


def intersect(*intervals: Interval) -> Interval:
    """The common part of intervals that all hold."""
    return max(i[0] for i in intervals), min(i[1] for i in intervals)


def difference_image(a: Interval, b: Interval, delta: Interval, activation: Activation) -> Interval:
    """Enclose act(s) - act(t) for s in a, t in b, s - t in delta: difference quotients of all activations here lie in
    [0, 1].
    """
    image = (
        activate(a[0], activation) - activate(b[1], activation),
        activate(a[1], activation) - activate(b[0], activation),
    )
    if activation.kind == "identity" or (activation.kind in ("relu", "leaky_relu") and a[0] >= 0 and b[0] >= 0):
        return intersect(delta, image)
    if activation.kind == "relu" and a[1] <= 0 and b[1] <= 0:
        return Fraction(0), Fraction(0)
    least = Fraction(activation.slope) if activation.kind == "leaky_relu" else Fraction(0)
    low = delta[0] if delta[0] < 0 else least * delta[0]
    high = delta[1] if delta[1] > 0 else least * delta[1]
    return intersect((low, high), image)


def forward(
    reference: Layers,
    compressed: Layers,
    x: list[Interval],
    input_difference: list[Interval] | None = None,
    activation: Activation = RELU,
) -> list[StageIntervals]:
    """Bounds of every stage of a twin of equal depth over the box; widths may differ (then ``difference`` is empty
    there).

    ``input_difference`` holds the intervals of x_i - y_i, by default zero; y then ranges over x minus them.
    """
    zero = (Fraction(0), Fraction(0))
    d: list[Interval] = input_difference if input_difference is not None else [zero] * len(x)
    y = [(a - v, b - u) for (a, b), (u, v) in zip(x, d, strict=True)]
    stages = []
    for k, ((wf, bf), (wg, bg)) in enumerate(zip(reference, compressed, strict=True)):
        f = [[Fraction(float(w)) for w in row] for row in wf]
        g = [[Fraction(float(w)) for w in row] for row in wg]
        cf, cg = [Fraction(float(c)) for c in bf], [Fraction(float(c)) for c in bg]
        af = [linear(row, x, c) for row, c in zip(f, cf, strict=True)]
        ag = [linear(row, y, c) for row, c in zip(g, cg, strict=True)]
        delta: list[Interval] = []
        if len(af) == len(ag):
            apart = [(a[0] - b[1], a[1] - b[0]) for a, b in zip(af, ag, strict=True)]
            delta = [_difference(f[i], g[i], x, y, d, cf[i] - cg[i], apart[i]) for i in range(len(f))] if d else apart
        stages.append(StageIntervals(af, ag, delta))
        if k < len(reference) - 1:
            x = [(activate(a, activation), activate(b, activation)) for a, b in af]
            y = [(activate(a, activation), activate(b, activation)) for a, b in ag]
            d = [difference_image(p, q, r, activation) for p, q, r in zip(af, ag, delta, strict=True)] if delta else []
    return stages


def _difference(
    f: list[Fraction],
    g: list[Fraction],
    x: list[Interval],
    y: list[Interval],
    d: list[Interval],
    constant: Fraction,
    apart: Interval,
) -> Interval:
    gap = [p - q for p, q in zip(f, g, strict=True)]
    through_y = linear([*f, *gap], [*d, *y], constant)
    through_x = linear([*g, *gap], [*d, *x], constant)
    return intersect(through_y, through_x, apart)
