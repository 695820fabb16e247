"""What README.md and docs/ say is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import twincert

ROOT = Path(__file__).parents[2]


def blocks(language: str, path: str = "README.md") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)


def test_quick_start_is_two_commands_and_ci_runs_them() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) == 2
    assert commands[0].endswith("/bin/twincert demo")
    assert commands[1].endswith("/bin/pytest")
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert commands[0] in ci
    assert commands[1] == ci[-1]


def test_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("holds ")


def test_chordal_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example, of_a_twin = blocks("python", "docs/chordal.md")
    exec(compile(example, "chordal.md", "exec"), {})
    bound, truth = map(float, capsys.readouterr().out.split())
    assert truth <= bound <= 1.01 * truth
    exec(compile(of_a_twin, "chordal.md", "exec"), {})
    sizes, bound_of_twin = capsys.readouterr().out.rsplit(maxsplit=1)
    assert sizes.startswith("[(")
    assert float(bound_of_twin) > 0


def test_command_line_example_runs(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    layers = [(random.normal(size=(8, 4)) / 2, np.zeros(8)), (random.normal(size=(3, 8)) / 3, np.zeros(3))]
    twincert.Network.from_arrays(layers).save(tmp_path / "f.onnx")
    np.save(tmp_path / "x.npy", np.zeros(4))
    np.savez(tmp_path / "box.npz", lower=np.full(4, -0.05), upper=np.full(4, 0.05))
    (session,) = blocks("console")
    commands = [line.removeprefix("$ twincert ").split() for line in session.splitlines()]
    assert len(commands) == 5
    for command in commands:
        whole = [sys.executable, "-m", "twincert", *command]
        done = subprocess.run(whole, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
