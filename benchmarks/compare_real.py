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

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import twincert
from twincert import _core

from .comparison import clock, parser, shared, short, solver_options, table, timed

# auto_LiRPA: CROWN, alpha-CROWN; from the README of the shared data.
LIRPA = {
    "ACAS 1_1, float16, prop_3": (2.34, 0.937),
    "ACAS 1_1, float16, prop_4": (0.936, 0.333),
    "ACAS 1_1, pruned5, prop_3": (2.27, 0.856),
    "ACAS 1_1, pruned5, prop_4": (0.861, 0.352),
    "MNIST, float16, image 0": (1.36, 1.27),
}


def neurodiff(data: Path, region: str, net: str, eps: str) -> str:
    """NeuroDiff's bound of a region, as a cell."""
    with (data / "published" / "neurodiff_reludiff.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if (row["tool"], row["net"], row["region"], row["eps"]) == ("NeuroDiff", net, region, eps):
                return f"NeuroDiff {max(abs(float(end)) for end in (row['lo'] + ' ' + row['hi']).split()):.4g}"
    return "-"


def verydiff(data: Path, prop: str) -> str:
    """VeryDiff's bound at the root of its search, as a cell."""
    with (data / "published" / "verydiff_acas_pruned5.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if (row["net"], row["prop"]) == ("1_1", prop):
                return f"VeryDiff {float(row['initial_delta_bound']):.4g}"
    return "-"


def largest(bounds: _core.TwinBounds) -> float:
    """The largest proven abs(f_i - g_i), the evaluation's rounding included."""
    lower, upper = bounds.stages[-1].difference or (np.inf, np.inf)
    return float((np.maximum(np.abs(lower), np.abs(upper)) + bounds.evaluation_error).max())


def optimized_without_cases(twin: twincert.Twin, box: twincert.Box) -> _core.TwinBounds:
    """All of the optimisation but the case analysis: that is what a budget just too small for it drops."""
    plan = _core.optimization_plan(twin, _core.crown_bounds(twin, box))
    budget = 0.999999 * plan.operations if plan.case_analysis else plan.operations
    return _core.optimized_bounds(twin, box, budget=budget)


Case = tuple[str, twincert.Twin, twincert.Box, str]


def acas(data: Path) -> Iterator[Case]:
    boxes = json.loads((data / "acasxu" / "boxes_normalised.json").read_text())
    f = twincert.load(data / "acasxu" / "1_1.nnet")
    for kind, suffix in (("float16", "nnet"), ("pruned5", "onnx")):
        twin = twincert.Twin(f, twincert.load(data / "acasxu" / f"1_1_{kind}.{suffix}"))
        for prop in ("prop_1", "prop_3", "prop_4", "prop_5" if kind == "float16" else "prop_10"):
            box = twincert.Box(boxes[prop]["lower"], boxes[prop]["upper"])
            if kind == "float16":
                other = neurodiff(data, prop, "ACASXU_run2a_1_1", "0.05")
            else:
                other = verydiff(data, prop.removeprefix("prop_"))
            yield f"ACAS 1_1, {kind}, {prop}", twin, box, other


def mnist(data: Path) -> Iterator[Case]:
    names = ("relu_3_100.nnet", "relu_3_100_float16.nnet")
    twin = twincert.Twin(*(twincert.load(data / "mnist" / name) for name in names))
    pixels = np.load(data / "mnist" / "images.npz")["pixels"][0].astype(float)
    box = twincert.Box(np.clip(pixels - 3, 0, 255) / 255, np.clip(pixels + 3, 0, 255) / 255)
    yield "MNIST, float16, image 0", twin, box, neurodiff(data, "img0 +-3/255", "mnist_relu_3_100", "1.0")


def har(data: Path) -> Iterator[Case]:
    content = np.load(data / "har" / "har_561_500_6.npz")
    layers = [(content[f"W{k}"], content[f"b{k}"]) for k in (0, 1)]
    half = [tuple(part.astype(np.float16).astype(float) for part in layer) for layer in layers]
    twin = twincert.Twin(*(twincert.Network.from_arrays(side, activation="relu") for side in (layers, half)))
    centre = content["inputs"][0]
    box = twincert.Box(np.clip(centre - 0.1, -1, 1), np.clip(centre + 0.1, -1, 1))
    yield "HAR, float16, input 0", twin, box, neurodiff(data, "HAR0+-0.1", "HAR", "0.25")


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
