"""Make brackets.json: python tests/reference/make_brackets.py [NAME ...] (an hour on one core; needs the test extra)

truth: [min, max] of f_i - g_i over the box per output, by HiGHS (exact_max.py). sdp: the moment SDP's value of max
f_0 - g_0 and of max |f - g|^2 by SCS (eps 1e-6, at most five minutes) and Clarabel; the bracket is the smallest and
the largest of the values obtained. The twins with five inputs have output 0 only: each number takes minutes. A twin
given by name is made anew, the others stay.
"""

from __future__ import annotations

import itertools
import json
import sys

import numpy as np

from reference.frozen_twins import BRACKETS, FrozenTwin, frozen_twins, load_brackets
from reference.moment_sdp import solve
from twincert._reference.exact_max import maximum
from twincert._reference.network import Array
from twincert._reference.objective import linear, squared_norm
from twincert._reference.splitting import build

SOLVERS = {
    "SCS": {"eps_abs": 1e-6, "eps_rel": 1e-6, "max_iters": 30000, "time_limit_secs": 300.0},
    "CLARABEL": {"time_limit": 1500.0},
}


def is_large(twin: FrozenTwin) -> bool:
    return len(twin.lower) >= 5


def pieces(twin: FrozenTwin) -> list[tuple[Array, Array]]:
    """The box cut into halves along every input, a single input into 32: small parts have few unstable neurons."""
    count = 32 if len(twin.lower) == 1 else 2
    cuts = [np.linspace(low, high, count + 1) for low, high in zip(twin.lower, twin.upper, strict=True)]
    sides = [list(itertools.pairwise(cut)) for cut in cuts]
    return [(np.array([s[0] for s in part]), np.array([s[1] for s in part])) for part in itertools.product(*sides)]


def truth(twin: FrozenTwin) -> list[list[float]]:
    values = []
    outputs = np.eye(len(twin.reference[-1][1]))
    for direction in outputs[:1] if is_large(twin) else outputs:
        low, high = (
            max(
                maximum(twin.reference, twin.compressed, *part, sign * direction, twin.slope, time_limit=900.0).value
                for part in pieces(twin)
            )
            for sign in (-1.0, 1.0)
        )
        values.append([-low, high])
    return values


def bracket(twin: FrozenTwin) -> dict[str, object]:
    chain, coefficients = build(twin.reference, twin.compressed, twin.lower, twin.upper, twin.slope)
    first = np.eye(len(coefficients))[0]
    result: dict[str, object] = {}
    objectives = {"output 0": linear(first, coefficients), "two squared": squared_norm(coefficients)}
    if is_large(twin):
        del objectives["two squared"]
    for name, (objective, constant) in objectives.items():
        runs = []
        for solver, options in SOLVERS.items():
            run = solve(chain, objective, solver, **options)
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
    brackets = load_brackets() if BRACKETS.exists() else {}
    for twin in sorted(frozen_twins(), key=is_large):
        if names and twin.name not in names:
            continue
        entry: dict[str, object] = {"digest": twin.digest, "truth": truth(twin)}
        print(twin.name, entry["truth"], flush=True)  # noqa: T201
        entry["sdp"] = bracket(twin)
        brackets[twin.name] = entry
        BRACKETS.write_text(json.dumps(brackets, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
