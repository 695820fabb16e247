"""Objectives as symmetric matrices on the last clique's rows (sections 2 and 3), plus a constant."""

from __future__ import annotations

import numpy as np

from twincert._reference.network import Array, Layers
from twincert._reference.relaxation import Clique


def output_difference(reference: Layers, compressed: Layers, last: Clique, fixed: tuple[Array, Array]) -> Array:
    """Coefficients H (outputs x rows) with f(x) - g(y) = H r on the last clique's rows; row 0 carries the constants.

    ``fixed`` holds the values of last-layer neurons x and y whose rows were dropped because their interval is a point.
    """
    (wf, bf), (wg, bg) = reference[-1], compressed[-1]
    at = {(last.rows[j].family, last.rows[j].neuron): j for j in last.current}
    h = np.zeros((len(bf), len(last.rows)))
    h[:, 0] = bf - bg

    def add(weights: Array, family: str, neuron: int, value: float) -> None:
        j = at.get((family, neuron))
        h[:, 0] += weights * (value if j is None else last.rows[j].centre)
        if j is not None:
            h[:, j] += weights * last.rows[j].scale

    paired = wf.shape == wg.shape
    for i in range(wf.shape[1]):
        if paired:  # W x - V y = W d + (W - V) y keeps the small quantity small
            add(wf[:, i], "d", i, float(fixed[0][i] - fixed[1][i]))
        else:
            add(wf[:, i], "x", i, float(fixed[0][i]))
    for i in range(wg.shape[1]):
        add(wf[:, i] - wg[:, i] if paired else -wg[:, i], "y", i, float(fixed[1][i]))
    return h


def linear(direction: Array, coefficients: Array) -> tuple[Array, float]:
    """C and the constant of direction . (f - g): entries (one, row)."""
    h = direction @ coefficients
    matrix = np.zeros((len(h), len(h)))
    matrix[0] += h / 2
    matrix[:, 0] += h / 2
    constant = float(matrix[0, 0])
    matrix[0, 0] = 0.0
    return matrix, constant


def squared_norm(coefficients: Array) -> tuple[Array, float]:
    """C and the constant of |f - g|^2: a block of the last clique."""
    matrix = coefficients.T @ coefficients
    constant = float(matrix[0, 0])
    matrix[0, 0] = 0.0
    return matrix, constant
