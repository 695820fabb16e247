"""The command line: output, exit codes, files, and silence in pipes."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from sklearn.datasets import load_digits
from typer.testing import CliRunner

import twincert
from python import small_twins
from twincert.cli import app
from twincert.report.progress import ProgressView, sparkline

QUICK = [word for name, value in small_twins.QUICK.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli")
    reference = small_twins.network()
    reference.save(path / "f.onnx")
    twincert.quantize(reference, bits=5).compressed.save(path / "g.npz")
    np.savez(path / "box.npz", lower=np.full(3, -0.4), upper=np.full(3, 0.4))
    np.save(path / "x.npy", np.zeros(3))
    return path


def invoke(folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command in the folder, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as its own process, in pipes."""
    source = str(Path(twincert.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {source!r}); from twincert.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=False)


def test_certify_check_and_files(folder: Path) -> None:
    words = ["certify", "f.onnx", "g.npz", "--box", "box.npz", "--save", "c.json", "--json", "r.json", *QUICK]
    code, out, err = invoke(folder, *words)
    assert (code, err) == (0, "")
    assert "proven upper bound" in out
    result = json.loads((folder / "r.json").read_text())
    certificate = twincert.Certificate.load(folder / "c.json")
    assert result["bound"]["upper"] == certificate.upper
    assert result["gap"] == certificate.gap
    assert result["witness"]["reference_input"] == certificate.witness.tolist()
    assert "proof" not in result

    code, out, err = invoke(folder, "check", "c.json", "f.onnx", "g.npz")
    assert (code, err) == (0, "")
    assert "checker: valid" in out
    code, out, _ = invoke(folder, "check", "c.json", "f.onnx", "f.onnx")
    assert code == 1
    assert "compressed network" in out
    code, out, _ = invoke(folder, "check", "c.json", "f.onnx", "f.onnx", "--json", "-")
    assert json.loads(out)["valid"] is False


@pytest.mark.parametrize(("threshold", "code"), [("100", 0), ("1e-9", 1)])
def test_exit_code_is_the_verdict(folder: Path, threshold: str, code: int) -> None:
    words = ["certify", "f.onnx", "g.npz", "--center", "x.npy", "--radius", "0.4", "--threshold", threshold, *QUICK]
    assert invoke(folder, *words)[0] == code


def test_exit_code_unknown(folder: Path) -> None:
    twin = twincert.Twin(twincert.load(folder / "f.onnx"), twincert.load(folder / "g.npz"))
    certificate = twincert.certify(twin, small_twins.box(), method="interval", settings=small_twins.QUICK)
    between = str(0.5 * (certificate.upper + certificate.lower))
    words = ["certify", "f.onnx", "g.npz", "--box", "box.npz", "--method", "interval", "--threshold", between, *QUICK]
    assert invoke(folder, *words)[0] == 3


def test_json_on_stdout_is_all_of_stdout(folder: Path) -> None:
    done = run(folder, "certify", "f.onnx", "g.npz", "--box", "box.npz", "--json", "-", *QUICK)
    assert done.returncode == 0
    assert json.loads(done.stdout)["measure"] == {"kind": "inf"}
    assert done.stderr == ""


@pytest.mark.parametrize("measure", ["inf", "two", "one", "outputs", "output:1", "margin:0:1", "top1", "affine:0.1:2"])
def test_measures(folder: Path, measure: str) -> None:
    words = ["certify", "f.onnx", "g.npz", "--box", "box.npz", "--measure", measure, "--method", "crown", *QUICK]
    code, out, _ = invoke(folder, *words)
    assert code == 0
    assert "crown" in out
    assert ("Output differences" in out) == (measure not in ("margin:0:1", "top1"))


def test_center_is_clipped(folder: Path) -> None:
    words = ["--center", "x.npy", "--radius", "0.4", "--clip", "-0.1", "0.2", "--save", "clipped.json"]
    assert invoke(folder, "certify", "f.onnx", "g.npz", *words, *QUICK)[0] == 0
    box = twincert.Certificate.load(folder / "clipped.json").input_set
    assert np.array_equal(box.lower, np.full(3, -0.1))
    assert np.array_equal(box.upper, np.full(3, 0.2))


def test_compress_and_inspect(folder: Path) -> None:
    code, out, _ = invoke(folder, "compress", "f.onnx", "--quantize", "bits=5", "-o", "q.npz")
    assert code == 0
    assert "max |W - V|" in out
    quantized = twincert.quantize(twincert.load(folder / "f.onnx"), bits=5).compressed
    assert twincert.load(folder / "q.npz").digest() == quantized.digest()
    assert (
        invoke(folder, "compress", "f.onnx", "--prune", "sparsity=0.5", "--quantize", "bits=8", "-o", "p.onnx")[0] == 0
    )
    code, out, _ = invoke(folder, "inspect", "f.onnx", "p.onnx")
    assert code == 0
    assert "Weight differences" in out
    assert "f.onnx" in out
    assert "p.onnx" in out


def test_help_names_every_command_and_setting(folder: Path) -> None:
    code, out, _ = invoke(folder, "-h")
    assert code == 0
    assert all(name in out for name in ("certify", "check", "compress", "inspect", "demo"))
    code, out, _ = invoke(folder, "certify", "--help")
    assert code == 0
    assert all(row["name"] in " ".join(out.split()) for row in twincert.settings_table())


def test_version(folder: Path) -> None:
    assert invoke(folder, "--version")[1] == f"twincert {twincert.__version__}\n"


def test_module_runs_like_the_command(folder: Path) -> None:
    source = str(Path(twincert.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "twincert", "--version"], cwd=source, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_demo_in_a_pipe() -> None:
    done = run(Path(), "demo")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert "checker: valid" in done.stdout


def test_the_network_of_the_demo_reads_digits() -> None:
    data = Path(twincert.__file__).parent / "data"
    network = twincert.load(data / "digits.npz")
    assert [weight.shape for weight, _ in network.to_arrays()] == [(32, 64), (32, 32), (10, 32)]
    assert all(np.array_equal(weight, np.float32(weight)) for weight, _ in network.to_arrays())
    digits = load_digits()
    held_out = np.arange(len(digits.data)) % 5 == 0
    right = network(digits.data[held_out] / 16).argmax(axis=1) == digits.target[held_out]
    assert right.mean() > 0.95
    pixels = np.load(data / "digit.npy")
    assert (digits.data[held_out] / 16 == pixels).all(axis=1).any()


def test_errors_are_one_line_without_traceback(folder: Path) -> None:
    done = run(folder, "certify", "missing.onnx", "g.npz", "--box", "box.npz")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
    assert "missing.onnx" in done.stderr


def test_a_bug_is_no_verdict(folder: Path) -> None:
    source = str(Path(twincert.__file__).parents[1])
    code = (
        f"import sys; sys.path.insert(0, {source!r})\n"
        "import twincert.cli.inspect as module\nfrom twincert.cli import main\n"
        "def broken(path): raise AssertionError('broken')\n"
        "module.load = broken; main()"
    )
    words = [sys.executable, "-c", code, "inspect", "f.onnx"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "broken" in done.stderr


@pytest.mark.parametrize("words", [["inspect", "f.onnx"], ["check", "c.json", "f.onnx", "g.npz", "--json", "-"]])
def test_a_closed_pipe_is_no_verdict(folder: Path, words: list[str]) -> None:
    invoke(folder, "certify", "f.onnx", "g.npz", "--box", "box.npz", "--save", "c.json", *QUICK)
    source = str(Path(twincert.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {source!r}); from twincert.cli import main; main()"
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-u", "-c", code, *words]
    done = subprocess.run(command, cwd=folder, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 141


def test_interrupt_prints_the_bound_so_far(folder: Path) -> None:
    """Ctrl-C arrives with the first progress."""
    source = str(Path(twincert.__file__).parents[1])
    code = (
        f"import sys; sys.path.insert(0, {source!r})\n"
        "import os, signal\nfrom twincert.cli import main\nfrom twincert.report.progress import ProgressView\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "ProgressView.update = lambda self, progress: os.kill(os.getpid(), signal.SIGINT)\nmain()"
    )
    words = ["certify", "f.onnx", "g.npz", "--box", "box.npz", "--threshold", "0.08", *QUICK]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 3
    assert "interrupted; the bound is valid" in done.stdout


def progress(seconds: float, upper: float) -> twincert.Progress:
    return twincert.Progress(
        stage="sdp", seconds=seconds, iteration=20, objective=1, objectives=2, upper=upper, lower=0.5
    )


def test_progress_on_a_terminal_and_in_a_pipe() -> None:
    for terminal in (True, False):
        screen = io.StringIO()
        console = Console(force_terminal=terminal, width=120, file=screen)
        with ProgressView(console) as view:
            assert view.update(progress(0.1, 4.0))
            assert view.update(progress(0.2, 1.0))
            line = view.line(progress(0.2, 1.0)).plain
        assert "sdp 1/2 0.2 s" in line
        assert "proven 1, attained 0.5" in line
        assert ("proven" in screen.getvalue()) is terminal


def test_sparkline_falls_with_the_bound() -> None:
    line = sparkline([0.0, 1.0, 2.0, 3.0], [100.0, 10.0, 1.0, 1.0], width=8)
    assert len(line) == 8
    assert list(line) == sorted(line, reverse=True)
    assert line[0] > line[-1]
    assert sparkline([0.0], [float("inf")]) == ""
