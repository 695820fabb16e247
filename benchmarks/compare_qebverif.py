"""Quantised MNIST networks against the float ones: what propagation alone proves, beside QEBVerif's published results.

Command, from the repository root: ``python -m benchmarks.compare_qebverif [--bits 6 8 10] [--only P1] [--instances]``

An instance is a network (P1: 784-100-10, P2: 784-100-100-10), a number of bits Q and an image. f is the float network
on pixels / 255. g has weights and biases rounded half away from zero and reads pixels / 256; its hidden activations are
rounded to 2^-(Q-2) and clamped. Both scalings are part of the first layers here, so that f and g read the same pixels;
1/255 is rounded to double. The set is the box of all real pixels within 3 of the image, in [0, 255]; QEBVerif's has the
integers. The question: is abs(g - f) < err for the predicted class?

QEBVerif's results: "interval" counts what its differential interval analysis (rows DRA) proved, "MILP" what Gurobi
proved in addition, with or without the analysis' differences as constraints, "false" what Gurobi refuted; the rest ran
into its time limit. "lo" and "hi" are the interval analysis' bounds of g - f. Ours is one call of
``certify(..., method="crown")``, attack included; every certificate is checked. "ours, only" counts queries that
QEBVerif left open and ours proves, or refutes at integer pixels; a contradiction is a query that one of the two proves
and the other refutes.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import twincert

from .comparison import parser, shared, short, solver_options, table, timed

NETWORKS = {"P1": ("P1_784_100_10.npz", "P1: 784_100_10"), "P2": ("P2_784_100_100_10.npz", "P2: 784_100_100_10")}
SETTINGS = {"attack_restarts": 4, "attack_steps": 5}


def rounded(values: np.ndarray, step: float, lower: float, upper: float) -> np.ndarray:
    """Half away from zero to multiples of ``step``, then clipped."""
    return np.asarray(np.clip(np.trunc(values / step + np.copysign(0.5, values)) * step, lower, upper))


def chain(
    layers: list[tuple[np.ndarray, np.ndarray]], scale: float, activation: twincert.Activation
) -> twincert.Network:
    """The network whose first layer reads pixels times ``scale``."""
    parts: list[twincert.Layer] = []
    for k, (weight, bias) in enumerate(layers):
        operation = twincert.Dense(weight * scale if k == 0 else weight, bias)
        parts.append(twincert.Layer(f"dense{k}", operation, [len(parts) - 1]))
        if k + 1 < len(layers):
            parts.append(twincert.Layer(f"activation{k}", activation, [len(parts) - 1]))
    return twincert.Network(layers[0][0].shape[1], parts)


def twin_of(layers: list[tuple[np.ndarray, np.ndarray]], bits: int) -> twincert.Twin:
    """The float network and its Q-bit twin."""
    fine, coarse = 2.0 ** (1 - bits), 2.0 ** (2 - bits)
    quantised = [(rounded(w, fine, -1.0, 1.0 - fine), rounded(b, coarse, -2.0, 2.0 - coarse)) for w, b in layers]
    levels = twincert.Activation("quantize", lower=0.0, upper=(2**bits - 1) * coarse, step=coarse)
    return twincert.Twin(chain(layers, 1 / 255, twincert.Activation("relu")), chain(quantised, 1 / 256, levels))


@dataclass
class Published:
    """What QEBVerif says about one instance: its interval (None where the log has none), and verdicts per err."""

    interval: tuple[float, float] | None = None
    proved: set[float] = field(default_factory=set)
    by_milp: set[float] = field(default_factory=set)
    false: set[float] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)


def published(data: Path) -> dict[tuple[str, int, int], Published]:
    """All rows of the published results, by network, bits and image."""
    found: dict[tuple[str, int, int], Published] = defaultdict(Published)
    with (data / "published" / "qebverif.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            entry, err = found[row["net"], int(row["Q"]), int(row["sample"])], float(row["err"])
            if row["lo"]:
                entry.interval = (float(row["lo"]), float(row["hi"]))
            if row["verdict"] == "Proved":
                entry.proved.add(err)
            if row["verdict"] == "True":
                entry.by_milp.add(err)
            if row["verdict"] == "False":
                entry.false.add(err)
            if row["method"] == "DRA" and row["time"] not in ("NA", "Timeout"):
                entry.seconds.append(float(row["time"]))
    for entry in found.values():
        entry.by_milp -= entry.proved
    return found


def instances(data: Path, name: str, bits: int) -> Iterator[tuple[int, int, twincert.Twin, twincert.Box]]:
    """Id, predicted class, twin and set of every image."""
    content = np.load(data / "qebverif" / NETWORKS[name][0])
    layers = [(content[f"W{k}"], content[f"b{k}"]) for k in range(len(content.files) // 2)]
    twin = twin_of(layers, bits)
    images = np.load(data / "qebverif" / "images.npz")
    for identity, pixels in zip(images["ids"].tolist(), images["pixels"].astype(float), strict=True):
        box = twincert.Box(np.clip(pixels - 3, 0, 255), np.clip(pixels + 3, 0, 255))
        yield identity, int(twin.reference(pixels).argmax()), twin, box


ERRORS = (1.0, 2.0, 4.0, 6.0, 8.0)


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--bits", type=int, nargs="+", default=[4, 6, 8, 10], help="numbers of bits")
    options.add_argument("--only", choices=tuple(NETWORKS), help="one network")
    options.add_argument("--instances", action="store_true", help="a line per instance too")
    options.set_defaults(repeat=1)
    args = options.parse_args()
    data = shared("data")
    theirs = published(data)
    solver = solver_options(args, SETTINGS, None)
    rows, lines = [], []
    for name in NETWORKS:
        for bits in args.bits if args.only in (None, name) else []:
            count: dict[str, int] = defaultdict(int)
            seconds, other_seconds, ratios, accepted = [], [], [], True
            for identity, label, twin, box in instances(data, name, bits):
                run = timed(twin, box, twincert.Output(label), args.repeat, method="crown", **solver)
                entry = theirs.get((NETWORKS[name][1], bits, identity), Published())
                seconds.append(run.seconds)
                other_seconds += entry.seconds
                accepted = accepted and run.accepted
                if entry.interval is not None:
                    ratios.append(run.certificate.upper / max(-entry.interval[0], entry.interval[1]))
                # Only integers refute QEBVerif's query; the set's limits are integers, so these pixels belong to it.
                attained = abs(float(twin.error(np.rint(run.certificate.witness))[label]))
                for err in ERRORS:
                    ours = run.certificate.upper < err
                    count["ours"] += ours
                    count["interval"] += err in entry.proved
                    count["interval, ours"] += ours and err in entry.proved
                    count["MILP"] += err in entry.by_milp
                    count["MILP, ours"] += ours and err in entry.by_milp
                    count["false"] += err in entry.false
                    count["false, attacked"] += attained >= err and err in entry.false
                    decided = ours or attained >= err
                    count["new"] += decided and err not in entry.proved | entry.by_milp | entry.false
                    count["contradiction"] += (ours and err in entry.false) or (
                        attained >= err and err in entry.proved | entry.by_milp
                    )
                g_minus_f = (-run.certificate.upper_per_output[label], -run.certificate.lower_per_output[label])
                lines.append(
                    [
                        name,
                        str(bits),
                        str(identity),
                        *map(short, entry.interval or (None, None)),
                        *map(short, g_minus_f),
                        short(run.certificate.lower),
                        f"{run.seconds:.2f}",
                    ]
                )
            rows.append(
                [
                    f"{name}, Q={bits}",
                    str(len(seconds) * len(ERRORS)),
                    f"{count['interval']}",
                    f"{count['interval, ours']}",
                    f"{count['MILP']}",
                    f"{count['MILP, ours']}",
                    f"{count['false']}",
                    f"{count['false, attacked']}",
                    f"{count['new']}",
                    f"{count['contradiction']}",
                    short(float(np.mean(ratios)) if ratios else None),
                    short(max(other_seconds, default=None)),
                    f"{max(seconds):.2f}" + ("" if accepted else " REFUSED"),
                ]
            )
            print(f"done: {name}, Q={bits}", flush=True)
    print()
    if args.instances:
        table(["net", "Q", "image", "published lo", "hi", "ours lo", "hi", "attack", "s"], lines)
    table(
        [
            "instances",
            "queries",
            "interval",
            "of these ours",
            "MILP",
            "of these ours",
            "false",
            "of these attacked",
            "ours, only",
            "contradictions",
            "ours / interval",
            "interval, s",
            "ours, s max",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
