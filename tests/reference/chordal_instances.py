"""Small semidefinite programs in cliques, the same in every run, with a feasible point of each.

Variables of one long vector w = (1, ...) lie in several cliques; a clique's rows are its variables and small
combinations of them. The feasible matrices are moments of a few points w. All numbers are multiples of small powers of
two, so that moments, and the objective there, are exact in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from twincert.sdp import ChordalProblem, Clique, Overlap

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Instance:
    problem: ChordalProblem
    moments: list[Array]  # feasible, exact

    @property
    def attained(self) -> float:
        """The objective of the moments."""
        terms = zip(self.problem.objective, self.moments, strict=True)
        return self.problem.constant + sum(float((c * m).sum()) for c, m in terms if c is not None)


def instance(
    variables: list[list[int]],
    overlaps: list[tuple[int, int]],
    seed: int,
    *,
    extra: int = 2,
    tight: float = 0.5,
    trace: bool = False,
    scale: float = 1.0,
) -> Instance:
    """Cliques over the given positions of w, each with `extra` combinations of them.

    The intervals of a fraction `tight` of the entries end at the feasible moments on one side.
    """
    random = np.random.default_rng(seed)
    size = 1 + max(max(chosen) for chosen in variables)
    points = random.integers(-4, 5, (4, size)) / 4.0
    points[:, 0] = 1.0
    cliques, moments, objective = [], [], []
    for k, chosen in enumerate(variables):
        combinations_of = random.integers(-2, 3, (extra, len(chosen))) / 4.0
        rows_scale = scale ** float(k % 3)
        T = np.vstack([np.eye(len(chosen)), rows_scale * combinations_of])
        rows = points[:, chosen] @ T.T
        moment = rows.T @ rows / 4.0
        reach = np.abs(T).sum(axis=1)
        upper = np.outer(reach, reach)
        lower = -upper
        np.fill_diagonal(lower, 0.0)
        chance = random.uniform(size=moment.shape)
        chance = np.triu(chance) + np.triu(chance, 1).T
        upper = np.where(chance < tight / 2, moment, upper)
        lower = np.where(chance > 1 - tight / 2, moment, lower)
        if 0 in chosen:
            one = chosen.index(0)
            lower[one, one] = upper[one, one] = 1.0
        weights = random.integers(-3, 4, moment.shape).astype(float)
        shrink = np.concatenate([np.ones(len(chosen)), np.full(extra, 1.0 / rows_scale)])
        objective.append((weights + weights.T) * np.outer(shrink, shrink) if random.uniform() < 0.8 or k == 0 else None)
        capped = [0, 1] if trace else []
        cliques.append(Clique(T, lower, upper, trace_rows=capped, trace_limit=float(sum(moment[i, i] for i in capped))))
        moments.append(moment)
    shared = []
    for first, second in overlaps:
        common = [j for j in variables[first] if j in variables[second]]
        rows = [[variables[k].index(j) for j in common] for k in (first, second)]
        shared.append(Overlap(first, second, tuple(rows[0]), tuple(rows[1])))
    return Instance(ChordalProblem(cliques, shared, objective=objective, constant=0.25), moments)


INSTANCES: dict[str, Instance] = {
    "one clique": instance([[0, 1, 2, 3, 4]], [], 1),
    "chain": instance([[0, 1, 2, 3], [0, 2, 3, 4, 5], [0, 4, 5, 6]], [(0, 1), (1, 2)], 2),
    "star": instance([[0, 1, 2, 3], [3, 0, 1, 4], [1, 5, 0, 3]], [(0, 1), (0, 2)], 3),
    "three pairs": instance([[0, 1, 2], [2, 0, 3], [0, 2, 4]], list(combinations(range(3), 2)), 4, tight=0.2),
    "cycle": instance([[0, 1, 2], [0, 2, 3], [0, 3, 1]], [(0, 1), (1, 2), (2, 0)], 5),
    "long chain": instance([[0, k, k + 1, k + 2] for k in range(1, 7)], [(k, k + 1) for k in range(5)], 6),
    "other order": instance([[0, 1, 2, 3, 4], [3, 5, 2, 0, 6, 4]], [(0, 1)], 9),
    "trace": instance([[1, 2, 0, 3], [0, 3, 4, 5]], [], 7, tight=0.0, trace=True),
    "scales": instance([[0, 1, 2, 3], [0, 2, 3, 4], [0, 3, 4, 5]], [(0, 1), (1, 2)], 8, scale=1024.0),
}
