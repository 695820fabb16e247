"""Propagation against NeuroDiff on every output of MNIST and HAR twins.

Command, from the repository root: ``python -m benchmarks.compare_crown [--repeat 3] [--only NAME] [--instances]``

f is a float network, g has every weight and bias rounded to float16. MNIST: 784-100-100-10 with a ReLU on the outputs,
30 images; either every pixel within 3 of 255, or 3 random pixels free in [0, 1]. HAR: 561-500-6, 20 inputs, every
coordinate within 0.1, in [-1, 1].

NeuroDiff certified an interval of g_i - f_i for every output i before splitting; its log prints six decimals, so an end
counts as looser when ours exceeds it by more than half a unit of the last. NeuroDiff rounds to nearest without
accounting for it and its seconds are published ones, of another machine. Ours is ``certify(..., method="crown")``:
"bound / NeuroDiff" is the mean of the largest proven abs(f_i - g_i) over NeuroDiff's mean, "bound / attack" the same
over what an attack attains. Its seconds are those of propagation, without the attack; every certificate is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import twincert

from .comparison import parser, shared, short, solver_options, table, timed
from .shared_twins import (
    Published,
    har_box,
    har_twin,
    mnist_box,
    mnist_pixels_box,
    mnist_twin,
    published_intervals,
)

PRINTED = 0.5e-6  # half a unit of the last decimal in NeuroDiff's log


@dataclass(frozen=True)
class Family:
    """Instances of one network: how many, their boxes, and what NeuroDiff's log calls network and regions."""

    twin: Callable[[Path], twincert.Twin]
    box: Callable[[Path, int], twincert.Box]
    count: int
    net: str
    region: str


FAMILIES = {
    "MNIST +-3": Family(mnist_twin, mnist_box, 30, "mnist_relu_3_100", "img{} +-3/255"),
    "MNIST 3 pixels": Family(mnist_twin, mnist_pixels_box, 30, "mnist_relu_3_100", "img{} 3 pixels in [0,1]"),
    "HAR +-0.1": Family(har_twin, har_box, 20, "HAR", "HAR{}+-0.1"),
}


@dataclass(frozen=True)
class Result:
    """One instance."""

    name: str
    ours: float
    theirs: float
    attained: float
    looser: list[int]  # outputs
    ratio: float  # largest over the outputs of width / width
    seconds: float
    their_seconds: float
    accepted: bool


def compared(name: str, certificate: twincert.Certificate, theirs: Published) -> tuple[list[int], float]:
    """Outputs where NeuroDiff's interval does not contain ours, and the largest ratio of widths."""
    above = certificate.upper_per_output > theirs.upper + PRINTED
    below = certificate.lower_per_output < theirs.lower - PRINTED
    widths = certificate.upper_per_output - certificate.lower_per_output
    printed = theirs.upper - theirs.lower
    wide = printed > 100 * PRINTED
    ratio = float((widths[wide] / printed[wide]).max(initial=0.0))
    looser = [int(i) for i in np.flatnonzero(above | below)]
    for i in looser:
        ours = f"[{certificate.lower_per_output[i]:.7f}, {certificate.upper_per_output[i]:.7f}]"
        print(f"LOOSER: {name}, output {i}: ours {ours}, NeuroDiff [{theirs.lower[i]:.6f}, {theirs.upper[i]:.6f}]")
    return looser, ratio


def results(family: Family, data: Path, repeat: int, options: dict[str, object]) -> Iterator[Result]:
    twin = family.twin(data)
    intervals = published_intervals(data, "NeuroDiff")
    for k in range(family.count):
        name = family.region.format(k)
        theirs = intervals[family.net, name]
        run = timed(twin, family.box(data, k), "inf", repeat, method="crown", **options)
        looser, ratio = compared(name, run.certificate, theirs)
        seconds = sum(value for stage, value in run.stages.items() if stage != "attack")
        certificate = run.certificate
        largest = float(max(np.abs(certificate.upper_per_output).max(), np.abs(certificate.lower_per_output).max()))
        yield Result(
            name,
            largest,
            theirs.largest,
            certificate.lower,
            looser,
            ratio,
            seconds,
            theirs.seconds,
            run.accepted,
        )


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--only", choices=tuple(FAMILIES), help="one family")
    options.add_argument("--instances", action="store_true", help="a table of the instances as well")
    args = options.parse_args()
    data = shared("data")
    solver = solver_options(args, {}, None)
    rows, instances = [], []
    for name, family in FAMILIES.items():
        if args.only not in (None, name):
            continue
        found = list(results(family, data, args.repeat, solver))
        ours, theirs, attained = (
            float(np.mean([getattr(r, part) for r in found])) for part in ("ours", "theirs", "attained")
        )
        seconds = [r.seconds for r in found]
        refused = sum(not r.accepted for r in found)
        rows.append(
            [
                name,
                str(len(found)),
                str(sum(len(r.looser) for r in found)),
                short(max(r.ratio for r in found)),
                short(ours),
                short(ours / theirs),
                short(max(r.ours / r.theirs for r in found)),
                short(ours / attained),
                f"{np.median(seconds):.3f}",
                f"{max(seconds):.3f}",
                f"{np.median([r.their_seconds for r in found]):.3f}",
                f"{refused} REFUSED" if refused else "accepted",
            ]
        )
        instances += [
            [r.name, short(r.attained), short(r.ours), short(r.theirs), short(r.ratio), f"{r.seconds:.3f}"]
            for r in found
        ]
    table(
        [
            "set",
            "instances",
            "outputs looser",
            "widest output / NeuroDiff",
            "bound, mean",
            "bound / NeuroDiff",
            "the same, worst instance",
            "bound / attack",
            "s, median",
            "s, max",
            "NeuroDiff, s",
            "check",
        ],
        rows,
    )
    if args.instances:
        table(["instance", "attack", "ours", "NeuroDiff", "widest output / NeuroDiff", "s"], instances)


if __name__ == "__main__":
    main()
