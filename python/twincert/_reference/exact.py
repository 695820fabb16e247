"""Network evaluation in exact rational arithmetic: floats are dyadic rationals, so nothing is rounded anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from twincert._reference.network import RELU, Activation, Layers

Vector = list[Fraction]


def rational(values: Sequence[float] | Sequence[Fraction]) -> Vector:
    """The exact values of a sequence of floats (infinities and NaN raise OverflowError or ValueError)."""
    return [value if isinstance(value, Fraction) else Fraction(float(value)) for value in values]


def activate(value: Fraction, activation: Activation) -> Fraction:
    """The activation at one rational number."""
    if activation.kind == "identity":
        return value
    if activation.kind == "relu":
        return max(value, Fraction(0))
    if activation.kind == "leaky_relu":
        return max(value, Fraction(activation.slope) * value)
    if activation.kind == "clip":
        return _clipped(value, activation)
    if activation.kind in ("quantize", "quantize_even"):
        step = Fraction(activation.step)
        even = activation.kind == "quantize_even"
        index = round(value / step) if even else _away(value / step)  # Python's round takes ties to even
        return _clipped(index * step, activation)
    raise ValueError(f"expected a piecewise-linear activation, found {activation.kind!r}")


def _clipped(value: Fraction, activation: Activation) -> Fraction:
    """Clipped; either limit may be infinite."""
    raised = value if activation.lower == -math.inf else max(value, Fraction(activation.lower))
    return raised if activation.upper == math.inf else min(raised, Fraction(activation.upper))


def _away(value: Fraction) -> int:
    """The nearest integer, ties away from zero."""
    index = math.floor(abs(value) + Fraction(1, 2))
    return index if value >= 0 else -index


def affine(weight: Sequence[Sequence[float]], bias: Sequence[float], x: Vector) -> Vector:
    """W x + b, exactly."""
    return [
        sum((Fraction(float(w)) * v for w, v in zip(row, x, strict=True)), Fraction(float(c)))
        for row, c in zip(weight, bias, strict=True)
    ]


def evaluate(layers: Layers, x: Sequence[float] | Vector, activation: Activation = RELU) -> Vector:
    """The exact output of the network at one point."""
    values = rational(x)
    for k, (weight, bias) in enumerate(layers):
        values = affine(weight.tolist(), bias.tolist(), values)
        if k < len(layers) - 1:
            values = [activate(v, activation) for v in values]
    return values


def error(
    reference: Layers,
    compressed: Layers,
    x: Sequence[float] | Vector,
    y: Sequence[float] | Vector | None = None,
    activation: Activation = RELU,
) -> Vector:
    """f(x) - g(y), exactly; y is x when it is not given."""
    f = evaluate(reference, x, activation)
    g = evaluate(compressed, x if y is None else y, activation)
    return [a - b for a, b in zip(f, g, strict=True)]
