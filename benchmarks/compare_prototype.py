"""Four random twins against a NumPy prototype of the same relaxation and against SDP solvers.

Command, from the repository root: ``python -m benchmarks.compare_prototype [--skip-clarabel] [--skip-prototype]``

All bound the largest difference f - g of output 0. Ours is certified: both sides are bounded (measure "outputs" of the
networks without their other outputs). The prototype bounds the upper side alone, so the ratio of times counts, of
ours, everything but the solve, and the solve of that side alone; the seconds for both sides are listed beside it. The
targets: at most 2 % above the prototype's bound, in at most a tenth of its time.

The prototype (../shared/prototype) runs 1500 iterations as its own script does; its seconds are those it reports, which
leave out bounds and set-up. "slope only" is the SDP of tests/reference/slope_only.py without products of different
neurons, as SCS (eps 1e-4) and Clarabel return it: values, not bounds; seconds with cvxpy's compilation.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
from threadpoolctl import threadpool_limits

import twincert

from .comparison import Timed, clock, parser, shared, short, solver_options, table, timed

# widths, radius of the box, bits of the twin
INSTANCES = (
    ((5, 15, 15, 3), 0.5, 8),
    ((5, 15, 15, 3), 0.5, 4),
    ((5, 10, 10, 10, 3), 0.3, 8),
    ((5, 15, 15, 3), 0.15, 8),
)
# Settings and rows by bits. The slack rows cost time per iteration and pay where the twin is coarse; the multipliers
# of more rows want a smaller rho.
TUNED: dict[int, tuple[dict[str, float], tuple[str, ...]]] = {
    8: ({"rho": 0.4, "adaptive_rho": False, "max_iterations": 400, "tolerance": 1e-4, "bound_every": 100}, ()),
    4: (
        {"rho": 0.1, "adaptive_rho": False, "max_iterations": 500, "tolerance": 1e-4, "bound_every": 100},
        ("slack_rows",),
    ),
}

Layers = list[tuple[np.ndarray, np.ndarray]]


def instance(widths: tuple[int, ...], radius: float, bits: int) -> tuple[Layers, Layers, np.ndarray, np.ndarray]:
    """f, g, lower, upper: the prototype's seeds and arithmetic."""
    random = np.random.default_rng(0)
    weights = [random.standard_normal((m, n)) / np.sqrt(n) * 1.4 for n, m in pairwise(widths)]
    biases = [0.1 * random.standard_normal(m) for m in widths[1:]]
    levels = 2 ** (bits - 1) - 1
    rounded = [np.round(w / np.abs(w).max() * levels) / levels * np.abs(w).max() for w in weights]
    centre = random.uniform(-1, 1, widths[0])
    f, g = (list(zip(side, biases, strict=True)) for side in (weights, rounded))
    return f, g, centre - radius, centre + radius


def first_output(f: Layers, g: Layers) -> twincert.Twin:
    """The twin of the networks without their other outputs."""
    cut = [[*side[:-1], (side[-1][0][:1], side[-1][1][:1])] for side in (f, g)]
    return twincert.Twin(*(twincert.Network.from_arrays(side, activation="relu") for side in cut))


def sampled_maximum(twin: twincert.Twin, lower: np.ndarray, upper: np.ndarray) -> float:
    """Largest difference at the prototype's 200000 random points and 200000 random corners."""
    random = np.random.default_rng(1)
    shape = (200000, lower.size)
    points = np.vstack([random.uniform(lower, upper, shape), np.where(random.random(shape) < 0.5, lower, upper)])
    return float(twin.error(points).max())


def upper_side_seconds(run: Timed, crown: twincert.Certificate) -> float:
    """Seconds of a run without those that the solve of the lower side took.

    The sides are solved one after the other, that of the larger bound of propagation first.
    """
    first_is_upper = crown.upper_per_output[0] >= -crown.lower_per_output[0]
    history, solve = run.certificate.info["history"], dict(run.certificate.info["timings"])["solve"]
    first_end, end = (max(h["seconds"] for h in history if h["objective"] == number) for number in (1, 2))
    first_share = 1 - (end - first_end) / solve
    return run.seconds - run.stages["solve"] * (1 - first_share if first_is_upper else first_share)


def prototype_bound(
    module: ModuleType, f: Layers, g: Layers, lower: np.ndarray, upper: np.ndarray, bits: int
) -> tuple[float, float]:
    """Valid bound and seconds of the prototype, computed as in its script."""
    (wf, bf), (wg, bg) = (tuple(map(list, zip(*side, strict=True))) for side in (f, g))

    def tight(ws: list[np.ndarray], bs: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        both = zip(module.crown_bounds(ws, bs, lower, upper), module.ibp(ws, bs, lower, upper), strict=True)
        return [(np.maximum(a[0], b[0]), np.minimum(a[1], b[1])) for a, b in both]

    pf, pg = tight(wf, bf), tight(wg, bg)
    difference = module.diff_ibp(wf, bf, wg, bg, pf, pg, lower, upper)
    cliques, layers = module.rows_problem(wf, bf, wg, bg, lower, upper, pf, pg, difference, {})
    direction = np.eye(len(bf[-1]))[0]
    objective, constant = module.objective_rows(cliques, layers, wf, bf, wg, bg, direction)
    rho = 0.03 if bits == 8 else 0.01
    best, repaired, _, _, seconds, _ = module.dr(cliques, objective, constant, maxit=1500, rho=rho, alpha=1.8)
    return min(best, repaired), seconds


def slope_only(
    module: ModuleType, problem: tuple[Layers, Layers, np.ndarray, np.ndarray], backend: str, runs: int
) -> list[str]:
    """Value and median seconds of an SDP solver, as cells of the table; dashes for no run."""
    direction = np.eye(len(problem[0][-1][1]))[0]
    solved = [clock(lambda: module.slope_only_sdp(*problem, direction, backend)) for _ in range(runs)]
    if not solved:
        return ["-", "-"]
    return [short(solved[0][0].value), short(statistics.median(seconds for _, seconds in solved))]


def load(path: Path) -> ModuleType:
    """A module from its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--repeat-slow", type=int, default=1, help="runs of the prototype and the SDP solvers")
    options.add_argument("--skip-prototype", action="store_true")
    options.add_argument("--skip-clarabel", action="store_true")
    options.add_argument("--skip-scs", action="store_true")
    args = options.parse_args()
    module = None if args.skip_prototype else load(shared("prototype") / "rows_prototype.py")
    slope = load(Path(__file__).resolve().parents[1] / "tests" / "reference" / "slope_only.py")
    skipped = {name for name, skip in (("SCS", args.skip_scs), ("CLARABEL", args.skip_clarabel)) if skip}
    solver = {bits: solver_options(args, *tuned, label=f"{bits}-bit twins: ") for bits, tuned in TUNED.items()}
    rows, times = [], []
    for widths, radius, bits in INSTANCES:
        f, g, lower, upper = instance(widths, radius, bits)
        name = f"{'-'.join(map(str, widths))}, {bits}-bit, {radius:g}"
        twin, box = first_output(f, g), twincert.Box(lower, upper)
        crown = twincert.certify(twin, box, "outputs", method="crown")
        run = timed(twin, box, "outputs", args.repeat, method="sdp", **solver[bits])
        bound, seconds = float(run.certificate.upper_per_output[0]), upper_side_seconds(run, crown)
        best, slow = None, None
        if module is not None:
            found = [prototype_bound(module, f, g, lower, upper, bits) for _ in range(args.repeat_slow)]
            best, slow = found[0][0], statistics.median(s for _, s in found)
        values: list[str] = []
        for backend in ("SCS", "CLARABEL"):
            runs = 0 if backend in skipped else max(args.repeat_slow, 1)
            values += slope_only(slope, (f, g, lower, upper), backend, runs)
        ratio_bound = None if best is None else bound / best
        ratio_time = None if slow is None else seconds / slow
        numbers = [sampled_maximum(twin, lower, upper), float(crown.upper_per_output[0]), bound, seconds, run.seconds]
        rows.append([name, *map(short, [*numbers, best, slow, ratio_bound, ratio_time]), *values])
        stages = [f"{run.stages.get(s, 0.0):.4f}" for s in ("interval", "attack", "crown", "build", "solve")]
        check = f"{run.check_seconds:.4f} {'accepted' if run.accepted else 'REFUSED'}"
        times.append([name, *stages, check, str(run.certificate.info["iterations"])])
    ours = ["instance", "sampled", "crown", "ours, certified", "s, upper side", "s, both sides"]
    theirs = ["prototype", "prototype, s", "bound ratio", "time ratio", "SCS", "SCS, s", "Clarabel", "Clarabel, s"]
    table([*ours, *theirs], rows)
    print("Seconds of our stages, both sides:\n")
    table(["instance", "interval", "attack", "crown", "build", "solve", "check", "iterations"], times)


if __name__ == "__main__":
    with threadpool_limits(1):  # one BLAS thread for everybody
        main()
