"""Variants of the solver, and families of rows, on the suite of sdp_suite.py (up to 130 variables).

Command, from the repository root: ``python -m benchmarks.compare_variants [--only solver|rows] [--cap 8]``

``solver``: seconds until a *proven* bound is within 1 % of the least that any variant of the splitting has after
``--cap`` seconds, on the relaxation with one clique per hidden stage; "-" where that takes longer. The interior-point
method has the single clique, whose relaxation is tighter, and must reach the same bound. ``rows``: bound and seconds of
the interior-point method with its own stopping test for each family of rows, relative to the relaxation without any of
them; the default is what ``relax/row_choice`` chooses for the twin. Two threads; geometric means.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterable, Mapping

from twincert.sdp import ChordalProblem, ChordalSolution, solve

from .comparison import short, table
from .sdp_suite import Objective, objective, suite

LARGEST = 130  # variables
TARGET = 1.01
SPLITTINGS: dict[str, dict[str, float | bool]] = {
    "plain": {"relaxation": 1.0, "memory": 0},
    "over-relaxed": {"memory": 0},
    "Anderson 5": {"memory": 5},
    "Anderson 10 (default)": {},
    "Anderson 20": {"memory": 20},
    "fixed rho": {"adaptive_rho": False},
    "fixed rho / 3": {"adaptive_rho": False, "rho": 0.1},
    "rho / 10": {"rho": 0.03},
    "10 rho": {"rho": 3.0},
}
FAMILIES: dict[str, dict[str, bool | str] | None] = {
    "default": None,
    "slack_rows": {"slack_rows": True},
    "reference_rows": {"reference_rows": True},
    "centred_difference": {"centred_difference": True},
    "unstable_only": {"unstable_only": True},
}


def mean(values: Iterable[float]) -> str:
    """Geometric."""
    found = [math.log(value) for value in values]
    return short(math.exp(statistics.fmean(found))) if found else "-"


def run(problem: ChordalProblem, cap: float, settings: Mapping[str, float | bool]) -> ChordalSolution:
    return solve(problem, settings={"threads": 2, **settings}, time_limit=cap)


def seconds_until(solution: ChordalSolution, bound: float) -> float | None:
    return next((line["seconds"] for line in solution.history if line["bound"] <= bound), None)


def solvers(names: list[str], cap: float) -> None:
    found: dict[str, list[float | None]] = {variant: [] for variant in [*SPLITTINGS, "interior point"]}
    rows = []
    for name in names:
        question = objective(name)
        stages, single = (question.problem({"cliques": cliques}) for cliques in ("stages", "single"))
        splitting = {"tolerance": 0.0, "max_iterations": 10**6, "bound_every": 20}
        runs = {variant: run(stages, cap, {**splitting, **settings}) for variant, settings in SPLITTINGS.items()}
        target = TARGET * min(solution.bound for solution in runs.values())
        runs["interior point"] = run(single, cap, {})
        times = {variant: seconds_until(solution, target) for variant, solution in runs.items()}
        for variant, seconds in times.items():
            found[variant].append(seconds)
        rows.append([name, *("-" if seconds is None else short(seconds) for seconds in times.values())])
    rows.append(["reached", *(str(sum(s is not None for s in times)) for times in found.values())])
    rows.append(["mean, cap where not reached", *(mean(cap if s is None else s for s in t) for t in found.values())])
    table(["instance", *found], rows)


def families(names: list[str], cap: float) -> None:
    found: dict[str, list[tuple[float, float]]] = {family: [] for family in FAMILIES}
    rows = []
    for name in names:
        question = objective(name)
        base, seconds = outcome(question, {}, cap)
        cells = [name, short(base), short(seconds)]
        for family, chosen in FAMILIES.items():
            bound, time = outcome(question, chosen, cap)
            found[family].append((bound / base, time / seconds))
            cells.append(f"{bound / base:.4f}, {time / seconds:.2f}")
        rows.append(cells)
    means = (f"{mean(b for b, _ in pairs)}, {mean(t for _, t in pairs)}" for pairs in found.values())
    rows.append(["mean", "", "", *means])
    table(["instance", "none: bound", "s", *(f"{family}: bound, time" for family in FAMILIES)], rows)


def outcome(question: Objective, rows: Mapping[str, bool | str] | None, cap: float) -> tuple[float, float]:
    """Bound and seconds on the single clique."""
    problem = question.problem(None if rows is None else {"cliques": "single", **rows})
    solution = run(problem, cap, {})
    return solution.bound, solution.history[-1]["seconds"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", choices=["solver", "rows"])
    options.add_argument("--cap", type=float, default=8.0, help="seconds of a variant (default 8)")
    args = options.parse_args()
    names = [
        name
        for name in suite()
        if max(clique.T.shape[1] for clique in objective(name).problem({"cliques": "single"}).cliques) <= LARGEST
    ]
    if args.only in (None, "solver"):
        solvers(names, args.cap)
    if args.only in (None, "rows"):
        families(names, args.cap)


if __name__ == "__main__":
    main()
