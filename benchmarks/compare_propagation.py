"""Ways to propagate, without splitting: what each proves about the same twins and sets.

Command, from the repository root: ``python -m benchmarks.compare_propagation [--repeat 3] [--only acas|mnist|har]``

Bounds of the largest abs(f_i - g_i) over all outputs. Computed here, in this order: intervals of f and of g apart;
intervals of f, g and their difference, as ReluDiff propagates them (``method="interval"``); differential zonotopes as
in VeryDiff (zonotope.py); CROWN on f - g with lines neuron by neuron (plain_crown.py); ours (``method="crown"``, which
returns the best of what it computed). The two in NumPy round to nearest: their numbers are no proofs. Neither are those
of other tools, published before splitting: ReluDiff (ReluDiff+ on ACAS Xu), NeuroDiff and VeryDiff in their own logs;
alpha-CROWN is auto_LiRPA with 20 steps on the difference network. Ours and the intervals are rounded outwards. Seconds
are those of our propagation, without the attack.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import twincert
from twincert import _core

from . import plain_crown, zonotope
from .comparison import parser, shared, short, solver_options, table, timed
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

ACAS_PROPERTIES = {"float16": (1, 3, 4, 5), "pruned5": (1, 3, 4, 10)}
IMAGES, INPUTS = range(3), range(2)


@dataclass(frozen=True)
class Case:
    """A twin, a set, and what other tools published; None where they did not."""

    name: str
    twin: twincert.Twin
    box: twincert.Box
    reludiff: float | None
    neurodiff: float | None
    verydiff: float | None = None


def acas(data: Path) -> Iterator[Case]:
    reludiff, neurodiff = (published_intervals(data, tool) for tool in ("ReluDiff+", "NeuroDiff"))
    verydiff = verydiff_roots(data)
    for kind, properties in ACAS_PROPERTIES.items():
        twin = acas_twin(data, "1_1", kind)
        for prop in properties:
            name, box = f"ACAS 1_1, {kind}, prop_{prop}", acas_box(data, prop)
            if kind == "float16":
                key = "1_1", f"prop_{prop}"
                yield Case(name, twin, box, reludiff[key].largest, neurodiff[key].largest)
            else:
                yield Case(name, twin, box, None, None, verydiff["1_1", str(prop)])


def mnist(data: Path) -> Iterator[Case]:
    keys = [("mnist_relu_3_100", f"img{k} +-3/255") for k in IMAGES]
    boxes = [mnist_box(data, k) for k in IMAGES]
    yield from one_twin(data, mnist_twin(data), [f"MNIST, float16, image {k}" for k in IMAGES], boxes, keys)


def har(data: Path) -> Iterator[Case]:
    keys = [("HAR", f"HAR{k}+-0.1") for k in INPUTS]
    boxes = [har_box(data, k) for k in INPUTS]
    yield from one_twin(data, har_twin(data), [f"HAR, float16, input {k}" for k in INPUTS], boxes, keys)


def one_twin(
    data: Path, twin: twincert.Twin, names: list[str], boxes: list[twincert.Box], keys: list[tuple[str, str]]
) -> Iterator[Case]:
    reludiff, neurodiff = (published_intervals(data, tool) for tool in ("ReluDiff", "NeuroDiff"))
    for name, box, key in zip(names, boxes, keys, strict=True):
        yield Case(name, twin, box, reludiff[key].largest, neurodiff[key].largest)


FAMILIES = {"acas": acas, "mnist": mnist, "har": har}


def largest(bounds: tuple[np.ndarray, np.ndarray]) -> float:
    return float(max(np.abs(end).max() for end in bounds))


def apart(twin: twincert.Twin, box: twincert.Box) -> float:
    """Of f - g when nothing is known but an interval of each. Holds for networks without an activation at the end."""
    last = _core.interval_bounds(twin, box).stages[-1]
    (f_lower, f_upper), (g_lower, g_upper) = last.reference, last.compressed
    return largest((f_lower - g_upper, f_upper - g_lower))


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--only", choices=tuple(FAMILIES), help="one family of networks")
    args = options.parse_args()
    data = shared("data")
    solver = solver_options(args, {}, None)
    rows = []
    for family, cases in FAMILIES.items():
        for case in cases(data) if args.only in (None, family) else ():
            run = timed(case.twin, case.box, "inf", args.repeat, method="crown", **solver)
            interval = twincert.certify(case.twin, case.box, "inf", method="interval", settings={"attack_restarts": 0})
            ours = run.certificate.upper
            here = (
                apart(case.twin, case.box),
                interval.upper,
                largest(zonotope.difference_bounds(case.twin, case.box)),
                largest(plain_crown.difference_bounds(case.twin, case.box)),
            )
            published = (case.reludiff, case.neurodiff, case.verydiff, LIRPA[case.name][1])
            smallest = min(value for value in published if value is not None)
            seconds = sum(value for stage, value in run.stages.items() if stage != "attack")
            rows.append(
                [
                    case.name,
                    short(run.certificate.lower),
                    *map(short, here),
                    short(ours) + ("" if run.accepted else " REFUSED"),
                    f"{seconds:.3f}",
                    *map(short, published),
                    short(ours / min(here)),
                    short(ours / smallest),
                ]
            )
    here_names = ["f, g apart", "intervals", "zonotopes", "plain CROWN", "ours, crown", "s"]
    others = ["ReluDiff", "NeuroDiff", "VeryDiff", "alpha-CROWN"]
    table(["twin, set", "attack", *here_names, *others, "ours / best here", "ours / best published"], rows)


if __name__ == "__main__":
    main()
