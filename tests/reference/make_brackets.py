"""Make brackets.json: python tests/reference/make_brackets.py [NAME ...]   (an hour on one core; needs the test extra)

truth: [min, max] of f_i - g_i over the box per output, by HiGHS (exact_max.py). sdp: the moment SDP's value of max f_0 - g_0 and of
max |f - g|^2 by SCS (eps 1e-6) and Clarabel; the bracket is the smallest and the largest of the values that were obtained. A twin that
is given by name is made anew, the others stay.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from frozen_twins import BRACKETS, FrozenTwin, frozen_twins, load_brackets
from moment_sdp import solve

from twincert._reference.exact_max import maximum
from twincert._reference.objective import linear, squared_norm
from twincert._reference.splitting import build

SOLVERS = {
    "SCS": {"eps_abs": 1e-6, "eps_rel": 1e-6, "max_iters": 30000, "time_limit_secs": 900.0},
    "CLARABEL": {"time_limit": 1500.0},
}


def truth(twin: FrozenTwin) -> list[list[float]]:
    values = []
    for direction in np.eye(len(twin.reference[-1][1])):
        pair = (twin.reference, twin.compressed, twin.lower, twin.upper)
        low, high = (maximum(*pair, s * direction, twin.slope, time_limit=900.0).value for s in (-1.0, 1.0))
        values.append([-low, high])
    return values


def bracket(twin: FrozenTwin) -> dict[str, object]:
    chain, coefficients = build(twin.reference, twin.compressed, twin.lower, twin.upper, twin.slope)
    first = np.eye(len(coefficients))[0]
    result: dict[str, object] = {}
    for name, (objective, constant) in (("output 0", linear(first, coefficients)), ("two squared", squared_norm(coefficients))):
        runs = []
        for solver, options in SOLVERS.items():
            run = solve(chain, objective, solver, **options)
            print(" ", twin.name, name, run, run.value + constant, flush=True)
            runs.append({"solver": solver, "value": run.value + constant, "status": run.status, "seconds": round(run.seconds, 1)})
        values = [float(run["value"]) for run in runs]
        result[name] = {"bracket": [min(values), max(values)], "runs": runs}
    return result


def main(names: list[str]) -> None:
    brackets = load_brackets() if BRACKETS.exists() else {}
    for twin in frozen_twins():
        if names and twin.name not in names:
            continue
        entry: dict[str, object] = {"digest": twin.digest, "truth": truth(twin)}
        print(twin.name, entry["truth"], flush=True)
        entry["sdp"] = bracket(twin)
        brackets[twin.name] = entry
        BRACKETS.write_text(json.dumps(brackets, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
