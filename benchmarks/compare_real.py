"""Real networks against their twins: what each method proves, beside an attack and numbers of other tools.

Command, from the repository root: ``python -m benchmarks.compare_real [--time-limit 60] [--only acas|mnist|har]``

Bounds of the largest abs(f_i - g_i) over all outputs, ACAS Xu in the networks' normalised inputs and outputs.
"crown" is plain backward propagation, "lines and planes" the same with both optimised, and "cases" has the case
analysis inside the rows of single networks as well, which alpha-CROWN does not have: this is method="crown". Its
seconds and the SDP's are those of the whole call, attack and propagation included.
NeuroDiff: the largest absolute end of the interval it certified before splitting, from its own logs; VeryDiff: its
bound at the root, the same. CROWN and alpha-CROWN: auto_LiRPA on the difference network, 20 steps of alpha. None of
these rounds outwards; ours does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

import twincert
from twincert import _core
from twincert._blas import single_thread

from .comparison import clock, parser, shared, short, solver_options, table, timed
from .shared_twins import (
    LIRPA,
    acas_box,
    acas_twin,
    har_box,
    har_twin,
    mnist_box,
    mnist_twin,
    published_intervals,
    verydiff_roots,
)


def neurodiff(data: Path, net: str, region: str) -> str:
    """NeuroDiff's bound, as a cell."""
    return f"NeuroDiff {short(published_intervals(data, 'NeuroDiff')[net, region].largest)}"


def largest(bounds: _core.TwinBounds) -> float:
    """The largest proven abs(f_i - g_i), the evaluation's rounding included."""
    lower, upper = bounds.stages[-1].difference or (np.inf, np.inf)
    return float((np.maximum(np.abs(lower), np.abs(upper)) + bounds.evaluation_error).max())


def optimized_without_cases(twin: twincert.Twin, box: twincert.Box) -> _core.TwinBounds:
    """All of the optimisation but the case analysis: that is what a budget just too small for it drops."""
    plan = _core.optimization_plan(twin, _core.crown_bounds(twin, box))
    budget = 0.999999 * plan.operations if plan.case_neurons else plan.operations
    return _core.optimized_bounds(twin, box, budget=budget)


Case = tuple[str, twincert.Twin, twincert.Box, str]


def acas(data: Path) -> Iterator[Case]:
    for kind in ("float16", "pruned5"):
        twin = acas_twin(data, "1_1", kind)
        for prop in (1, 3, 4, 5 if kind == "float16" else 10):
            if kind == "float16":
                other = neurodiff(data, "1_1", f"prop_{prop}")
            else:
                other = f"VeryDiff {short(verydiff_roots(data)['1_1', str(prop)])}"
            yield f"ACAS 1_1, {kind}, prop_{prop}", twin, acas_box(data, prop), other


def mnist(data: Path) -> Iterator[Case]:
    other = neurodiff(data, "mnist_relu_3_100", "img0 +-3/255")
    yield "MNIST, float16, image 0", mnist_twin(data), mnist_box(data, 0), other


def har(data: Path) -> Iterator[Case]:
    yield "HAR, float16, input 0", har_twin(data), har_box(data, 0), neurodiff(data, "HAR", "HAR0+-0.1")


CASES = {"acas": acas, "mnist": mnist, "har": har}


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--time-limit", type=float, default=60.0, help="seconds of the SDP (default 60)")
    options.add_argument("--only", choices=tuple(CASES), help="one family of networks")
    options.set_defaults(repeat=1)
    args = options.parse_args()
    data = shared("data")
    solver = solver_options(args, {}, None)
    rows = []
    for family, cases in CASES.items():
        if args.only not in (None, family):
            continue
        for name, twin, box, other in cases(data):
            cells, attained, best = [], 0.0, float("inf")
            for plain in (_core.interval_bounds, _core.crown_bounds, optimized_without_cases):
                with single_thread():
                    bounds, seconds = clock(lambda plain=plain, twin=twin, box=box: plain(twin, box))
                cells.append(f"{short(largest(bounds))} ({seconds:.2f} s)")
            for method in ("crown", "sdp"):
                limit = args.time_limit if method == "sdp" else None
                run = timed(twin, box, "inf", args.repeat, method=method, time_limit=limit, **solver)
                attained, best = max(attained, run.certificate.lower), min(best, run.certificate.upper)
                cells.append(f"{short(run.certificate.upper)} ({run.seconds:.2f} s)")
                if not run.accepted:
                    cells[-1] += " REFUSED"
                if method == "sdp":
                    cells[-1] += f" {run.certificate.status}, check {run.check_seconds:.2f} s"
            crown, alpha = LIRPA.get(name, (None, None))
            gap = short(best / attained if attained > 0 else None)
            rows.append([name, short(attained), *cells, gap, other, short(crown), short(alpha)])
            print(f"done: {name}", flush=True)
    print()
    ours = ["twin, set", "attack", "interval", "crown", "lines and planes", "cases", "sdp", "best / attack"]
    table([*ours, "other tool", "auto_LiRPA CROWN", "alpha-CROWN"], rows)


if __name__ == "__main__":
    main()
