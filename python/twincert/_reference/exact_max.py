"""The true maximum of an output difference of a small ReLU or leaky-ReLU twin, as a mixed-integer linear program
(HiGHS).

One binary per unstable neuron says which piece of the activation is used (big-M with the proven pre-activation
intervals, Tjeng, Xiao, Tedrake, arXiv 1711.07356). HiGHS works in floating point, so the value is the truth up to
about 1e-6 relative to the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from twincert._reference.crown import TwinIntervals, twin_intervals
from twincert._reference.network import Activation, Array, Layers, evaluate


@dataclass(frozen=True)
class Maximum:
    """``value`` is attained at ``point`` (float64 evaluation); no point exceeds ``bound``, HiGHS's dual bound."""

    value: float
    bound: float
    point: Array


class _Program:
    """Rows and columns of the mixed-integer program, collected before the solve."""

    def __init__(self) -> None:
        self.low: list[float] = []
        self.high: list[float] = []
        self.integer: list[int] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []

    def variable(self, low: float, high: float, integer: bool = False) -> int:
        self.low.append(low)
        self.high.append(high)
        self.integer.append(int(integer))
        return len(self.low) - 1

    def add(self, coefficients: dict[int, float], low: float, high: float) -> None:
        self.rows.append((coefficients, low, high))

    def network(self, layers: Layers, inputs: list[int], before: list[tuple[Array, Array]], slope: float) -> list[int]:
        """Add one network; returns its output columns."""
        values = inputs
        for k, (weight, bias) in enumerate(layers):
            low, high = before[k]
            sums = []
            for i in range(len(weight)):
                a = self.variable(low[i], high[i])
                self.add({a: -1.0, **{v: float(w) for v, w in zip(values, weight[i], strict=True)}}, -bias[i], -bias[i])
                sums.append(a)
            values = (
                sums
                if k == len(layers) - 1
                else [self.activation(a, low[i], high[i], slope) for i, a in enumerate(sums)]
            )
        return values

    def activation(self, a: int, low: float, high: float, slope: float) -> int:
        phi = self.variable(max(low, slope * low), max(high, slope * high))
        if low >= 0 or high <= 0:
            self.add({phi: 1.0, a: -1.0 if low >= 0 else -slope}, 0.0, 0.0)
            return phi
        on = self.variable(0.0, 1.0, integer=True)
        span = 1.0 - slope
        self.add({phi: 1.0, a: -1.0}, 0.0, np.inf)
        self.add({phi: 1.0, a: -slope}, 0.0, np.inf)
        self.add({phi: 1.0, a: -1.0, on: -span * low}, -np.inf, -span * low)
        self.add({phi: 1.0, a: -slope, on: -span * high}, -np.inf, 0.0)
        return phi


def maximum(
    reference: Layers,
    compressed: Layers,
    lower: Array,
    upper: Array,
    direction: Array,
    slope: float = 0.0,
    intervals: TwinIntervals | None = None,
    time_limit: float = 120.0,
) -> Maximum:
    """Maximise direction . (f(x) - g(x)) over the box.

    Raises RuntimeError when HiGHS stops without a solution or before the gap is closed to 1e-9 within ``time_limit``
    seconds.
    """
    proven = intervals or twin_intervals(reference, compressed, lower, upper, slope)
    program = _Program()
    inputs = [program.variable(a, b) for a, b in zip(lower, upper, strict=True)]
    f = program.network(reference, inputs, proven.reference, slope)
    g = program.network(compressed, inputs, proven.compressed, slope)
    last = proven.difference[-1]
    if last is not None:
        for i, (low, high) in enumerate(zip(*last, strict=True)):
            program.add({f[i]: 1.0, g[i]: -1.0}, low, high)
    cost = np.zeros(len(program.low))
    cost[f], cost[g] = -direction, direction
    entries = [(r, c, v) for r, (row, _, _) in enumerate(program.rows) for c, v in row.items()]
    r, c, v = (np.array(t) for t in zip(*entries, strict=True))
    matrix = csr_matrix((v, (r, c)), shape=(len(program.rows), len(cost)))
    limits = LinearConstraint(matrix, [row[1] for row in program.rows], [row[2] for row in program.rows])
    result = milp(
        cost,
        integrality=program.integer,
        bounds=Bounds(program.low, program.high),
        constraints=limits,
        options={"mip_rel_gap": 1e-9, "time_limit": time_limit},
    )
    if result.x is None or result.status != 0:
        raise RuntimeError(f"expected HiGHS to solve the program within {time_limit} s, found: {result.message}")
    point = np.clip(result.x[inputs], lower, upper)
    activation = Activation("leaky_relu", slope) if slope else Activation()
    at = evaluate(reference, point[None], activation) - evaluate(compressed, point[None], activation)
    bound = result.fun if result.mip_dual_bound is None else result.mip_dual_bound  # None without unstable neurons
    return Maximum(float((at @ direction)[0]), -float(bound), point)
