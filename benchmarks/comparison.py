"""What the comparison scripts share: where the shared folder lies, options, tables, timing."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import twincert

SHARED = Path(__file__).resolve().parents[2] / "shared"
ROW_FAMILIES = ("reference_rows", "centred_difference", "slack_rows", "unstable_only")


def shared(part: str) -> Path:
    """A folder of the shared data; ends the script in peace when it is absent."""
    folder = SHARED / part
    if not folder.exists():
        print(f"../shared/{part} (seen from the repository root) is absent: nothing to compare with")
        sys.exit(0)
    return folder


def parser(doc: str) -> argparse.ArgumentParser:
    """Options of every script: --set and --rows of the solver, --repeat."""
    options = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--set", action="append", metavar="NAME=VALUE", help="a setting; replaces the script's own")
    options.add_argument("--rows", metavar="A,B", help=f"row families of {', '.join(ROW_FAMILIES)}; '' for none")
    options.add_argument("--repeat", type=int, default=3, help="runs of ours; times are medians (default 3)")
    return options


def solver_options(
    args: argparse.Namespace, settings: dict[str, Any], rows: Sequence[str] | None, label: str = ""
) -> dict[str, Any]:
    """``settings`` and ``rows`` of ``certify``: the script's, unless the command line names others.

    ``rows`` None means: chosen automatically.
    """
    chosen = dict(settings) if args.set is None else dict(twincert.Settings.parse(args.set))
    names = rows if args.rows is None else [name for name in args.rows.split(",") if name]
    families = None if names is None else dict.fromkeys(names, True)
    shown = "chosen automatically" if families is None else ", ".join(families) or "the basic ones only"
    print(f"{label}{twincert.Settings.of(chosen)!r}, rows: {shown}\n")
    return {"settings": chosen, "rows": families}


@dataclass(frozen=True)
class Timed:
    """A certificate, and medians over the runs: of all seconds, of each stage, and of the checker's."""

    certificate: twincert.Certificate
    seconds: float
    stages: dict[str, float]
    check_seconds: float
    accepted: bool


def timed(
    twin: twincert.Twin, box: twincert.Box, measure: twincert.measure.Measure, repeat: int, **options: Any
) -> Timed:
    """Certify ``repeat`` times and check each certificate."""
    seconds, checks, stages, accepted = [], [], [], True
    for _ in range(max(repeat, 1)):
        certificate, elapsed = clock(lambda: twincert.certify(twin, box, measure, **options))
        report, check = clock(lambda c=certificate: c.check(twin))
        seconds.append(elapsed)
        checks.append(check)
        stages.append(dict(certificate.info["timings"]))
        accepted = accepted and report.valid
    medians = {name: statistics.median(run[name] for run in stages) for name in stages[-1]}
    return Timed(certificate, statistics.median(seconds), medians, statistics.median(checks), accepted)


def clock(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result and the seconds it took."""
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a markdown table."""
    for line in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(line) + " |")
    print(flush=True)


def short(value: float | None) -> str:
    """A number of a table: four significant digits, a dash for none."""
    return "-" if value is None else f"{value:.4g}"
