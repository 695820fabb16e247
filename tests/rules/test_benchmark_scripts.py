"""Scripts that compare solvers run from the command line; their numbers are nobody's business here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import twincert

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "compare_solvers": (
        ["--only", "8 bits, 0.15", "--iterations", "60", "--skip", "SCS", "--skip", "Clarabel", "--skip", "slope-only"],
        "| random 5-15-15-3, 8 bits, 0.15 | 105x20 |",
    ),
    "compare_iteration": (
        ["--sizes", "6", "--no-suite", "--repeat", "1", "--seconds", "0.01"],
        "| synthetic 6 | 2 | 18x6 |",
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_prints_a_table(name: str) -> None:
    options, expected = SCRIPTS[name]
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(twincert.__file__).parents[1])}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout, done.stdout + done.stderr
