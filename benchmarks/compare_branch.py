"""Branching against VeryDiff and NeuroDiff on ACAS Xu twins, instance by instance.

Command, from the repository root: ``python -m benchmarks.compare_branch [--time-limit 600] [--only verydiff|0.05|0.01]
[--net 1_1] [--slow 20] [--one-output]``

The question: does the largest abs(f_i - g_i) over ALL outputs stay at or below the threshold (VeryDiff asks the same,
NeuroDiff only about one output)? ``verydiff``: pruned twins at 0.05. ``0.05`` and ``0.01``: float16 twins. Published
times are those of the other tools' own logs, on their authors' machines and without outward rounding; 1800 s where
NeuroDiff ran out of time. Ours include everything after loading; every certificate is checked, and every violation has
a witness that rigorous evaluation confirms. ``--slow N`` prints the N slowest instances only, ``--one-output``
asks NeuroDiff's own question, about its output alone.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import twincert

from .comparison import shared, short, table, timed
from .shared_twins import acas_box, acas_output, acas_twin

UNDECIDED_SECONDS = 1800.0  # NeuroDiff's limit


@dataclass(frozen=True)
class Instance:
    """One question, and how another tool answered it."""

    net: str
    prop: int
    kind: str  # of compression
    threshold: float
    verdict: str
    seconds: float
    parts: int


def verydiff(published: Path) -> Iterator[Instance]:
    with (published / "verydiff_acas_pruned5.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            prop = 1 if row["prop"] == "2" else int(row["prop"])  # the same box
            verdict = {"SAFE": "holds", "UNSAFE": "violated"}[row["verdict_eps0.05"]]
            yield Instance(row["net"], prop, "pruned5", 0.05, verdict, float(row["time_s"]), int(row["zonotopes"]))


def neurodiff(published: Path, eps: str) -> Iterator[Instance]:
    with (published / "neurodiff_reludiff.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if (row["bench"], row["tool"], row["eps"]) != ("ACAS-16bit", "NeuroDiff", eps):
                continue
            proved = row["proved"] == "True"
            net = row["net"].removeprefix("ACASXU_run2a_")
            seconds = float(row["time"]) if proved else UNDECIDED_SECONDS
            verdict = "proved" if proved else "not decided"
            prop, splits = int(row["region"].removeprefix("prop_")), int(row["splits"])
            yield Instance(net, prop, "float16", float(eps), verdict, seconds, splits)


def run(name: str, instances: list[Instance], time_limit: float, slow: int | None, one_output: bool) -> None:
    data = shared("data")
    rows: list[tuple[float, list[str]]] = []
    ours_total, published_total, decided, contradictions, refused = 0.0, 0.0, 0, 0, 0
    for instance in instances:
        twin, box = acas_twin(data, instance.net, instance.kind), acas_box(data, instance.prop)
        measure = twincert.Output(acas_output(data, instance.prop)) if one_output else "inf"
        found = timed(twin, box, measure, 1, method="branch", threshold=instance.threshold, time_limit=time_limit)
        cert = found.certificate
        ours_total += found.seconds
        published_total += instance.seconds
        decided += cert.verdict != "unknown"
        contradictions += {cert.verdict, instance.verdict} in ({"holds", "violated"}, {"violated", "proved"})
        refused += not found.accepted
        cells = [
            f"{instance.net} prop_{instance.prop}",
            instance.verdict,
            short(instance.seconds),
            str(instance.parts),
            cert.verdict,
            short(found.seconds),
            str(cert.info["parts"]),
            short(cert.upper),
            short(cert.lower),
            f"{'accepted' if found.accepted else 'REFUSED'} {found.check_seconds:.2f} s",
        ]
        rows.append((found.seconds, cells))
    head = ["instance", "published", "s", "parts", "ours", "s", "parts", "proven", "attained", "check"]
    if slow is not None:
        rows = sorted(rows, key=lambda row: -row[0])[:slow]
    print(f"## {name}\n")
    table(head, [cells for _, cells in rows])
    print(
        f"{len(instances)} instances: {decided} decided by us, {contradictions} contradict the published verdict, "
        f"{refused} refused by the checker; total {ours_total:.1f} s against {published_total:.1f} s published, "
        f"ratio {ours_total / published_total:.3f}\n"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--time-limit", type=float, default=600.0, help="seconds per instance (default 600)")
    options.add_argument("--only", choices=["verydiff", "0.05", "0.01"])
    options.add_argument("--net", help="one network, such as 1_1")
    options.add_argument("--slow", type=int, help="print only so many of the slowest instances")
    options.add_argument("--one-output", action="store_true", help="only the output that NeuroDiff looks at")
    args = options.parse_args()
    published = shared("data") / "published"
    suites = {
        "verydiff": ("VeryDiff: pruned twins, threshold 0.05", list(verydiff(published))),
        "0.05": ("NeuroDiff: float16 twins, threshold 0.05", list(neurodiff(published, "0.05"))),
        "0.01": ("NeuroDiff: float16 twins, threshold 0.01", list(neurodiff(published, "0.01"))),
    }
    for key, (name, instances) in suites.items():
        if args.only in (None, key):
            chosen = [i for i in instances if args.net in (None, i.net)]
            run(name, chosen, args.time_limit, args.slow, args.one_output)


if __name__ == "__main__":
    main()
