"""One solve in a process of its own, so that crashes stay there and times and peak memory are its alone.

    python -m benchmarks.solver_worker KIND INPUT OUTPUT OPTIONS

KIND names a function of ``KINDS``; INPUT is a pickle of its first argument, OPTIONS JSON of the others; OUTPUT receives
a pickle of what it returns. ``run`` starts it. Peak memory counts from when the libraries are loaded, so it includes
the problem's data.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clarabel
import numpy as np
import scs

from twincert._reference.crown import TwinIntervals
from twincert.network import Network
from twincert.sdp import ChordalProblem, ChordalProgress, solve

from .compare_prototype import load
from .conic import Conic, conic
from .sdp_suite import Objective

ROOT = Path(__file__).resolve().parents[1]
EPS = 1e-4  # of SCS
Result = dict[str, Any]


def ours(problem: ChordalProblem, workers: int, cap: float, iterations: int, enough: float | None) -> Result:
    """Ours, to the end or until its proven bound is ``enough``."""

    def below(progress: ChordalProgress) -> bool:
        return enough is None or progress["bound"] > enough

    settings = {"tolerance": 0.0, "max_iterations": iterations, "threads": workers}
    solution = solve(problem, settings=settings, time_limit=cap, callback=below)
    history = [(p["iteration"], p["seconds"], p["bound"]) for p in solution.history]
    return {"value": solution.bound, "status": solution.status, "seconds": history[-1][1], "history": history}


def with_scs(data: Conic, cap: float) -> Result:
    cone = {"z": data.zero, "l": data.nonnegative, "s": data.semidefinite}
    begin = time.perf_counter()
    solver = scs.SCS(
        {"A": data.A, "b": data.b, "c": data.c},
        cone,
        eps_abs=EPS,
        eps_rel=EPS,
        max_iters=10**9,
        time_limit_secs=cap,
        linear_solver=scs.LinearSolver.QDLDL,
        verbose=False,
    )
    info = solver.solve()["info"]
    value = data.value((info["pobj"] + info["dobj"]) / 2)
    return {"value": value, "status": info["status"], "seconds": time.perf_counter() - begin, "steps": info["iter"]}


def with_clarabel(data: Conic, cap: float, workers: int) -> Result:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.time_limit = cap
    settings.max_threads = workers
    semidefinite = [clarabel.PSDTriangleConeT(size) for size in data.semidefinite]
    cones = [clarabel.ZeroConeT(data.zero), clarabel.NonnegativeConeT(data.nonnegative), *semidefinite]
    begin = time.perf_counter()
    no_squares = data.A[:0].T @ data.A[:0]
    solution = clarabel.DefaultSolver(no_squares, data.c, data.A, data.b, cones, settings).solve()
    seconds = time.perf_counter() - begin
    value, steps = data.value(solution.obj_val), solution.iterations
    return {"value": value, "status": str(solution.status), "seconds": seconds, "steps": steps}


def intervals(objective: Objective) -> TwinIntervals:
    """The enclosures that our relaxation is built on."""
    bounds = objective.stage_bounds()
    reference, compressed, difference = (
        [getattr(stage, name) for stage in bounds.stages] for name in ("reference", "compressed", "difference")
    )
    lower, upper = objective.box.bounding_box
    return TwinIntervals(lower, upper, np.zeros_like(lower), reference, compressed, difference)


def slope_only(objective: Objective, solver: str, cap: float, largest: int) -> Result:
    """SCS or Clarabel on the slope-only relaxation of tests/reference; seconds without cvxpy's compilation."""
    module = load(ROOT / "tests" / "reference" / "slope_only.py")
    proven = intervals(objective)
    unstable = [(low < 0) & (high > 0) for side in (proven.reference, proven.compressed) for low, high in side[:-1]]
    size = 1 + objective.box.size + sum(int(mask.sum()) for mask in unstable)
    if size > largest:
        return {"status": f"left out: {size} variables"}
    limits = {"SCS": {"time_limit_secs": cap, "max_iters": 10**9}, "CLARABEL": {"time_limit": cap}}
    found = module.slope_only_sdp(
        *(layers(network) for network in (objective.twin.reference, objective.twin.compressed)),
        proven.lower,
        proven.upper,
        objective.weights,
        solver,
        proven,
        **module.SOLVERS[solver],
        **limits[solver],
    )
    return {"value": found.value, "status": found.status, "seconds": found.solve_seconds, "size": size}


def layers(network: Network) -> list[tuple[np.ndarray, np.ndarray]]:
    return network.to_arrays()


KINDS: dict[str, Callable[..., Any]] = {
    "ours": ours,
    "convert": conic,
    "SCS": with_scs,
    "Clarabel": with_clarabel,
    "slope-only": slope_only,
}


def peak() -> float:
    """MiB that this process had resident at most.

    Not ru_maxrss, which a process inherits from the one that started it.
    """
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(status["VmHWM"].split()[0]) / 1024


def main(kind: str, source: str, target: str, options: str) -> None:
    chosen = json.loads(options)
    memory = chosen.pop("memory")
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    loaded = peak()
    result = KINDS[kind](pickle.loads(Path(source).read_bytes()), **chosen)
    if isinstance(result, dict):
        result["peak"] = peak() - loaded
    Path(target).write_bytes(pickle.dumps(result))


def run(kind: str, given: Any, *, threads: int, limit: float, memory: float, **options: Any) -> Any:
    """The result of a solve, or {"status": what went wrong}. limit: seconds until it is killed; memory: bytes."""
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))}
    environment["RAYON_NUM_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "input"), Path(folder, "output")
        source.write_bytes(pickle.dumps(given))
        options = {**options, "memory": int(memory)}
        command = [
            sys.executable,
            "-m",
            "benchmarks.solver_worker",
            kind,
            str(source),
            str(target),
            json.dumps(options),
        ]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            return {"status": f"killed after {limit:.0f} s"}
        if target.exists():
            return pickle.loads(target.read_bytes())
        if done.returncode < 0:
            return {"status": signal.Signals(-done.returncode).name}
        return {"status": (done.stderr.strip().splitlines() or ["no message"])[-1]}


if __name__ == "__main__":
    main(*sys.argv[1:])
