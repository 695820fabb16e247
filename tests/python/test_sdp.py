"""Semidefinite programs in cliques: what goes in, what comes out, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import twincert
from twincert import ParseError, SettingsError, ShapeError
from twincert.sdp import ChordalProblem, ChordalProgress, Clique, Overlap, solve

ONE, ALL = np.eye(3), np.ones((3, 3))
CUT = 0.25 * (ONE - ALL)  # <CUT, M> + 3/2 counts the edges of a triangle that a cut crosses


def triangle(**changes: Any) -> Clique:
    return Clique(**{"T": ONE, "lower": 2 * ONE - ALL, "upper": ALL, **changes})


def problem(clique: Clique | None = None, **changes: Any) -> ChordalProblem:
    return ChordalProblem([clique or triangle()], **{"objective": [CUT], "constant": 1.5, **changes})


def pair(*overlaps: Overlap, **changes: Any) -> ChordalProblem:
    return ChordalProblem([triangle(), triangle(**changes)], overlaps, objective=[CUT, None])


def split(**changes: Any) -> ChordalProblem:
    """The triangle once more, as two cliques that share everything: for the splitting."""
    return ChordalProblem(
        [triangle(), triangle()], [Overlap(0, 1, (0, 1, 2), (0, 1, 2))], objective=[CUT, None], constant=1.5, **changes
    )


def replaced(matrix: np.ndarray, i: int, j: int, value: float) -> np.ndarray:
    return np.array([[value if (a, b) == (i, j) else matrix[a, b] for b in range(3)] for a in range(3)])


def test_solution_has_all_it_promises() -> None:
    solution = solve(problem())
    assert 2.25 <= solution.bound <= 2.251
    assert solution.status == "converged"
    assert solution.iterations == solution.history[-1]["iteration"]
    assert [matrix.shape for matrix in solution.multipliers] == [(3, 3)]
    assert not solution.multipliers[0].flags.writeable
    bounds = [progress["bound"] for progress in solution.history]
    assert bounds == sorted(bounds, reverse=True)
    assert problem().bound(solution.multipliers) == solution.bound


def test_without_iterations_the_intervals_alone_bound() -> None:
    solution = solve(problem(), settings={"max_iterations": 0})
    assert (solution.status, solution.iterations, solution.history) == ("iteration_limit", 0, ())
    assert 3.0 <= solution.bound <= 3.0 + 1e-12
    assert solution.bound == problem().bound([None]) == problem().bound([np.zeros((3, 3))])


def test_memory_limit_is_kept() -> None:
    size = 300
    large = ChordalProblem(
        [Clique(np.eye(size), -np.ones((size, size)), np.ones((size, size)), variable_magnitude=np.ones(size))],
        objective=[None],
    )
    refused = solve(large, settings={"memory_limit": 0.01})
    assert refused.status == "size_limit"
    needed = {"memory_limit": refused.memory_estimate, "max_iterations": 1}
    assert solve(large, settings=needed).status == "iteration_limit"
    assert solve(large, settings={**needed, "memory_limit": 0.999 * refused.memory_estimate}).status == "size_limit"


def test_callback_stops_and_its_exception_is_raised() -> None:
    seen: list[ChordalProgress] = []

    def second(progress: ChordalProgress) -> bool:
        seen.append(progress)
        return len(seen) < 2

    stopped = solve(split(), callback=second, settings={"bound_every": 7})
    assert (stopped.status, stopped.iterations) == ("interrupted", 14)
    assert stopped.history == tuple(seen)
    assert split().bound(stopped.multipliers) == stopped.bound >= 2.25

    def fails(progress: ChordalProgress) -> None:
        raise RuntimeError("from the callback")

    with pytest.raises(RuntimeError, match="from the callback"):
        solve(problem(), callback=fails)


def test_time_limit_ends_the_iterations() -> None:
    limited = solve(split(), settings={"tolerance": 0.0, "max_iterations": 10**9}, time_limit=0.05)
    assert limited.status == "time_limit"
    assert limited.bound >= 2.25


def test_a_step_is_stopped_within() -> None:
    stopped = solve(problem(), time_limit=1e-9)
    assert (stopped.status, stopped.iterations) == ("time_limit", 0)
    assert stopped.bound == problem().bound([None])


def test_rows_may_have_any_size() -> None:
    sizes = np.array([1e-6, 1.0, 3e7])
    stretch = np.outer(sizes, sizes)
    stretched = triangle(T=np.diag(sizes), lower=(2 * ONE - ALL) * stretch, upper=stretch)
    bound = solve(problem(stretched, objective=[CUT / stretch])).bound
    assert 2.25 - 1e-12 <= bound <= 2.251


@pytest.mark.parametrize("rho", [0.05, 0.15, 1.5])
def test_extrapolations_that_go_too_far_are_taken_back(rho: float) -> None:
    """Anderson acceleration overshoots here at rho = 0.05: the plain iteration needs long to come back from there."""
    pairs = np.ones((3, 3)) - np.eye(3)
    clique = Clique(np.eye(3), lower=np.eye(3) - pairs, upper=np.ones((3, 3)))
    everything = Overlap(0, 1, (0, 1, 2), (0, 1, 2))
    largest_cut = ChordalProblem([clique, clique], [everything], objective=[-pairs, None])
    settings = {"rho": rho, "adaptive_rho": False, "tolerance": 0.0, "max_iterations": 1000}
    solution = solve(largest_cut, settings=settings)
    assert 3.0 <= solution.bound <= 3.001


def largest_cut_of_a_ring(nodes: int) -> ChordalProblem:
    """Cliques of three nodes, the first one in all; the relaxation is worth nodes / 2 (1 + cos(pi / nodes))."""
    count = nodes - 2
    objective = []
    for k in range(count):
        edges = np.zeros((3, 3))
        for i, j in [(1, 2)] + [(0, 1)] * (k == 0) + [(0, 2)] * (k == count - 1):
            edges[i, j] = edges[j, i] = -0.25
        objective.append(edges)
    overlaps = [Overlap(k, k + 1, (0, 2), (0, 1)) for k in range(count - 1)]
    return ChordalProblem([triangle()] * count, overlaps, objective=objective, constant=nodes / 2)


@pytest.mark.parametrize("rho", [0.01, 100.0])
def test_rho_balances_itself(rho: float) -> None:
    value = 4.5 * (1 + np.cos(np.pi / 9))
    steps = {}
    for adaptive in (False, True):
        settings = {"rho": rho, "adaptive_rho": adaptive, "tolerance": 0.0, "max_iterations": 2500, "bound_every": 5}
        solution = solve(largest_cut_of_a_ring(9), settings=settings)
        steps[adaptive] = next(line["iteration"] for line in solution.history if line["bound"] < 1.001 * value)
        assert value <= solution.bound < value * (1 + 1e-6)
    assert steps[True] < 0.5 * steps[False]


def test_a_rank_deficient_clique_still_has_a_bound() -> None:
    flat = triangle(T=ALL, variable_magnitude=np.ones(3))
    solution = solve(problem(flat))
    assert 2.25 <= solution.bound < np.inf


def test_errors_of_rows_are_paid_for() -> None:
    optimal = [0.25 * ALL]
    sharp = problem().bound(optimal)
    blurred = problem(triangle(error=np.full(3, 0.01))).bound(optimal)
    # r = v + e: of <L, rr'> = <L, vv'> + 2 e'L r - e'L e all terms with e, at their largest.
    assert sharp + 2 * 0.01 * 0.25 * 9 <= blurred <= sharp + 2 * 0.01 * 0.25 * 9 * 1.02


def test_problems_are_immutable_and_pickle() -> None:
    T = np.eye(3)
    clique = triangle(T=T, trace_rows=np.array([0, 2]), trace_limit=2, error=[0.0, 0.0, 0.1])
    T[0, 0] = 7.0
    assert clique.T[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        clique.T[0, 0] = 2.0
    with pytest.raises(AttributeError, match="immutable"):
        clique.trace_limit = 3.0
    first = problem(clique, constant=0.5)
    again = pickle.loads(pickle.dumps(first))
    assert again.bound([0.25 * ALL]) == first.bound([0.25 * ALL])
    assert (again.constant, again.cliques[0].trace_rows) == (0.5, (0, 2))
    assert (again.objective[0] == CUT).all()
    assert repr(again) == "ChordalProblem(1 cliques, 0 overlaps)"


BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "no cliques": (lambda: ChordalProblem([], objective=[]), ShapeError, "cliques: expected at least one"),
    "wrong kind": (lambda: ChordalProblem([ONE], objective=[None]), ShapeError, "cliques: expected each .* ndarray"),
    "T is a vector": (lambda: triangle(T=[1.0, 2.0]), ShapeError, "T: expected a matrix"),
    "T has NaN": (lambda: triangle(T=replaced(ONE, 0, 1, np.nan)), ParseError, r"T\[0, 1\] is nan"),
    "wide T": (lambda: problem(triangle(T=np.ones((3, 4)))), ShapeError, "clique 0, T: expected .* found 3 x 4"),
    "rank": (lambda: problem(triangle(T=ALL)), ParseError, "clique 0, T: expected full column rank, found rank 1 of 3"),
    "size of lower": (lambda: problem(triangle(lower=-np.ones((2, 2)))), ShapeError, "clique 0, lower: expected 3 x 3"),
    "size of upper": (lambda: problem(triangle(upper=np.ones((2, 2)))), ShapeError, "clique 0, upper: expected 3 x 3"),
    "infinite interval": (lambda: triangle(upper=replaced(ALL, 2, 2, np.inf)), ParseError, r"upper\[2, 2\] is inf"),
    "crossed": (
        lambda: problem(triangle(lower=replaced(replaced(-ALL, 1, 2, 1.5), 2, 1, 1.5))),
        ParseError,
        r"clique 0: lower\[2, 1\] = 1.5 exceeds upper\[2, 1\] = 1",
    ),
    "asymmetric lower": (
        lambda: problem(triangle(lower=replaced(-ALL, 1, 2, -0.5))),
        ParseError,
        r"clique 0, lower: expected a symmetric matrix, found -1 at \[2, 1\] and -0.5 at \[1, 2\]",
    ),
    "asymmetric by a bit": (
        lambda: problem(triangle(upper=replaced(ALL, 0, 1, 1 + 2**-52))),
        ParseError,
        "upper: expected a symmetric matrix",
    ),
    "negative diagonal": (
        lambda: problem(triangle(lower=-2 * ALL, upper=-ALL)),
        ParseError,
        r"upper\[0, 0\]: expected a number >= 0",
    ),
    "magnitudes": (lambda: problem(triangle(variable_magnitude=[1, 1])), ShapeError, "variable_magnitude: expected 3"),
    "negative magnitude": (
        lambda: problem(triangle(variable_magnitude=[1, -1, 1])),
        ParseError,
        r"variable_magnitude\[1\]: expected a finite number >= 0, found -1",
    ),
    "errors": (lambda: problem(triangle(error=[1.0, 1.0])), ShapeError, "error: expected 3 numbers, found 2"),
    "negative error": (lambda: problem(triangle(error=[0, 0, -1.0])), ParseError, r"error\[2\]: expected .* found -1"),
    "trace row": (lambda: problem(triangle(trace_rows=[3])), ShapeError, "expected rows 0 to 2, found 3"),
    "trace row twice": (lambda: problem(triangle(trace_rows=[1, 1])), ShapeError, "row 1 occurs twice"),
    "trace limit": (lambda: problem(triangle(trace_rows=[1], trace_limit=-1)), ParseError, "expected .* found -1"),
    "overlap with itself": (lambda: pair(Overlap(1, 1, (0,), (1,))), ShapeError, "overlap 0: expected two cliques"),
    "overlap beyond": (
        lambda: pair(Overlap(0, 2, (0,), (0,))),
        ShapeError,
        "overlap 0, second: expected a clique 0 to 1",
    ),
    "negative clique": (lambda: pair(Overlap(-1, 1, (0,), (0,))), ShapeError, "overlap 0, first: .* found -1"),
    "row beyond": (lambda: pair(Overlap(0, 1, (0,), (3,))), ShapeError, "overlap 0, second rows: expected rows 0 to 2"),
    "row twice": (lambda: pair(Overlap(0, 1, (0, 0), (1, 2))), ShapeError, "overlap 0, first rows: row 0 occurs twice"),
    "unequal rows": (lambda: pair(Overlap(0, 1, (0, 1), (1,))), ShapeError, "overlap 0: .* found 2 and 1"),
    "row no integer": (lambda: Overlap(0, 1, (0.5,), (1,)), ShapeError, "first_rows: expected an integer, found 0.5"),  # type: ignore[arg-type]
    "rows no list": (lambda: Overlap(0, 1, 0, (1,)), ShapeError, "first_rows: expected a list"),  # type: ignore[arg-type]
    "clique no integer": (lambda: Overlap(True, 1, (0,), (1,)), ShapeError, "first: expected an integer, found True"),
    "huge index": (lambda: Overlap(0, 2**70, (0,), (1,)), ShapeError, "second: expected an index"),
    "shared trace": (
        lambda: pair(Overlap(0, 1, (0,), (1,)), trace_rows=[1], trace_limit=1),
        ShapeError,
        "overlap 0, second rows: row 1 of clique 1 belongs to a ball",
    ),
    "disjoint copies": (
        lambda: pair(Overlap(0, 1, (0,), (1,)), lower=-2 * ALL, upper=0.5 * ALL),
        ParseError,
        r"do not meet: entry \[0, 0\] of clique 0",
    ),
    "objectives": (
        lambda: problem(objective=[CUT, CUT]),
        ShapeError,
        "objective: expected one matrix per clique, 1, found 2",
    ),
    "objective alone": (lambda: problem(objective=CUT), ShapeError, "objective: expected a list of matrices"),
    "objective's size": (lambda: problem(objective=[np.eye(2)]), ShapeError, "objective, matrix 0: expected 3 x 3"),
    "asymmetric objective": (
        lambda: problem(objective=[replaced(CUT, 0, 1, 5.0)]),
        ParseError,
        "objective, matrix 0: expected a symmetric matrix",
    ),
    "objective has NaN": (lambda: problem(objective=[CUT * np.nan]), ParseError, r"objective, matrix 0\[0, 0\] is nan"),
    "constant": (lambda: problem(constant=np.inf), ParseError, "constant is inf"),
    "multipliers": (lambda: problem().bound([]), ShapeError, "multipliers: expected one matrix per clique, 1, found 0"),
    "multiplier's size": (lambda: problem().bound([np.eye(2)]), ShapeError, "multipliers, matrix 0: expected 3 x 3"),
    "asymmetric multiplier": (
        lambda: problem().bound([replaced(CUT, 0, 1, 5.0)]),
        ParseError,
        "multipliers, matrix 0: expected a symmetric matrix",
    ),
    "no problem": (lambda: solve(CUT), SettingsError, "problem: expected a twincert.sdp.ChordalProblem"),  # type: ignore[arg-type]
    "no callback": (lambda: solve(problem(), callback=3), SettingsError, "callback: expected a function"),  # type: ignore[arg-type]
    "no time": (lambda: solve(problem(), time_limit=0), SettingsError, "time_limit: expected a number of seconds > 0"),
    "time is no number": (
        lambda: solve(problem(), time_limit=float("nan")),
        SettingsError,
        "time_limit is nan, expected a finite number",
    ),
    "setting": (lambda: solve(problem(), settings={"rhu": 1}), SettingsError, "did you mean 'rho'"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_named(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_it_is_part_of_the_package() -> None:
    assert twincert.sdp.solve is solve


@pytest.mark.parametrize("objective", [None, np.zeros((3, 3)), -ONE])
def test_objectives_whose_optimum_is_trivial(objective: np.ndarray | None) -> None:
    solution = solve(ChordalProblem([triangle()], objective=[objective]))
    optimum = 0.0 if objective is None else -3.0 if objective[0, 0] < 0 else 0.0
    assert solution.status == "converged"
    assert optimum <= solution.bound <= optimum + 1e-9
    assert np.isfinite(solution.residual)


def alone_and_in_two(clique: Clique, C: np.ndarray) -> tuple[float, float]:
    """Bounds by the interior-point method, which must converge, and the splitting: a corner is a clique."""
    single = solve(ChordalProblem([clique], objective=[C]))
    assert single.status == "converged"
    corner = Clique([[1.0]], clique.lower[:1, :1], clique.upper[:1, :1], variable_magnitude=[10.0])
    chain = ChordalProblem([clique, corner], [Overlap(0, 1, (0,), (0,))], objective=[C, None])
    return single.bound, solve(chain, settings={"max_iterations": 2000}).bound


@pytest.mark.parametrize("seed", [10, 11, 28, 35, 64, 76])
def test_the_gap_counts_what_is_infeasible(seed: int) -> None:
    """An iterate that violates active entries must not pass for an optimum."""
    random = np.random.default_rng(seed)
    variables = int(random.integers(3, 10))
    rows = variables + int(random.integers(0, 8))
    T = np.vstack([np.eye(variables), random.standard_normal((rows - variables, variables))])
    point = random.uniform(-1, 1, (variables, 2))
    moments = T @ point @ point.T @ T.T
    width = random.uniform(0, 0.3, (rows, rows)) * (random.uniform(size=(rows, rows)) < 0.6)
    width = width + width.T
    width = np.where(width == 0, random.uniform(0, 5), width)
    C = random.standard_normal((rows, rows))
    lower, upper = (0.5 * (ends + ends.T) for ends in (moments - width, moments + width))
    single, double = alone_and_in_two(Clique(T, lower, upper), C + C.T)
    assert single <= double + 0.005 * max(1.0, abs(double))


def test_steps_that_only_make_it_feasible_count_as_progress() -> None:
    """Most entries are fixed: the bound does not fall before the iterate comes near them."""
    random = np.random.default_rng(2)
    basis = np.linalg.qr(random.standard_normal((60, 60)))[0]
    moments = (basis * random.uniform(0.01, 1, 60)) @ basis.T
    moments = 0.5 * (moments + moments.T)
    fixed = np.triu(random.uniform(size=(60, 60)) < 0.8, 1)
    free = ~(fixed | fixed.T | np.eye(60, dtype=bool))
    C = random.standard_normal((60, 60))
    single, double = alone_and_in_two(Clique(np.eye(60), moments - free, moments + free), C + C.T)
    assert single <= 1.01 * double
