"""What README.md says is what happens."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_quick_start_is_two_commands_and_ci_runs_the_second() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) == 2
    assert commands[0].endswith("/bin/twincert demo")
    assert commands[1].endswith("/bin/pytest")
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == commands[1]


def test_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("holds ")


def test_command_line_example_runs(tmp_path: Path) -> None:
    prepare = (
        "import numpy as np, twincert; r = np.random.default_rng(0);"
        "net = twincert.Network.from_arrays([(r.normal(size=(8, 4)) / 2, np.zeros(8)), (r.normal(size=(3, 8)) / 3, np.zeros(3))]);"
        "net.save('f.onnx'); np.save('x.npy', np.zeros(4))"
    )
    run = {"cwd": tmp_path, "check": False, "capture_output": True, "text": True, "env": {**os.environ, "COLUMNS": "100"}}
    subprocess.run([sys.executable, "-c", prepare], **{**run, "check": True})
    (session,) = blocks("console")
    commands = [line.removeprefix("$ twincert ").split() for line in session.splitlines()]
    assert len(commands) == 4
    for command in commands:
        done = subprocess.run([sys.executable, "-m", "twincert", *command], **run)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
