"""No multipliers, good or bad, prove less than a feasible point attains: tolerance zero, exact arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from reference.chordal_instances import INSTANCES, Array, Instance
from twincert.sdp import ChordalProblem, Clique, Overlap, solve


def symmetric(rng: np.random.Generator, size: int) -> Array:
    half = rng.normal(size=(size, size))
    return half + half.T


def solutions(instance: Instance) -> list[list[Array]]:
    """Multipliers from early to late."""
    return [list(solve(instance.problem, settings={"max_iterations": count}).multipliers) for count in (1, 5, 40, 300)]


@pytest.mark.parametrize("name", INSTANCES)
def test_any_multipliers_bound_what_is_attained(name: str) -> None:
    instance = INSTANCES[name]
    rng = np.random.default_rng(len(name))
    sizes = [len(clique.T) for clique in instance.problem.cliques]
    for size in 10.0 ** np.arange(-9, 9):
        assert instance.problem.bound([size * symmetric(rng, n) for n in sizes]) >= instance.attained
    for multipliers in solutions(instance):
        assert instance.problem.bound(multipliers) >= instance.attained
        for size in 10.0 ** np.arange(-12, 1):
            disturbed = [matrix + size * symmetric(rng, len(matrix)) for matrix in multipliers]
            assert instance.problem.bound(disturbed) >= instance.attained


def points(rng: np.random.Generator, count: int, size: int) -> Array:
    chosen = rng.integers(-4, 5, (count, size)) / 4.0
    chosen[:, 0] = 1.0
    return chosen


def pinned(
    moment: Array, variables: list[list[int]], shared: list[tuple[int, int]], objective: list[Array]
) -> Instance:
    """A problem that one point alone solves: every entry is fixed, so any loss of a term proves too little."""
    moments = [moment[np.ix_(chosen, chosen)] for chosen in variables]
    overlaps = []
    for first, second in shared:
        common = [j for j in variables[first] if j in variables[second]]
        rows = [tuple(variables[k].index(j) for j in common) for k in (first, second)]
        overlaps.append(Overlap(first, second, *rows))
    cliques = [Clique(np.eye(len(m)), m, m) for m in moments]
    return Instance(ChordalProblem(cliques, overlaps, objective=objective), moments)


@pytest.mark.parametrize("seed", range(20))
def test_every_term_counts(seed: int) -> None:
    """With fixed entries any multipliers that are positive semidefinite cost exactly what they weigh."""
    rng = np.random.default_rng([5, seed])
    sample = points(rng, 8, 6)
    moment = sample.T @ sample / 8.0
    variables = [[0, 1, 2, 3], [3, 0, 2, 4], [5, 0, 3, 2], [0, 1, 5]]
    shared = [(0, 1), (1, 2), (0, 3), (2, 3), (0, 2)][: 2 + seed % 4]
    objective = [rng.integers(-3, 4, (len(v), len(v))).astype(float) for v in variables]
    instance = pinned(moment, variables, shared, [c + c.T for c in objective])
    multipliers = [factor @ factor.T for factor in (rng.integers(-3, 4, (len(v), 2)).astype(float) for v in variables)]
    weights = sum(float((a * m).sum()) for a, m in zip(multipliers, instance.moments, strict=True))
    expected = instance.attained + weights
    bound = instance.problem.bound(multipliers)
    assert expected <= bound <= expected + 1e-9 * (1.0 + abs(expected))


def test_what_is_not_positive_semidefinite_is_paid_for() -> None:
    """The triangle's cut is at most 9/4, attained by ones and -1/2; optimal multipliers prove it sharply."""
    one, box = np.eye(3), np.ones((3, 3))
    problem = ChordalProblem([Clique(one, 2 * one - box, box)], objective=[0.25 * (one - box)], constant=1.5)
    optimal = 0.25 * box
    assert 2.25 <= problem.bound([optimal]) <= 2.25 + 1e-12
    for size in 10.0 ** np.arange(-15, 2):
        # Without the charge these prove less than 9/4: the diagonal is fixed, less of it costs less.
        bound = problem.bound([optimal - size * one])
        assert bound >= 2.25
        assert size > 0.02 or bound <= 2.25 + 1e-12 + 20.0 * size


def test_magnitudes_that_are_derived_contain_every_point() -> None:
    rng = np.random.default_rng(8)
    for _ in range(50):
        rows, variables = 6, int(rng.integers(1, 6))
        T = rng.integers(-4, 5, (rows, variables)) / 4.0
        if np.linalg.matrix_rank(T) < variables:
            continue
        sample = rng.integers(-4, 5, (5, variables)) * 2.0 ** rng.integers(-20, 20)
        moment = sample.T @ sample
        upper = np.abs(T @ moment @ T.T)
        problem = ChordalProblem([Clique(T, -upper, upper)], objective=[None])
        (magnitude,) = problem.variable_magnitude
        assert (magnitude**2 * (1 + 1e-15) >= np.diag(moment)).all()
