"""The moment SDP of the relaxation note (rows of every clique, all same-layer products) for Clarabel and SCS, through
cvxpy.

The solvers' values are not bounds; they bracket the limit that the splitting converges to. Variables are rescaled to
a basis made of rows, so that every entry of the moment matrices lies in [-1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from twincert._reference.bound import overlap
from twincert._reference.network import Array
from twincert._reference.relaxation import Clique


@dataclass(frozen=True)
class SdpValue:
    solver: str
    value: float
    status: str
    seconds: float


def row_basis(clique: Clique) -> Array:
    """Indices of linearly independent rows: one, y, d, x first, so that the other rows are sparse in them."""
    order = {"one": 0, "y": 1, "d": 2, "x": 3, "pg": 4, "pf": 5}
    candidates = sorted(range(len(clique.rows)), key=lambda j: (order.get(clique.rows[j].family, 9), j))
    chosen: list[int] = []
    rank = np.linalg.matrix_rank(clique.T / np.linalg.norm(clique.T, axis=1, keepdims=True))
    span = np.zeros((0, clique.T.shape[1]))
    for j in candidates:
        row = clique.T[j] / np.linalg.norm(clique.T[j])
        rest = row - span.T @ (span @ row)
        rest -= span.T @ (span @ rest)
        if np.linalg.norm(rest) > 1e-7:
            chosen.append(j)
            span = np.vstack([span, rest / np.linalg.norm(rest)])
        if len(chosen) == rank:
            break
    return np.array(chosen)


def _products(t: Array, i: Array, j: Array) -> csr_matrix:
    """Rows t_i (x) t_j: the entries (i, j) of T Y T' as functions of vec Y."""
    values = t[i][:, :, None] * t[j][:, None, :]
    return csr_matrix(values.reshape(len(i), -1))


def solve(chain: list[Clique], objective: Array, solver: str, **options: float) -> SdpValue:
    """Maximise <objective, M_last>; ``solver`` is "SCS" or "CLARABEL"."""
    import cvxpy

    blocks, moments, constraints = [], [], []
    for clique in chain:
        chosen = row_basis(clique)
        t = np.linalg.lstsq(clique.T[chosen].T, clique.T.T, rcond=None)[0].T
        t[np.abs(t) < 1e-12] = 0.0
        block = cvxpy.Variable((len(chosen), len(chosen)), PSD=True)
        flat = cvxpy.vec(block, order="C")
        blocks.append((t, flat))
        moments.append(block)
        i, j = np.triu_indices(len(clique.rows))
        low, high = clique.LO[i, j], clique.HI[i, j]
        # with a PSD block, |M_ij| <= sqrt(HI_ii HI_jj), so wider off-diagonal intervals say nothing
        implied = np.where(i == j, np.inf, np.sqrt(np.diag(clique.HI)[i] * np.diag(clique.HI)[j]))
        tolerance = 1e-12
        fixed = high - low < tolerance
        below, above = (high < implied - tolerance) & ~fixed, (low > -implied + tolerance) & ~fixed
        above &= ~((i == j) & (low <= 0))
        for mask, limit, sign in ((below, high, 1), (above, low, -1)):
            if mask.any():
                constraints.append(sign * (_products(t, i[mask], j[mask]) @ flat) <= sign * limit[mask])
        constraints.append(_products(t, i[fixed], j[fixed]) @ flat == low[fixed])
    for k in range(len(chain) - 1):
        here, there = overlap(chain, k)
        i, j = np.triu_indices(len(here[0]))
        first = _products(blocks[k][0], here[0].ravel()[i], here[0].ravel()[j]) @ blocks[k][1]
        second = _products(blocks[k + 1][0], there[0].ravel()[i], there[0].ravel()[j]) @ blocks[k + 1][1]
        constraints.append(first == second)
    t, flat = blocks[-1]
    scale = float(np.abs(objective).max())
    cost = (t.T @ (objective / scale) @ t).ravel()
    problem = cvxpy.Problem(cvxpy.Maximize(cost @ flat), constraints)
    problem.solve(solver=solver, **options)
    return SdpValue(solver, scale * float(problem.value), problem.status, float(problem.solver_stats.solve_time))
