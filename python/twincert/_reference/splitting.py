"""Section 3: the Douglas-Rachford splitting, in plain NumPy: PSD projection in the reduced size, averaging on overlaps,
clipping.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twincert._reference.bound import overlap, repaired_bound, support_bound
from twincert._reference.crown import TwinIntervals, twin_intervals
from twincert._reference.network import Activation, Array, Layers
from twincert._reference.objective import linear, output_difference, squared_norm
from twincert._reference.relaxation import Clique, cliques


@dataclass(frozen=True)
class Solution:
    """``bound`` is the best valid bound seen; ``primal`` the last objective value, which proves nothing."""

    bound: float
    primal: float
    multipliers: list[Array]
    history: list[tuple[int, float]]


def basis(clique: Clique) -> Array:
    """Orthonormal basis of range(T)."""
    u, s, _ = np.linalg.svd(clique.T, full_matrices=False)
    return np.asarray(u[:, s > 1e-9 * s[0]])


def project(z: Array, q: Array) -> Array:
    """Q P+(Q' Z Q) Q': the nearest matrix of the form Q Y Q' with Y positive semidefinite."""
    values, vectors = np.linalg.eigh((reduced := q.T @ z @ q) / 2 + reduced.T / 2)
    lifted = q @ vectors[:, values > 0]
    return np.asarray((lifted * values[values > 0]) @ lifted.T)


def solve(
    chain: list[Clique],
    objective: Array,
    iterations: int = 600,
    rho: float = 0.03,
    relaxation: float = 1.8,
    every: int = 25,
) -> Solution:
    """Maximise <objective, M_last> over the chain; returns the best valid bound over the iterates inspected."""
    bases = [basis(c) for c in chain]
    scale = float(np.abs(objective).max()) or 1.0
    cost = objective / scale
    z = [np.zeros_like(c.LO) for c in chain]
    for matrix in z:
        matrix[0, 0] = 1.0
    best, history = np.inf, []
    for iteration in range(1, iterations + 1):
        x = [project(m, q) for m, q in zip(z, bases, strict=True)]
        p = [2 * a - b for a, b in zip(x, z, strict=True)]
        p[-1] = p[-1] + cost / rho
        for k in range(len(chain) - 1):
            here, there = overlap(chain, k)
            mean = (p[k][here] + p[k + 1][there]) / 2
            p[k][here], p[k + 1][there] = mean, mean
        p = [np.clip(m, c.LO, c.HI) for m, c in zip(p, chain, strict=True)]
        if iteration % every == 0 or iteration == iterations:
            multipliers = [rho * (a - b) for a, b in zip(x, z, strict=True)]
            bound = scale * min(
                support_bound(cost, multipliers, chain), repaired_bound(cost, multipliers, chain, bases)
            )
            if bound < best:
                best, kept = bound, multipliers
            history.append((iteration, bound))
        z = [a + relaxation * (b - c) for a, b, c in zip(z, p, x, strict=True)]
    return Solution(best, scale * float((cost * p[-1]).sum()), kept, history)


def build(
    reference: Layers,
    compressed: Layers,
    lower: Array,
    upper: Array,
    slope: float = 0.0,
    proven: TwinIntervals | None = None,
) -> tuple[list[Clique], Array]:
    """Cliques and the coefficients of the output differences on the last one."""
    intervals = proven or twin_intervals(reference, compressed, lower, upper, slope)
    activation = Activation("leaky_relu", slope) if slope else Activation()
    chain = cliques(reference, compressed, intervals, slope)
    middles = [(activation(s[-2][0]) + activation(s[-2][1])) / 2 for s in (intervals.reference, intervals.compressed)]
    return chain, output_difference(reference, compressed, chain[-1], (middles[0], middles[1]))


def certify(
    reference: Layers,
    compressed: Layers,
    lower: Array,
    upper: Array,
    direction: Array | None,
    slope: float = 0.0,
    iterations: int = 600,
    rho: float = 0.03,
) -> float:
    """Bound of direction . (f - g), or of |f - g|^2 when ``direction`` is None."""
    chain, coefficients = build(reference, compressed, lower, upper, slope)
    cost, constant = squared_norm(coefficients) if direction is None else linear(direction, coefficients)
    return solve(chain, cost, iterations, rho).bound + constant
