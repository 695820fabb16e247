"""Progress of a running computation: the proven bound against time, on terminals only."""

from __future__ import annotations

import math
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from twincert._facts import number
from twincert.certify import Progress

_LEVELS = "▁▂▃▄▅▆▇█"
_WIDTH = 32


def sparkline(times: list[float], values: list[float], width: int = _WIDTH) -> str:
    """Values over equal steps of time as bars, on a logarithmic scale; the last value known at each step counts."""
    points = [(t, v) for t, v in zip(times, values, strict=True) if math.isfinite(v) and v > 0]
    if not points:
        return ""
    end = points[-1][0]
    steps: list[float] = []
    position = 0
    for step in range(width):
        while position + 1 < len(points) and points[position + 1][0] <= end * (step + 1) / width:
            position += 1
        steps.append(math.log(points[position][1]))
    low, high = min(steps), max(steps)
    scale = (len(_LEVELS) - 1) / (high - low) if high > low else 0.0
    return "".join(_LEVELS[round((value - low) * scale)] for value in steps)


class ProgressView:
    """Context manager; its ``update`` is a callback for ``certify``. Silent unless the console is a terminal."""

    def __init__(self, console: Console) -> None:
        """Draw on ``console``, which should write to stderr."""
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._times: list[float] = []
        self._uppers: list[float] = []
        self._begun = (math.inf, 0.0)  # when branching was first seen, and how many parts it had bounded

    def __enter__(self) -> ProgressView:
        """Start drawing."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the line."""
        if self._live is not None:
            self._live.stop()

    def update(self, progress: Progress) -> bool:
        """Draw one line; never asks to stop."""
        if self._live is not None:
            self._times.append(progress["seconds"])
            self._uppers.append(progress["upper"])
            self._live.update(self.line(progress), refresh=True)
        return True

    def _rate(self, progress: Progress) -> float:
        """Parts bounded per second since branching began."""
        self._begun = min(self._begun, (progress["seconds"], progress["parts"]))
        seconds = progress["seconds"] - self._begun[0]
        return (progress["parts"] - self._begun[1]) / seconds if seconds > 0 else 0.0

    def line(self, progress: Progress) -> Text:
        """Stage, time, bound against time, and both bounds."""
        total = progress["objectives"]
        part = f" {progress['objective']}/{total}" if total > 1 else ""
        if progress["stage"] == "branch":
            part = f" {progress['leaves']} leaves, {self._rate(progress):.0f} parts/s,"
        text = Text(f"{progress['stage']}{part} {progress['seconds']:.1f} s ", style="cyan")
        text.append(sparkline(self._times, self._uppers), style="green")
        text.append(f" proven {number(progress['upper'])}, attained {number(progress['lower'])}", style="default")
        return text
