"""Many queries: warm starts against cold ones, and all cores against a loop, on boxes around neighbouring points.

Medians over the boxes after the first. "1 %" is within one per cent of the best bound that either run ends with.
"""

from __future__ import annotations

import statistics
from typing import Any

import twincert
from benchmarks import comparison, instances


class Trace:
    """A callback that follows the bound over all iterations of the splitting."""

    def __init__(self) -> None:
        self.points: list[tuple[int, float]] = []
        self._last: dict[int, int] = {}
        self._total = 0

    def __call__(self, progress: twincert.Progress) -> None:
        if progress["stage"] == "sdp":
            self._total += progress["iteration"] - self._last.get(progress["objective"], 0)
            self._last[progress["objective"]] = progress["iteration"]
            self.points.append((self._total, progress["upper"]))

    def until(self, bound: float) -> int:
        return next((count for count, upper in self.points if upper <= bound), self._total)


def warm_and_cold(twin: twincert.Twin, boxes: list[twincert.Box], settings: dict[str, Any]) -> list[str]:
    """Cells of one row: iterations to 1 %, all iterations, seconds, each cold and warm, and the largest loss."""
    certifiers = [twincert.Certifier(twin, "inf", method="sdp", settings=settings) for _ in range(2)]
    rows = []
    for index, box in enumerate(boxes):
        runs = []
        for certifier, cold in zip(certifiers, (True, False), strict=True):
            (certifier.setup if cold else certifier.update)(box)
            trace = Trace()
            certificate, seconds = comparison.clock(lambda c=certifier, t=trace: c.solve(callback=t))
            runs.append((trace, certificate, seconds))
        best = min(certificate.upper for _, certificate, _ in runs)
        if index > 0:
            rows.append(
                [trace.until(1.01 * best) for trace, _, _ in runs]
                + [certificate.info["iterations"] for _, certificate, _ in runs]
                + [seconds for _, _, seconds in runs]
                + [runs[1][1].upper / runs[0][1].upper]
            )
    columns = list(zip(*rows, strict=True))
    return [comparison.short(statistics.median(column)) for column in columns[:-1]] + [f"{max(columns[-1]):.4f}"]


def main() -> None:
    options = comparison.parser(__doc__ or "")
    options.add_argument("--boxes", type=int, default=20)
    options.add_argument("--instances", nargs="*", default=list(instances.INSTANCES))
    args = options.parse_args()
    settings = dict(twincert.Settings.parse(args.set or ["attack_restarts=8", "bound_every=10"]))
    header = ["instance", "step", "1 % cold", "warm", "iterations cold", "warm", "s cold", "warm", "largest warm/cold"]
    rows = []
    for name in args.instances:
        for step in (0.1, 1.0):
            twin, boxes = instances.neighbours(name, args.boxes, step)
            rows.append([name, f"{step:g}", *warm_and_cold(twin, boxes, settings)])
    comparison.table(header, rows)
    rows = []
    for name in args.instances:
        twin, boxes = instances.neighbours(name, args.boxes, 0.1)
        chosen = {"measure": "inf", "method": "sdp", "settings": {**settings, "threads": 1}}
        _, loop = comparison.clock(lambda t=twin, b=boxes, o=chosen: [twincert.certify(t, box, **o) for box in b])
        _, many = comparison.clock(lambda t=twin, b=boxes, o=chosen: twincert.certify_many(t, b, **o))
        rows.append([name, comparison.short(loop), comparison.short(many), comparison.short(loop / many)])
    comparison.table(["instance", "loop, one thread, s", "certify_many, s", "ratio"], rows)


if __name__ == "__main__":
    main()
