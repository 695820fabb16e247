"""Make brackets.json: cd tests && python -m reference.make_brackets [--truth] [NAME ...]   (half an hour)

truth: [min, max] of f_i - g_i over the box per output, by HiGHS (exact_max.py); for the twins with five inputs only the
maximum of output 0, which takes minutes; kept while the twin is the same, unless --truth is given. sdp: the moment
SDP's value of max f_0 - g_0, and for the smallest twins of max |f - g|^2, by SCS (eps 1e-6, at most two minutes) and
Clarabel; the bracket is the smallest and the largest of the values obtained. Only the twins named are made anew.
"""

from __future__ import annotations

import itertools
import json
import sys

import cvxpy
import numpy as np

from reference.frozen_twins import BRACKETS, FrozenTwin, frozen_twins, load_brackets
from reference.moment_sdp import solve
from twincert._reference.exact_max import maximum
from twincert._reference.network import Array
from twincert._reference.objective import linear, squared_norm
from twincert._reference.splitting import build

SOLVERS = {
    "SCS": {"eps_abs": 1e-6, "eps_rel": 1e-6, "max_iters": 30000, "time_limit_secs": 120.0},
    "CLARABEL": {"time_limit": 1500.0},
}


def is_large(twin: FrozenTwin) -> bool:
    return len(twin.lower) >= 5


def pieces(twin: FrozenTwin) -> list[tuple[Array, Array]]:
    """Parts of the box whose programs are easy: few inputs are halved, a single one is cut into 32, five stay whole."""
    count = {1: 32, 2: 2, 3: 2}.get(len(twin.lower), 1)
    cuts = [np.linspace(low, high, count + 1) for low, high in zip(twin.lower, twin.upper, strict=True)]
    sides = [list(itertools.pairwise(cut)) for cut in cuts]
    return [(np.array([s[0] for s in part]), np.array([s[1] for s in part])) for part in itertools.product(*sides)]


def extreme(twin: FrozenTwin, direction: Array) -> float:
    pair = (twin.reference, twin.compressed)
    return max(maximum(*pair, *part, direction, twin.slope, time_limit=900.0).value for part in pieces(twin))


def truth(twin: FrozenTwin) -> list[list[float | None]]:
    outputs = np.eye(len(twin.reference[-1][1]))
    if is_large(twin):
        return [[None, extreme(twin, outputs[0])]]
    return [[-extreme(twin, -direction), extreme(twin, direction)] for direction in outputs]


def bracket(twin: FrozenTwin) -> dict[str, object]:
    chain, coefficients = build(twin.reference, twin.compressed, twin.lower, twin.upper, twin.slope)
    first = np.eye(len(coefficients))[0]
    result: dict[str, object] = {}
    objectives = {"output 0": linear(first, coefficients), "two squared": squared_norm(coefficients)}
    if len(twin.lower) > 2:
        del objectives["two squared"]
    for name, (objective, constant) in objectives.items():
        runs = []
        for solver, options in SOLVERS.items():
            try:
                run = solve(chain, objective, solver, **options)
            except cvxpy.SolverError as error:  # Clarabel gives up on some: the bracket is then the other one's value
                print(twin.name, name, solver, error, flush=True)  # noqa: T201
                continue
            print(twin.name, name, run, run.value + constant, flush=True)  # noqa: T201
            runs.append(
                {
                    "solver": solver,
                    "value": run.value + constant,
                    "status": run.status,
                    "seconds": round(run.seconds, 1),
                }
            )
        values = [float(run["value"]) for run in runs]
        result[name] = {"bracket": [min(values), max(values)], "runs": runs}
    return result


def main(names: list[str]) -> None:
    for twin in sorted(frozen_twins(), key=is_large):
        if names and twin.name not in names:
            continue
        known = (load_brackets() if BRACKETS.exists() else {}).get(twin.name, {})
        same = known.get("digest") == twin.digest and "--truth" not in sys.argv
        entry: dict[str, object] = {"digest": twin.digest, "truth": known["truth"] if same else truth(twin)}
        print(twin.name, entry["truth"], flush=True)  # noqa: T201
        entry["sdp"] = bracket(twin)
        brackets = load_brackets() if BRACKETS.exists() else {}
        brackets[twin.name] = entry
        BRACKETS.write_text(json.dumps(brackets, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if name != "--truth"])
