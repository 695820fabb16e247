"""A chordal problem in the form of general conic solvers.

    minimise   c'x
    such that  A x + s = b, s in {0}^zero x R_+^nonnegative x (cones of positive semidefinite matrices),

x stacks svec(Y_k) of all cliques (off-diagonal entries times sqrt 2). Variables are scaled to |Y_ij| <= 1 and rows to
|M_ij| <= 1, the objective to a largest coefficient of one, so that a solver's tolerances mean the same everywhere.

Every entry interval is one or two linear rows, or an equation where its ends meet. Left out, as implied: ends of
off-diagonal entries not inside [-sqrt(u_ii u_jj), sqrt(u_ii u_jj)] with the diagonal's upper ends u, lower ends of
diagonal entries at 0, and intervals of shared entries where those of their copy in an earlier clique lie inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from twincert.sdp import ChordalProblem, Clique

CHUNK = 4_000_000  # dense entries at a time while rows are built


@dataclass(frozen=True)
class Conic:
    """Data of the program; its value is ``constant - scale * c'x``."""

    A: sparse.csc_matrix
    b: np.ndarray
    c: np.ndarray
    zero: int
    nonnegative: int
    semidefinite: list[int]
    constant: float
    scale: float

    def value(self, minimum: float) -> float:
        return self.constant - self.scale * minimum


@dataclass(frozen=True)
class Scaled:
    """A clique with rows and variables of magnitude one, and which ends of its intervals are rows of the program."""

    T: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    reach: np.ndarray  # (rows,), what rows were divided by
    equal: np.ndarray
    has_lower: np.ndarray
    has_upper: np.ndarray


def scaled(clique: Clique, magnitude: np.ndarray, implied_copies: np.ndarray) -> Scaled:
    reach = np.sqrt(np.maximum(np.diag(clique.upper), 0.0))
    reach[reach == 0.0] = 1.0
    both = np.outer(reach, reach)
    lower, upper = clique.lower / both, clique.upper / both
    np.fill_diagonal(lower, np.maximum(np.diag(lower), 0.0))
    once = np.tril(np.ones_like(lower, dtype=bool)) & ~implied_copies
    diagonal = np.eye(len(reach), dtype=bool)
    equal = once & (lower == upper)
    least = np.where(diagonal, 0.0, -1.0 + 1e-9)
    has_lower = once & ~equal & (lower > least)
    has_upper = once & ~equal & (diagonal | (upper < 1.0 - 1e-9))
    T = clique.T * np.where(magnitude > 0.0, magnitude, 1.0) / reach[:, None]
    return Scaled(T, lower, upper, reach, equal, has_lower, has_upper)


def cliques_of(problem: ChordalProblem) -> list[Scaled]:
    copies = [np.zeros(clique.lower.shape, dtype=bool) for clique in problem.cliques]
    for overlap in problem.overlaps:
        ends = [(overlap.first, overlap.first_rows), (overlap.second, overlap.second_rows)]
        (earlier, rows), (later, same_rows) = sorted(ends, key=lambda end: end[0])
        one, other = np.ix_(rows, rows), np.ix_(same_rows, same_rows)
        a, b = problem.cliques[earlier], problem.cliques[later]
        copies[later][other] |= (a.lower[one] >= b.lower[other]) & (a.upper[one] <= b.upper[other])
    together = zip(problem.cliques, problem.variable_magnitude, copies, strict=True)
    return [scaled(*parts) for parts in together]


def estimates(problem: ChordalProblem) -> dict[str, float]:
    """Rough bytes that SCS (direct) and Clarabel would need.

    SCS holds A about four times (data, scaled copy, two KKT matrices) and a factor that is dense on each clique's
    variables; Clarabel's KKT matrix and factor have a dense block for each cone.
    """
    nonzeros, blocks = 0.0, 0.0
    for clique in cliques_of(problem):
        size = clique.T.shape[1] * (clique.T.shape[1] + 1) / 2
        count = (clique.T != 0).sum(axis=1).astype(float)
        per_row = np.minimum(np.outer(count, count), size)
        kept = clique.equal.astype(float) + clique.has_lower + clique.has_upper
        nonzeros += float((per_row * kept).sum())
        blocks += size * size
    return {"SCS": 16 * (4 * nonzeros + blocks / 2), "Clarabel": 16 * (4 * nonzeros + 1.5 * blocks)}


class _Triangle:
    """Positions of svec's entries; SCS stacks the lower triangle by columns, Clarabel the upper one."""

    def __init__(self, size: int, upper: bool) -> None:
        self.p, self.q = np.tril_indices(size) if upper else np.triu_indices(size)
        self.factor = np.where(self.p == self.q, 0.5, np.sqrt(0.5))

    def entries(self, T: np.ndarray, i: np.ndarray, j: np.ndarray) -> sparse.csr_matrix:
        """Rows of coefficients of (T Y T')_ij."""
        step = max(1, CHUNK // len(self.p))
        parts = [sparse.csr_matrix((0, len(self.p)))]
        for begin in range(0, len(i), step):
            a, b = T[i[begin : begin + step]], T[j[begin : begin + step]]
            parts.append(sparse.csr_matrix((a[:, self.p] * b[:, self.q] + a[:, self.q] * b[:, self.p]) * self.factor))
        return sparse.vstack(parts, format="csr")

    def matrix(self, G: np.ndarray) -> np.ndarray:
        """Coefficients of <G, Y>."""
        return G[self.p, self.q] * 2 * self.factor


def conic(problem: ChordalProblem, upper_triangle: bool) -> Conic:
    """The program, with svec in Clarabel's order if ``upper_triangle``, in SCS's otherwise."""
    cliques = cliques_of(problem)
    triangles = [_Triangle(clique.T.shape[1], upper_triangle) for clique in cliques]
    sizes = [len(triangle.p) for triangle in triangles]
    begin = np.concatenate([[0], np.cumsum(sizes)])
    blocks: dict[str, list[sparse.csr_matrix]] = {"zero": [], "nonnegative": []}
    ends: dict[str, list[np.ndarray]] = {"zero": [np.zeros(0)], "nonnegative": [np.zeros(0)]}

    def add(
        cone: str, k: int, rows: sparse.csr_matrix, end: np.ndarray, other: tuple[int, sparse.csr_matrix] | None
    ) -> None:
        placed = [sparse.csr_matrix((rows.shape[0], size)) for size in sizes]
        placed[k] = rows
        if other is not None:
            placed[other[0]] = other[1]
        blocks[cone].append(sparse.hstack(placed, format="csr"))
        ends[cone].append(end)

    objective = np.zeros(begin[-1])
    for k, (clique, triangle) in enumerate(zip(cliques, triangles, strict=True)):
        for cone, sign, chosen, limit in (
            ("zero", 1.0, clique.equal, clique.upper),
            ("nonnegative", 1.0, clique.has_upper, clique.upper),
            ("nonnegative", -1.0, clique.has_lower, clique.lower),
        ):
            i, j = np.nonzero(chosen)
            add(cone, k, sign * triangle.entries(clique.T, i, j), sign * limit[i, j], None)
        given = problem.cliques[k]
        if given.trace_rows:
            rows = np.array(given.trace_rows)
            total = triangle.matrix(clique.T[rows].T @ (clique.reach[rows, None] ** 2 * clique.T[rows]))
            size = max(given.trace_limit, np.finfo(float).tiny)
            limit = np.array([given.trace_limit / size])
            add("nonnegative", k, sparse.csr_matrix(total[None, :] / size), limit, None)
        C = problem.objective[k]
        if C is not None:
            G = clique.T.T @ (C * np.outer(clique.reach, clique.reach)) @ clique.T
            objective[begin[k] : begin[k + 1]] = triangle.matrix(G)
    for overlap in problem.overlaps:
        a, b = np.tril_indices(len(overlap.first_rows))
        first, second = np.array(overlap.first_rows), np.array(overlap.second_rows)
        left, right = cliques[overlap.first], cliques[overlap.second]
        ratio = right.reach[second] / left.reach[first]  # second copies in units of the first
        same = triangles[overlap.first].entries(left.T, first[a], first[b])
        copy = triangles[overlap.second].entries(right.T, second[a], second[b])
        copy = sparse.diags(-ratio[a] * ratio[b]) @ copy
        add("zero", overlap.first, same, np.zeros(len(a)), (overlap.second, copy))
    rows = [sparse.vstack([sparse.csr_matrix((0, begin[-1])), *blocks[cone]]) for cone in ("zero", "nonnegative")]
    limits = [np.concatenate(ends[cone]) for cone in ("zero", "nonnegative")]
    scale = float(np.abs(objective).max()) or 1.0
    A = sparse.vstack([*rows, -sparse.identity(begin[-1])], format="csc")
    return Conic(
        A,
        np.concatenate([*limits, np.zeros(begin[-1])]),
        -objective / scale,
        len(limits[0]),
        len(limits[1]),
        [clique.T.shape[1] for clique in cliques],
        problem.constant,
        scale,
    )
