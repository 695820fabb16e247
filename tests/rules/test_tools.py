"""Linters, type checkers and formatters run as tests: one command checks everything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import twincert

ROOT = Path(__file__).parents[2]


def run(*command: str) -> None:
    """Runs a Python tool of this environment in the repository; its output is the failure's message."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", ".")


def test_ruff_format_changes_nothing() -> None:
    run("ruff", "format", "--check", ".")


def test_mypy_strict_finds_nothing() -> None:
    run("mypy")


def test_stub_matches_the_extension_module() -> None:
    run("mypy.stubtest", "twincert._core")


def cpp_files() -> list[str]:
    found = (path for folder in ("cpp", "tests/cpp", "examples") for path in (ROOT / folder).rglob("*"))
    return sorted(str(path.relative_to(ROOT)) for path in found if path.suffix in {".hpp", ".cpp", ".cu", ".cuh"})


def test_clang_format_changes_nothing() -> None:
    tool = shutil.which("clang-format", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert tool is not None, "clang-format is not installed: pip install '.[lint]'"
    command = [tool, "--dry-run", "--Werror", *cpp_files()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def asv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """asv with the current interpreter, and with a home of its own: it insists on a machine file there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ASV_PYTHONPATH", str(Path(twincert.__file__).parents[1]))
    command = ["asv", "--config", "benchmarks/asv.conf.json"]
    run(*command, "machine", "--yes")
    return command


def test_benchmarks_are_found(asv: list[str]) -> None:
    run(*asv, "check", f"--environment=existing:{sys.executable}")


def test_benchmarks_run_once(asv: list[str]) -> None:
    run(*asv, "run", f"--environment=existing:{sys.executable}", "--quick", "--dry-run", "--show-stderr")
