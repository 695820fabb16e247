"""Measures of two outputs, the rows that bound them, and the bound that follows from the rows' maxima, in exact
rationals.

A measure is what the certificate's JSON says: ``{"kind": "margin", "output": 0, "other": 2}``. Differences are
d = f - g. Of the measure "two" every function here gives the square.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

ZERO = Fraction(0)
Weights = list[int]


def value(measure: Mapping[str, Any], f: Sequence[Fraction], g: Sequence[Fraction]) -> Fraction:
    """The measure at the outputs f and g."""
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
    if kind == "two":
        return sum((v * v for v in d), ZERO)
    if kind == "one":
        return sum((abs(v) for v in d), ZERO)
    return max(abs(v) for v in d)


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
    if kind in ("two", "one"):
        reach = [max(ZERO, bounds[2 * i], bounds[2 * i + 1]) for i in range(outputs)]
        return sum((r * r for r in reach), ZERO) if kind == "two" else sum(reach, ZERO)
    return max(ZERO, *bounds)
