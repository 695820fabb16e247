"""The slope-only SDP: what a LipSDP-style certificate of a twin would be, solved by SCS or Clarabel through cvxpy.

One dense moment matrix over (1, x, phi_f, phi_g) of all layers. Constraints: interval boxes as quadratic constraints
(inputs, values and value differences of every neuron), positivity of phi and phi - a, complementarity phi (phi - a) =
0, and the slope restriction d (delta - d) >= 0 for every pair. No products of different neurons. Values returned are
the solver's, not bounds.

Run as a script (cd tests && python -m reference.slope_only) for the table of the four instances of the relaxation note, section 7.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from twincert._reference.crown import TwinIntervals, activation_difference, twin_intervals
from twincert._reference.network import Array, Layers, random_layers, round_symmetric

INSTANCES = (
    ([5, 15, 15, 3], 8, 0.5),
    ([5, 15, 15, 3], 4, 0.5),
    ([5, 10, 10, 10, 3], 8, 0.3),
    ([5, 15, 15, 3], 8, 0.15),
)
SOLVERS: dict[str, dict[str, float]] = {"SCS": {"eps_abs": 1e-4, "eps_rel": 1e-4}, "CLARABEL": {}}


@dataclass(frozen=True)
class SlopeOnlyValue:
    """The solver's objective value (not a bound), its status, and seconds: of the solver alone and with cvxpy's
    compilation.
    """

    value: float
    status: str
    solve_seconds: float
    total_seconds: float


class _Rows:
    """Affine expressions in free variables t in [-1, 1]; a new variable of [low, high] is centre + radius * t."""

    def __init__(self, size: int) -> None:
        self.unit = np.eye(size)
        self.one = self.unit[0]
        self.used = 1

    def variable(self, low: float, high: float) -> Array:
        self.used += 1
        return (low + high) / 2 * self.one + (high - low) / 2 * self.unit[self.used - 1]


class _Quadratics:
    """Quadratic constraints <A, M> >= 0 and = 0, each scaled to unit norm."""

    def __init__(self, one: Array) -> None:
        self.one = one
        self.nonnegative: list[Array] = []
        self.zero: list[Array] = []

    def add(self, a: Array, b: Array, equal: bool = False) -> None:
        matrix = (np.outer(a, b) + np.outer(b, a)) / 2
        norm = float(np.linalg.norm(matrix))
        if norm > 0:
            (self.zero if equal else self.nonnegative).append(matrix / norm)

    def box(self, row: Array, low: float, high: float) -> None:
        if high - low > 1e-12:
            self.add(high * self.one - row, row - low * self.one)


def _constraints(
    reference: Layers, compressed: Layers, bounds: TwinIntervals
) -> tuple[_Rows, _Quadratics, Array, Array]:
    """All constraints, and the last hidden layer's values x and y as rows; stable neurons are substituted."""
    hidden = len(reference) - 1
    loose = [[(low < 0) & (high > 0) for low, high in side[:hidden]] for side in (bounds.reference, bounds.compressed)]
    rows = _Rows(1 + len(bounds.lower) + sum(int(mask.sum()) for side in loose for mask in side))
    quadratics = _Quadratics(rows.one)
    x = y = np.array([rows.variable(low, high) for low, high in zip(bounds.lower, bounds.upper, strict=True)])
    for row, low, high in zip(x, bounds.lower, bounds.upper, strict=True):
        quadratics.box(row, low, high)
    for k in range(hidden):
        (wf, bf), (wg, bg) = reference[k], compressed[k]
        sums = (wf @ x + bf[:, None] * rows.one, wg @ y + bg[:, None] * rows.one)
        delta = bounds.difference[k]
        if delta is None:
            raise ValueError(f"expected equal widths, found {len(bf)} and {len(bg)} in layer {k}")
        difference = activation_difference(bounds.reference[k], bounds.compressed[k], delta, 0.0)
        x, y = (
            np.where(side[k][0][:, None] >= 0, a, 0.0)
            for side, a in zip((bounds.reference, bounds.compressed), sums, strict=True)
        )
        for i in range(len(bf)):
            if loose[1][k][i]:
                y[i] = rows.variable(0.0, bounds.compressed[k][1][i])
            if loose[0][k][i]:  # d at its own scale is the free variable, not x
                x[i] = y[i] + rows.variable(difference[0][i], difference[1][i])
            for phi, a, mask, (_, high) in zip(
                (x[i], y[i]), (sums[0][i], sums[1][i]), loose, _sides(bounds, k), strict=True
            ):
                if mask[k][i]:
                    quadratics.box(phi, 0.0, high[i])
                    quadratics.add(rows.one, phi)
                    quadratics.add(rows.one, phi - a)
                    quadratics.add(phi, phi - a, equal=True)
            d = x[i] - y[i]
            if loose[0][k][i] or loose[1][k][i]:
                quadratics.add(d, sums[0][i] - sums[1][i] - d)
            quadratics.box(d, difference[0][i], difference[1][i])
            if not loose[1][k][i]:
                quadratics.box(y[i], max(bounds.compressed[k][0][i], 0.0), max(bounds.compressed[k][1][i], 0.0))
    return rows, quadratics, x, y


def _sides(bounds: TwinIntervals, k: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    return bounds.reference[k], bounds.compressed[k]


def slope_only_sdp(
    reference: Layers,
    compressed: Layers,
    lower: Array,
    upper: Array,
    direction: Array,
    solver: str = "SCS",
    proven: TwinIntervals | None = None,
    **options: float,
) -> SlopeOnlyValue:
    """Maximise direction . (f(x) - g(x)) over the slope-only relaxation of two ReLU networks of equal widths."""
    import cvxpy

    begin = time.perf_counter()
    rows, quadratics, x, y = _constraints(
        reference, compressed, proven or twin_intervals(reference, compressed, lower, upper)
    )
    (wf, bf), (wg, bg) = reference[-1], compressed[-1]
    out = direction @ (wf @ (x - y) + (wf - wg) @ y + (bf - bg)[:, None] * rows.one)
    size = rows.used
    moment = cvxpy.Variable((size, size), PSD=True)
    flat = cvxpy.vec(moment, order="C")

    def stack(matrices: list[Array]) -> csr_matrix:
        return csr_matrix(np.array([m[:size, :size].ravel() for m in matrices]))

    scale = float(np.abs(out[1:]).max())
    constraints = [moment[0, 0] == 1, stack(quadratics.nonnegative) @ flat >= 0]
    if quadratics.zero:
        constraints.append(stack(quadratics.zero) @ flat == 0)
    problem = cvxpy.Problem(cvxpy.Maximize((out[1:size] / scale) @ moment[0, 1:]), constraints)
    problem.solve(solver=solver, **(options or SOLVERS[solver]))
    seconds = float(problem.solver_stats.solve_time)
    return SlopeOnlyValue(
        float(scale * problem.value + out[0]), str(problem.status), seconds, time.perf_counter() - begin
    )


def section_seven(index: int) -> tuple[Layers, Layers, Array, Array]:
    """One of the four instances: f, g, lower, upper."""
    dims, bits, radius = INSTANCES[index]
    rng = np.random.default_rng(0)
    f = random_layers(dims, rng)
    centre = rng.uniform(-1, 1, dims[0])
    return f, round_symmetric(f, bits), centre - radius, centre + radius


if __name__ == "__main__":
    for index, instance in enumerate(INSTANCES):
        for solver in SOLVERS:
            f, g, lower, upper = section_seven(index)
            result = slope_only_sdp(f, g, lower, upper, np.eye(3)[0], solver)
            print(*instance, solver, result, flush=True)  # noqa: T201
