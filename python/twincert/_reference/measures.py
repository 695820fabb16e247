"""Measures of two outputs, the rows that bound them, and the bound that follows from the rows' maxima, in exact
rationals.

A measure is what the certificate's JSON says: ``{"kind": "margin", "output": 0, "other": 2}``. Differences are
d = f - g. Of the measure "two" every function here gives the square; of "affine" the values are its lower bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

ZERO = Fraction(0)
Weights = list[int]


def value(
    measure: Mapping[str, Any],
    x: Sequence[Fraction],
    y: Sequence[Fraction],
    f: Sequence[Fraction],
    g: Sequence[Fraction],
) -> Fraction:
    """The measure at the inputs x and y and the outputs f and g."""
    d = [a - b for a, b in zip(f, g, strict=True)]

    def change(output: int) -> Fraction:
        return d[output]

    kind = measure["kind"]
    if kind == "output":
        return abs(change(measure["output"]))
    if kind == "margin":
        return abs(change(measure["output"]) - change(measure["other"]))
    if kind == "top1":
        winner = max(range(len(f)), key=lambda k: f[k])
        others = [k for k in range(len(f)) if k != winner]
        if not any(g[k] >= g[winner] for k in others):
            return ZERO
        return f[winner] - max(f[k] for k in others)
    if kind in ("two", "affine"):
        return sum((v * v for v in d), ZERO) * (share(measure, x, y) if kind == "affine" else 1)
    if kind == "one":
        return sum((abs(v) for v in d), ZERO)
    return max(abs(v) for v in d)


def affine_input(measure: Mapping[str, Any], x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    """The q of |f - g|^2 <= gamma_x q + gamma."""
    v = x if measure["of"] == "input" else [a - b for a, b in zip(x, y, strict=True)]
    return sum((a * a for a in v), ZERO)


def share(measure: Mapping[str, Any], x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    """min(weight, weight_x / q)."""
    q, weight_x, weight = affine_input(measure, x, y), Fraction(measure["weight_x"]), Fraction(measure["weight"])
    return min(weight, weight_x / q) if q else weight


def rows(measure: Mapping[str, Any], outputs: int) -> list[tuple[Weights, Weights]]:
    """What is to be bounded from above: weights of f and of g."""

    def unit(plus: int | None, minus: int | None = None) -> Weights:
        return [(k == plus) - (k == minus) for k in range(outputs)]

    def difference(plus: int | None, minus: int | None = None) -> tuple[Weights, Weights]:
        return unit(plus, minus), unit(minus, plus)

    kind = measure["kind"]
    if kind in ("output", "margin"):
        i, j = measure["output"], measure.get("other")
        return [difference(i, j), difference(j, i)]
    if kind == "top1":
        zero = [0] * outputs
        triples = (
            ((unit(i, j), zero), (zero, unit(j, i)), difference(i, j)) for i, j in permutations(range(outputs), 2)
        )
        return [row for triple in triples for row in triple]
    return [row for i in range(outputs) for row in (difference(i), difference(None, i))]


def upper(measure: Mapping[str, Any], outputs: int, maxima: Sequence[Fraction], errors: Sequence[Fraction]) -> Fraction:
    """The bound that follows from the rows' maxima when every output errs by ``errors`` at most; nothing rounded."""
    bounds = [
        maximum + sum((e for e, a, b in zip(errors, *row, strict=True) if a or b), ZERO)
        for maximum, row in zip(maxima, rows(measure, outputs), strict=True)
    ]
    kind = measure["kind"]
    if kind == "top1":
        pairs = list(permutations(range(outputs), 2))
        confidence = {pair: bounds[3 * p] for p, pair in enumerate(pairs)}
        shares = [ZERO]
        for p, (i, _) in enumerate(pairs):
            if bounds[3 * p + 1] >= 0:
                shares.append(min(bounds[3 * p + 2], *(confidence[i, k] for k in range(outputs) if k != i)))
        return max(shares)
    if kind in ("two", "one", "affine"):
        reach = [max(ZERO, bounds[2 * i], bounds[2 * i + 1]) for i in range(outputs)]
        squares = sum((r * r for r in reach), ZERO)
        return {"two": squares, "one": sum(reach, ZERO), "affine": Fraction(measure.get("weight", 1)) * squares}[kind]
    return max(ZERO, *bounds)
