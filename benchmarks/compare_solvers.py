"""Ours against SCS and Clarabel, on the same relaxations and on the weaker slope-only ones.

Command, from the repository root: ``python -m benchmarks.compare_solvers [--only NAME] [--time-cap 120] [--repeat 3]``

The suite and the objectives are those of sdp_suite.py; each solve has a process of its own and two threads. Only
``twincert.sdp`` proves its bounds; the other numbers are the solvers' values.

- ours, bound: the best proven one of ``--iterations`` iterations without a stopping test, or of ``--optimum-cap``
  seconds. The optimum is taken to be the smaller of this and of Clarabel's value, where that is solved; "at most"
  where it is not and our bound still fell by more than 0.1 % in the second half of the iterations
- 1 %, 0.2 %: seconds and iterations of ours until a *proven* bound is as close to the optimum, solver set-up included
- SCS (eps 1e-4, direct) and Clarabel get the same problem in the form of conic.py, which leaves implied intervals
  out; value / optimum, seconds with set-up, but without the conversion. Left out where ``--memory`` would not do or
  the conversion exceeds the cap
- slope-only: the values of the SDP of tests/reference/slope_only.py over the same stage bounds, seconds without
  cvxpy's compilation; only up to ``--slope-size`` variables
- MiB: the most memory that the process had, beyond what loaded libraries take, the problem's data included

Geometric means of time ratios leave out instances whose optimum is not known, and take a solver that was stopped by
the cap at its seconds then: those are lower bounds.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from twincert.sdp import ChordalProblem

from .comparison import short
from .conic import estimates
from .sdp_suite import DATA, Objective, objective, suite
from .solver_worker import Result, run

TARGETS = (0.01, 0.002)
GENERAL = ("SCS", "Clarabel")
HEAD = [
    *("instance", "rows x variables", "crown", "propagation", "ours, bound", "optimum"),
    *("1 %, s", "iterations", "0.2 %, s", "iterations", "MiB"),
    *(f"{solver}, {part}" for solver in GENERAL for part in ("value / optimum", "s", "MiB", "status")),
    *(f"slope-only, {part}" for part in ("value / optimum", "SCS, s", "Clarabel, s")),
]


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", metavar="NAME", action="append", help="instances whose name contains this")
    options.add_argument("--time-cap", type=float, default=120.0, help="seconds of a general solver (default 120)")
    options.add_argument("--memory", type=float, default=3.0, help="GiB of a general solver (default 3)")
    options.add_argument("--iterations", type=int, default=10000, help="of ours for the optimum (default 10000)")
    options.add_argument("--optimum-cap", type=float, default=300.0, help="seconds of ours for it (default 300)")
    options.add_argument("--repeat", type=int, default=1, help="timed runs of ours; medians (default 1)")
    options.add_argument("--threads", type=int, default=2, help="of every solver (default 2)")
    options.add_argument("--slope-size", type=int, default=130, help="variables of the slope-only SDP (default 130)")
    options.add_argument("--skip", action="append", default=[], choices=[*GENERAL, "slope-only"])
    return options.parse_args()


def sizes(problem: ChordalProblem) -> str:
    """Rows x variables of the cliques; equal neighbours together."""
    shapes = [clique.T.shape for clique in problem.cliques]
    shown = " ".join(f"{rows}x{variables}" for rows, variables in shapes[:3])
    largest = max(shapes, key=lambda shape: shape[1])
    rest = f" .. {len(shapes)} cliques, largest {largest[0]}x{largest[1]}" if len(shapes) > 3 else ""
    return shown + rest


def general(solver: str, problem: ChordalProblem, args: argparse.Namespace) -> Result:
    """SCS or Clarabel on the same relaxation."""
    if solver in args.skip:
        return {"status": "not run"}
    needed = estimates(problem)[solver] / 2**30
    if needed > args.memory:
        return {"status": f"left out: {needed:.1f} GiB"}
    limits = {"threads": args.threads, "memory": (args.memory + 1.0) * 2**30}
    data = run("convert", problem, limit=args.time_cap, upper_triangle=solver == "Clarabel", **limits)
    if isinstance(data, dict):
        return {"status": f"conversion: {data['status']}"}
    extra = {"workers": args.threads} if solver == "Clarabel" else {}
    # The cap is the solver's; it looks at the clock only between its steps.
    return run(solver, data, limit=2 * args.time_cap + 60, cap=args.time_cap, **extra, **limits)


def slope_only(found: Objective, args: argparse.Namespace) -> dict[str, Result]:
    if "slope-only" in args.skip:
        return {solver: {"status": "not run"} for solver in GENERAL}
    limits = {"threads": args.threads, "memory": (args.memory + 1.0) * 2**30, "limit": 2 * args.time_cap + 60}
    options = {"cap": args.time_cap, "largest": args.slope_size}
    return {solver: run("slope-only", found, solver=solver.upper(), **options, **limits) for solver in GENERAL}


def ours(problem: ChordalProblem, args: argparse.Namespace, cap: float, enough: float | None) -> Result:
    limits = {"threads": args.threads, "limit": 2 * cap + 60, "memory": 64 * 2**30}
    return run("ours", problem, workers=args.threads, cap=cap, iterations=args.iterations, enough=enough, **limits)


def settled(result: Result) -> bool:
    """Whether the bound hardly fell in the second half of the iterations."""
    last, _, best = result["history"][-1]
    half = next(bound for iteration, _, bound in result["history"] if 2 * iteration >= last)
    return bool(half - best <= 1e-3 * abs(best))


def reached(result: Result, target: float) -> tuple[float, float] | None:
    """Seconds and iterations until the proven bound is at most ``target``."""
    for iteration, seconds, bound in result.get("history", ()):
        if bound <= target:
            return seconds, iteration
    return None


def medians(runs: Iterable[tuple[float, float] | None]) -> tuple[float, float] | None:
    found = [run for run in runs if run is not None]
    return (statistics.median(s for s, _ in found), statistics.median(i for _, i in found)) if found else None


def solved(result: Result) -> bool:
    """Whether the solver came to an end; Clarabel's AlmostSolved is its wider tolerances, still below 1e-4."""
    return result["status"] in {"solved", "optimal", "Solved", "AlmostSolved"}


class Ratios:
    """Geometric means of what the others need over what ours needs."""

    def __init__(self) -> None:
        self.logs: dict[str, list[float]] = {}
        self.capped: dict[str, int] = {}

    def add(self, name: str, theirs: Result, key: str, mine: float | None) -> None:
        if not theirs.get(key) or not mine:
            return
        self.logs.setdefault(name, []).append(math.log(theirs[key] / mine))
        self.capped[name] = self.capped.get(name, 0) + (not solved(theirs))

    def show(self) -> None:
        if not self.logs:
            return
        print("\nGeometric means of their need over ours:\n")
        for name, logs in self.logs.items():
            capped = f", {self.capped[name]} of them not solved when stopped" if self.capped[name] else ""
            print(f"- {name}: {short(math.exp(statistics.fmean(logs)))} over {len(logs)} instances{capped}")


def line(cells: Sequence[str]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def compare(name: str, args: argparse.Namespace, ratios: Ratios) -> list[str]:
    """A row of the table."""
    found = objective(name)
    problem = found.problem()
    long = ours(problem, args, args.optimum_cap, None)
    others = {solver: general(solver, problem, args) for solver in GENERAL}
    slope = slope_only(found, args)
    cells = [name, sizes(problem), short(found.crown), short(found.propagated)]
    if "value" not in long:
        return [*cells, long["status"]]
    best = optimum = long["value"]
    known = settled(long)
    if solved(others["Clarabel"]) and "value" in others["Clarabel"]:
        optimum, known = min(optimum, others["Clarabel"]["value"]), True
    enough = optimum + TARGETS[-1] * abs(optimum)
    timed = [ours(problem, args, args.optimum_cap, enough) for _ in range(max(args.repeat, 1))]
    cells += [short(best), short(optimum) if known else f"at most {short(optimum)}"]
    times = [medians(reached(result, optimum + t * abs(optimum)) for result in timed) for t in TARGETS]
    for time in times:
        cells += ["-", "-"] if time is None else [short(time[0]), f"{time[1]:.0f}"]
    memory = statistics.median(result.get("peak", math.nan) for result in timed)
    cells.append(short(memory))
    first = times[0][0] if times[0] and known else None
    for solver, result in others.items():
        cells += [relative(result, optimum), short(result.get("seconds")), short(result.get("peak")), result["status"]]
        ratios.add(f"time of {solver} over ours to 1 %", result, "seconds", first)
        ratios.add(f"memory of {solver}", result, "peak", memory)
    cells.append(relative(slope["SCS"], optimum))
    for solver, result in slope.items():
        cells.append(short(result.get("seconds")) if "seconds" in result else result["status"])
        ratios.add(f"time of {solver}, slope-only, over ours to 1 %", result, "seconds", first)
    return cells


def relative(result: dict[str, Any], optimum: float) -> str:
    return short(result["value"] / optimum) if "value" in result and optimum else "-"


def main() -> None:
    args = arguments()
    names = [name for name in suite() if args.only is None or any(part in name for part in args.only)]
    if not DATA.exists():
        print("../shared/data (seen from the repository root) is absent: generated instances and digits only\n")
    ratios = Ratios()
    line(HEAD)
    line(["---"] * len(HEAD))
    for name in names:
        line(compare(name, args, ratios))
    ratios.show()


if __name__ == "__main__":
    main()
