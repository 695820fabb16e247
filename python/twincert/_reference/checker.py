"""An independent checker of certificates: the semidefinite bounds recomputed in exact rationals, without the C++.

What it proves: given the stage enclosures that the certificate claims, every objective is at most the bound found
here, for networks as functions of real numbers. The enclosures themselves are held against exact interval arithmetic;
those that only backward propagation proves are counted in ``unproven_enclosures``. See ``certificate_rows`` for what
it covers.
"""

from __future__ import annotations

import base64
import itertools
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from twincert._reference import certificate_cliques, intervals
from twincert._reference.certificate_cliques import Clique
from twincert._reference.certificate_rows import (
    ZERO,
    Form,
    Layer,
    StageData,
    layer_values,
    magnitude,
    preactivations,
    shared_rows,
)
from twincert._reference.intervals import Interval
from twincert._reference.network import Activation, Array, Layers

Triangle = list[list[Fraction]]


@dataclass(frozen=True)
class ExactObjective:
    """One objective: what the certificate claims and what the exact recomputation proves (infinite when sizes do not
    fit).
    """

    kind: str
    weights: list[float]
    claimed: float
    proven: Fraction | None


@dataclass(frozen=True)
class ExactReport:
    """All objectives, and how many claimed enclosures exact interval arithmetic alone does not prove."""

    objectives: list[ExactObjective]
    unproven_enclosures: int

    @property
    def valid(self) -> bool:
        """Whether every claimed objective bound is proven (from the claimed enclosures)."""
        return all(o.proven is not None and o.proven <= Fraction(o.claimed) for o in self.objectives)


def check(content: Mapping[str, Any], reference: Layers, compressed: Layers, slope: float = 0.0) -> ExactReport:
    """Recompute the objectives of a certificate's JSON content for two chains of equal depth.

    Raises ValueError for a set, a reduction of inputs or a depth that is not covered.
    """
    proof, region = content["proof"], content["input_set"]
    if region["kind"] != "box":
        raise ValueError(f"expected a box, found a {region['kind']}")
    if len(reference) != len(compressed):
        raise ValueError(f"expected equal depth, found {len(reference)} and {len(compressed)} layers")
    x = intervals.box(region["lower"], region["upper"])
    gap = [(-Fraction(v), Fraction(v)) for v in region["difference"]]
    stages = [_stage(f, g, claimed) for f, g, claimed in zip(reference, compressed, proof["stages"], strict=True)]
    act = Activation("leaky_relu", slope) if slope else Activation()
    unproven = sum(
        not (claimed[0] <= exact[0] and exact[1] <= claimed[1])
        for stage, forward in zip(stages, intervals.forward(reference, compressed, x, gap, act), strict=True)
        for side, found in (
            (stage.a, forward.reference),
            (stage.b, forward.compressed),
            (stage.delta, forward.difference),
        )
        for claimed, exact in zip(side, found, strict=True)
    )
    objectives = []
    chains: dict[bool, tuple[list[Clique], Layer, Layer]] = {}
    for objective in proof["objectives"]:
        signs = objective["kind"] == "one_norm"
        if signs not in chains:
            chains[signs] = _chain(stages, x, gap, Fraction(slope), proof["rows"])
            if signs:
                _add_signs(chains[signs][0][-1], len(stages[-1].bf))
        weights = decode(objective["weights"]).tolist()
        chain, inputs, last = chains[signs]
        proven = _bound(objective, weights, chain, inputs, last, stages[-1])
        objectives.append(ExactObjective(objective["kind"], weights, float(objective["bound"]), proven))
    return ExactReport(objectives, unproven)


def decode(array: Mapping[str, Any]) -> Array:
    """An array or the packed lower triangle, deflated or not, of the file format."""
    if "deflated_lower_triangle" in array:
        data = zlib.decompress(base64.b64decode(array["deflated_lower_triangle"]))
    else:
        data = base64.b64decode(array["data"] if "data" in array else array["lower_triangle"])
    return np.frombuffer(data, dtype="<f8").astype(np.float64)


def _triangle(packed: Mapping[str, Any]) -> Triangle:
    values = [Fraction(v) for v in decode(packed).tolist()]
    return [values[i * (i + 1) // 2 : (i + 1) * (i + 2) // 2] for i in range(packed["shape"][0])]


def _stage(f: tuple[Array, Array], g: tuple[Array, Array], claimed: Mapping[str, Any]) -> StageData:
    def rational(matrix: Array) -> list[list[Fraction]]:
        return [[Fraction(v) for v in row] for row in matrix.tolist()]

    def enclosures(side: Mapping[str, Any] | None) -> list[Interval]:
        return [] if side is None else intervals.box(decode(side["lower"]).tolist(), decode(side["upper"]).tolist())

    biases = [[Fraction(v) for v in b.tolist()] for _, b in (f, g)]
    sides = (enclosures(claimed[name]) for name in ("reference", "compressed", "difference"))
    return StageData(rational(f[0]), rational(g[0]), biases[0], biases[1], *sides)


def _chain(
    stages: list[StageData], x: list[Interval], gap: list[Interval], slope: Fraction, options: Mapping[str, Any]
) -> tuple[list[Clique], Layer, Layer]:
    """The cliques, and the layers of the inputs and of the last hidden stage."""
    if options["input_reduction"] == "always":
        raise ValueError("expected a relaxation over the inputs, found input_reduction 'always'")
    y = [(a - v, b - u) for (a, b), (u, v) in zip(x, gap, strict=True)]
    hidden = stages[:-1]
    layers = [shared_rows(layer, options) for layer in (Layer(x, y, gap), *(stage.layer(slope) for stage in hidden))]
    length = len(hidden) if options.get("cliques", "stages") == "single" else 1
    cliques = [
        certificate_cliques.build(hidden[k : k + length], layers[k], layers[k + 1 : k + length + 1], slope, options)
        for k in range(0, len(hidden), max(length, 1))
    ]
    for left, right in itertools.pairwise(cliques):
        certificate_cliques.agree(left, right)
    return cliques, layers[0], layers[-1]


def _add_signs(clique: Clique, outputs: int) -> None:
    """One free variable and row s with s^2 = 1 per output."""
    size, before = len(clique.reach) + outputs, len(clique.rows)
    clique.rows = [Form([*row.coefficients, *[ZERO] * outputs], row.error) for row in clique.rows]
    for k in range(outputs):
        clique.rows.append(Form.unit(size - outputs + k, size))
        clique.intervals.append((Fraction(-1), Fraction(1)))
        for j, interval in enumerate(clique.intervals):
            reach = magnitude(interval)
            clique.products[before + k, j] = (-reach, reach)
        clique.products[before + k, before + k] = (Fraction(1), Fraction(1))
    clique.reach += [Fraction(1)] * outputs


def _bound(
    objective: Mapping[str, Any],
    weights: Sequence[float],
    chain: list[Clique],
    inputs: Layer,
    last: Layer,
    outputs: StageData,
) -> Fraction | None:
    multipliers = [_triangle(c["multiplier"]) for c in objective["cliques"]]
    factors = [_triangle(c["factor"]) for c in objective["cliques"]]
    if len(multipliers) != len(chain):
        return None
    for clique, multiplier, factor in zip(chain, multipliers, factors, strict=True):
        if len(multiplier) != len(clique.rows) or len(factor) != len(clique.reach):
            return None
    first: dict[tuple[int, int], Fraction] = {}
    if objective["kind"].startswith("affine"):
        slope = Fraction(objective["slope"])
        outer = layer_values(last, _columns(last, chain[-1].current), len(chain[-1].rows))
        matrix, constant = _square(preactivations(outputs, outer).d, chain[-1])
        inner = layer_values(inputs, _columns(inputs, chain[0].previous), len(chain[0].rows))
        square, width = _square(inner.f if objective["kind"] == "affine_input" else inner.d, chain[0])
        first = {key: -slope * value for key, value in square.items()}
        constant, error = constant + slope * width, ZERO
    else:
        matrix, constant, error = _objective(objective["kind"], weights, chain[-1], last, outputs)
    charge = sum((_charge(*triple) for triple in zip(chain, multipliers, factors, strict=True)), ZERO)
    value = _support(matrix, first, multipliers, chain) + constant + charge
    if objective["kind"] != "squared_two_norm":
        return value + error
    root = Fraction(math.nextafter(math.sqrt(max(0.0, float(value))), math.inf))
    return max(ZERO, value) + error * (2 * root + error)


def _objective(
    kind: str, weights: Sequence[float], clique: Clique, last: Layer, outputs: StageData
) -> tuple[dict[tuple[int, int], Fraction], Fraction, Fraction]:
    """Coefficients of products of rows (both triangles together), a constant, and what constants' widths add."""
    size = len(clique.rows)
    columns = _columns(last, clique.current)
    difference: list[Form] = preactivations(outputs, layer_values(last, columns, size)).d
    matrix: dict[tuple[int, int], Fraction] = {}
    if kind == "linear":
        total = Form([ZERO] * size)
        for weight, form in zip(weights, difference, strict=True):
            total = total.plus(Fraction(weight), form)
        return {(j, 0): c for j, c in enumerate(total.coefficients) if c and j}, total.coefficients[0], total.error
    if kind == "squared_two_norm":
        return _square(difference, clique)[0], ZERO, _error_norm(difference)
    for k, form in enumerate(difference):
        for j, c in enumerate(form.coefficients):
            if c:
                matrix[size - len(difference) + k, j] = c
    return matrix, ZERO, sum((form.error for form in difference), ZERO)


def _columns(layer: Layer, positions: Sequence[int]) -> dict[int, int]:
    return {row: positions[row] for rows in layer.defining for row in rows.values()}


def _square(forms: Sequence[Form], clique: Clique) -> tuple[dict[tuple[int, int], Fraction], Fraction]:
    """The sum of the forms' squares on the clique's rows (both triangles together), and how far off their errors may
    put it.
    """
    matrix: dict[tuple[int, int], Fraction] = {}
    reach = ZERO
    for form in forms:
        nonzero = [(j, c) for j, c in enumerate(form.coefficients) if c]
        reach += sum((abs(c) * magnitude(clique.intervals[j]) for j, c in nonzero), ZERO)
        for i, a in nonzero:
            for j, b in nonzero:
                if i >= j:
                    matrix[i, j] = matrix.get((i, j), ZERO) + a * b * (1 if i == j else 2)
    error = _error_norm(forms)
    return matrix, error * (2 * reach + 3 * error)


def _error_norm(forms: Sequence[Form]) -> Fraction:
    squares = sum((form.error**2 for form in forms), ZERO)
    return Fraction(math.nextafter(math.sqrt(float(squares)), math.inf)) if squares else ZERO


def _charge(clique: Clique, multiplier: Triangle, factor: Triangle) -> Fraction:
    """Upper bound of -r' L r: with G = T' L T, E = G - V V', it is at most sum |E_ij| |v_i| |v_j|, plus what the rows'
    errors add.
    """
    rows, size = len(clique.rows), len(clique.reach)

    def entry(i: int, j: int) -> Fraction:
        return multiplier[i][j] if i >= j else multiplier[j][i]

    sparse = [[(j, c) for j, c in enumerate(row.coefficients) if c] for row in clique.rows]
    product = [[ZERO] * size for _ in range(rows)]  # L T
    for i in range(rows):
        for k in range(rows):
            weight = entry(i, k)
            if weight:
                for j, c in sparse[k]:
                    product[i][j] += weight * c
    gram = [[ZERO] * size for _ in range(size)]
    for i in range(rows):
        for j, c in sparse[i]:
            for m in range(size):
                gram[j][m] += c * product[i][m]
    total = ZERO
    for i in range(size):
        for j in range(size):
            outer = sum((factor[i][k] * factor[j][k] for k in range(min(i, j) + 1)), ZERO)
            total += abs(gram[i][j] - outer) * clique.reach[i] * clique.reach[j]
    errors = [row.error for row in clique.rows]
    for i in range(rows):
        if errors[i]:
            for j in range(rows):
                reach = magnitude(clique.intervals[j]) + errors[j]
                total += errors[i] * abs(entry(i, j)) * (2 * reach + errors[j])
    return total


def _support(
    matrix: Mapping[tuple[int, int], Fraction],
    first: Mapping[tuple[int, int], Fraction],
    multipliers: list[Triangle],
    chain: list[Clique],
) -> Fraction:
    """max <C + L, M>, C of the last and of the first clique, over the intervals of products; a product that two cliques
    share is counted once, where it occurs first.
    """
    residual = [
        {(i, j): (1 if i == j else 2) * value for i, row in enumerate(multiplier) for j, value in enumerate(row)}
        for multiplier in multipliers
    ]
    for key, value in matrix.items():
        residual[-1][key] += value
    for key, value in first.items():
        residual[0][key] += value
    for k in range(len(chain) - 1, 0, -1):
        there, here = [0, *chain[k].previous], [0, *chain[k - 1].current]
        for p in range(len(there)):
            for q in range(p + 1):
                residual[k - 1][here[p], here[q]] += residual[k].pop((there[p], there[q]))
    total = ZERO
    for clique, entries in zip(chain, residual, strict=True):
        for key, value in entries.items():
            low, high = clique.products[key]
            total += max(value * low, value * high)
    return total
