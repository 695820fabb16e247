"""Plain CROWN on f - g, to compare with: float64, rounded to nearest, so no proof.

Lines of f's neurons know nothing of g's; the two networks meet at their input only, where coefficients add up. Every
layer is bounded backwards. The lower line of an open ReLU has slope 1 where its interval reaches further up than down,
and 0 elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import twincert

Array = np.ndarray
Bounds = tuple[Array, Array]


@dataclass(frozen=True)
class Lines:
    """Lines around a layer's ReLU: lower_slope x <= relu(x) <= upper_slope x + intercept."""

    lower_slope: Array
    upper_slope: Array
    intercept: Array


def relu_lines(lower: Array, upper: Array) -> Lines:
    crossing = (lower < 0) & (upper > 0)
    on = (lower >= 0).astype(float)
    chord = np.where(crossing, upper / np.where(crossing, upper - lower, 1.0), on)
    return Lines(np.where(crossing, (upper > -lower).astype(float), on), chord, np.where(crossing, -chord * lower, 0.0))


Stages = list[tuple[Array, Array]]  # weights, biases; a ReLU after all but the last


def to_input(stages: Stages, lines: list[Lines], rows: Array) -> tuple[Array, Array]:
    """Upper bounds of rows times the values before the ReLU of stage ``len(lines)``: coefficients of x, constants."""
    constant = np.zeros(len(rows))
    for k in range(len(lines), -1, -1):
        if k < len(lines):
            positive, negative = np.maximum(rows, 0), np.minimum(rows, 0)
            constant = constant + positive @ lines[k].intercept
            rows = positive * lines[k].upper_slope + negative * lines[k].lower_slope
        weight, bias = stages[k]
        constant = constant + rows @ bias
        rows = rows @ weight
    return rows, constant


def maximum(rows: Array, constant: Array, box: Bounds) -> Array:
    return np.asarray(np.maximum(rows, 0) @ box[1] + np.minimum(rows, 0) @ box[0] + constant)


def network_lines(stages: Stages, box: Bounds) -> list[Lines]:
    """Lines of every ReLU, layer by layer."""
    lines: list[Lines] = []
    for _, bias in stages[:-1]:
        unit = np.eye(len(bias))
        upper = maximum(*to_input(stages, lines, unit), box)
        lower = -maximum(*to_input(stages, lines, -unit), box)
        lines.append(relu_lines(lower, upper))
    return lines


def difference_bounds(twin: twincert.Twin, box: twincert.Box) -> Bounds:
    """Bounds of every f_i - g_i (outputs,). ValueError unless both are ReLU networks without a ReLU at the end."""
    kinds = [stage.activation.kind for pair in twin.stages for stage in (pair.reference, pair.compressed)]
    if kinds != ["relu"] * (len(kinds) - 2) + ["identity"] * 2:
        raise ValueError("plain CROWN: expected two ReLU networks whose last layer has no activation")
    f: Stages = [(pair.reference.weight, pair.reference.bias) for pair in twin.stages]
    g: Stages = [(pair.compressed.weight, pair.compressed.bias) for pair in twin.stages]
    corners = box.bounding_box
    f_lines, g_lines = network_lines(f, corners), network_lines(g, corners)

    def largest(rows: Array) -> Array:
        f_rows, f_constant = to_input(f, f_lines, rows)
        g_rows, g_constant = to_input(g, g_lines, -rows)
        return maximum(f_rows + g_rows, f_constant + g_constant, corners)

    unit = np.eye(twin.output_size)
    return -largest(-unit), largest(unit)
