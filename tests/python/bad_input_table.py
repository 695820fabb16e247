"""Bad input: what users get wrong, and what twincert says. ``python tests/python/bad_input_table.py`` prints the table.

Every case is a function of a folder with good and bad files that raises, or a list of command-line words; the message
must hold a fragment that names the place and the expectation.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

import twincert
from python.bad_certificates import write_bad_certificates
from twincert.cli import app

NAN, INF = float("nan"), float("inf")
QUICK = {"max_iterations": 100, "attack_restarts": 8, "attack_steps": 10}


def network(*widths: int) -> twincert.Network:
    random = np.random.default_rng(0)
    layers = [(random.normal(size=(n, m)) * np.sqrt(2 / m), 0.1 * random.normal(size=n)) for m, n in pairwise(widths)]
    return twincert.Network.from_arrays(layers, activation="relu")


ZERO, ONE = np.zeros(3), np.ones(3)
TWIN = twincert.quantize(network(3, 6, 6, 2), bits=5)
BOX = twincert.Box([-0.4] * 3, [0.4] * 3)


@dataclass(frozen=True)
class Case:
    name: str
    run: Callable[[Path], object] | list[str]
    error: type[Exception] | int  # exception, or exit code of the command line
    fragment: str


def prepare(folder: Path) -> None:
    """Write the files that the cases read."""
    net = network(3, 6, 6, 2)
    net.save(folder / "f.onnx")
    net.save(folder / "f.npz")
    twincert.quantize(net, bits=5).compressed.save(folder / "g.onnx")
    network(4, 6, 2).save(folder / "four_inputs.onnx")
    network(3, 6, 5).save(folder / "five_outputs.onnx")
    (folder / "truncated.onnx").write_bytes((folder / "f.onnx").read_bytes()[:200])
    (folder / "truncated.npz").write_bytes((folder / "f.npz").read_bytes()[:300])
    (folder / "text.onnx").write_text("this is no network")
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "empty.nnet").write_bytes(b"")
    (folder / "text.nnet").write_text("// comment\nno numbers here\n")
    (folder / "network.txt").write_text("W")
    np.savez(folder / "nan.npz", W0=np.array([[NAN]]), b0=np.zeros(1))
    np.savez(folder / "ragged.npz", W0=np.zeros((2, 3)), b0=np.zeros(5))
    np.savez(folder / "objects.npz", W0=np.array([{"a": 1}]), b0=np.zeros(1))
    np.savez(folder / "box.npz", lower=-ONE, upper=ONE)
    np.savez(folder / "crossed.npz", lower=ONE, upper=-ONE)
    np.savez(folder / "half.npz", lower=-ONE)
    np.savez(folder / "words.npz", lower=np.array(["a"]), upper=np.array(["b"]))
    np.save(folder / "x.npy", ZERO)
    np.save(folder / "square.npy", np.zeros((2, 2)))
    np.save(folder / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    (folder / "text.npy").write_text("0 0 0")
    certificate = twincert.certify(TWIN, BOX, method="sdp", settings=QUICK)
    certificate.save(folder / "c.json")
    write_bad_certificates(folder, json.loads((folder / "c.json").read_text()))


def certify(**options: Any) -> Callable[[Path], object]:
    return lambda folder: twincert.certify(**{"twin": TWIN, "input_set": BOX, "settings": QUICK, **options})


def load(name: str) -> Callable[[Path], object]:
    return lambda folder: twincert.load(folder / name)


def certificate(name: str) -> Callable[[Path], object]:
    return lambda folder: twincert.Certificate.load(folder / name)


def make(function: Callable[[], object]) -> Callable[[Path], object]:
    return lambda folder: function()


def top1_of(outputs: int) -> Callable[[Path], object]:
    twin = twincert.quantize(network(3, 2, outputs), bits=5)
    return lambda _: twincert.certify(twin, BOX, "top1")


SETTINGS, SHAPE, PARSE = twincert.SettingsError, twincert.ShapeError, twincert.ParseError
SET = ["--box", "box.npz"]
CERTIFY = ["certify", "f.onnx", "g.onnx"]

API_CASES = [
    Case("measure that does not exist", certify(measure="three"), SETTINGS, "'inf', 'two', 'one', 'outputs'"),
    Case("measure of another type", certify(measure=2), SETTINGS, "found 2"),
    Case("output beyond the last", certify(measure=twincert.Output(2)), SETTINGS, "below 2"),
    Case("margin beyond the last output", certify(measure=twincert.Margin(0, 2)), SETTINGS, "below 2"),
    Case("margin of one output", make(lambda: twincert.Margin(1, 1)), SETTINGS, "two different outputs, found 1 twice"),
    Case("margin of a word", make(lambda: twincert.Margin(0, "b")), SETTINGS, "Margin expects the index of an output"),
    Case("negative output of a margin", make(lambda: twincert.Margin(-1, 0)), SETTINGS, "at least 0, found -1"),
    Case("classes of one output", top1_of(1), SETTINGS, "expected networks with 2 to 128 outputs, found 1"),
    Case("classes of too many outputs", top1_of(129), SETTINGS, "2 to 128 outputs, found 129"),
    Case("negative output", make(lambda: twincert.Output(-1)), SETTINGS, "at least 0, found -1"),
    Case("output that is no integer", make(lambda: twincert.Output(1.5)), SETTINGS, "found 1.5"),  # type: ignore[arg-type]
    Case("method that does not exist", certify(method="magic"), SETTINGS, "'auto', 'interval', 'crown', 'sdp'"),
    Case("NaN threshold", certify(threshold=NAN), SETTINGS, "threshold: expected a finite number"),
    Case("negative threshold", certify(threshold=-1), SETTINGS, "found -1"),
    Case("threshold as text", certify(threshold="0.1"), SETTINGS, "found '0.1'"),
    Case("negative time limit", certify(time_limit=-1), SETTINGS, "time_limit: expected seconds"),
    Case("NaN time limit", certify(time_limit=NAN), SETTINGS, "time_limit"),
    Case(
        "setting that does not exist", certify(settings={"max_iteration": 5}), SETTINGS, "did you mean 'max_iterations'"
    ),
    Case(
        "setting out of range", certify(settings={"relaxation": 2.5}), SETTINGS, "'relaxation': expected float from 0.1"
    ),
    Case("NaN setting", certify(settings={"rho": NAN}), SETTINGS, "found nan"),
    Case(
        "setting of another type", certify(settings={"max_iterations": 1.5}), SETTINGS, "'max_iterations': expected int"
    ),
    Case("setting as text", certify(settings={"rho": "0.1"}), SETTINGS, "found '0.1'"),
    Case("number for a switch", certify(settings={"adaptive_rho": 2}), SETTINGS, "expected True or False, found 2"),
    Case("text for a switch", certify(settings={"adaptive_rho": "yes"}), SETTINGS, "True or False, found 'yes'"),
    Case("settings that are a list", certify(settings=[1]), SETTINGS, "expected a dict"),
    Case("row family that does not exist", certify(rows={"magic": True}), SETTINGS, "slack_rows"),
    Case("row option of another type", certify(rows={"slack_rows": 1}), SETTINGS, "expected True or False"),
    Case("callback that is no function", certify(callback=3), SETTINGS, "expected a function"),
    Case("network instead of a twin", certify(twin=TWIN.reference), SETTINGS, "expected a twincert.Twin"),
    Case("array instead of a set", certify(input_set=ZERO), SETTINGS, "expected a Box, Ball or Polytope"),
    Case("set with other inputs", certify(input_set=twincert.Box(np.zeros(4), np.ones(4))), SHAPE, "expected 3 inputs"),
    Case("box upside down", make(lambda: twincert.Box(ONE, -ONE)), PARSE, "lower"),
    Case("box of two lengths", make(lambda: twincert.Box(ZERO, np.ones(4))), SHAPE, "4"),
    Case("box with NaN", make(lambda: twincert.Box([0, NAN, 0], ONE)), PARSE, "1"),
    Case("box without end", make(lambda: twincert.Box(-ONE, [1, INF, 1])), PARSE, "1"),
    Case("negative radius", make(lambda: twincert.Box.around(ZERO, -0.1)), PARSE, "radius"),
    Case("ball with NaN radius", make(lambda: twincert.Ball(ZERO, NAN)), PARSE, "radius"),
    Case("quantize to 1 bit", make(lambda: twincert.quantize(TWIN.reference, bits=1)), SETTINGS, "bits"),
    Case(
        "quantize by an unknown scheme",
        make(lambda: twincert.quantize(TWIN.reference, bits=8, scheme="x")),
        SETTINGS,
        "x",
    ),
    Case(
        "prune more than everything", make(lambda: twincert.prune(TWIN.reference, sparsity=1.5)), SETTINGS, "sparsity"
    ),
    Case("twin of two input sizes", make(lambda: twincert.Twin(TWIN.reference, network(4, 6, 2))), SHAPE, "4"),
    Case("evaluate a point of another size", make(lambda: TWIN.reference(np.zeros(7))), SHAPE, "7"),
    Case(
        "weights with NaN",
        make(lambda: twincert.Network.from_arrays([(np.full((2, 3), NAN), np.zeros(2))], activation="relu")),
        PARSE,
        "finite",
    ),
    Case(
        "unknown activation",
        make(lambda: twincert.Network.from_arrays([(np.ones((2, 3)), np.zeros(2))], activation="swish")),
        SETTINGS,
        "swish",
    ),
    Case(
        "check with something else",
        make(lambda: twincert.certify(TWIN, BOX, settings=QUICK).check(TWIN.reference)),
        SETTINGS,
        "twincert.Twin",
    ),
]

FILE_CASES = [
    Case("network: missing file", load("missing.onnx"), FileNotFoundError, "missing.onnx"),
    Case("network: unknown suffix", load("network.txt"), PARSE, "network.txt"),
    Case("network: truncated ONNX", load("truncated.onnx"), PARSE, "truncated.onnx"),
    Case("network: text as ONNX", load("text.onnx"), PARSE, "text.onnx"),
    Case("network: empty ONNX", load("empty.onnx"), PARSE, "empty.onnx"),
    Case("network: truncated .npz", load("truncated.npz"), PARSE, "truncated.npz"),
    Case("network: NaN weight", load("nan.npz"), PARSE, "nan.npz"),
    Case("network: bias of another length", load("ragged.npz"), PARSE, "ragged.npz"),
    Case("network: pickled objects", load("objects.npz"), PARSE, "objects.npz"),
    Case("network: empty .nnet", load("empty.nnet"), PARSE, "empty.nnet"),
    Case("network: words in .nnet", load("text.nnet"), PARSE, "text.nnet"),
    Case("certificate: missing file", certificate("missing.json"), FileNotFoundError, "missing.json"),
    Case(
        "certificate: truncated",
        certificate("truncated.json"),
        PARSE,
        "expected a complete certificate in JSON",
    ),
    Case(
        "certificate: empty",
        certificate("empty.json"),
        PARSE,
        "empty.json, line 1, column 1: expected a complete certificate",
    ),
    Case("certificate: a list", certificate("list.json"), PARSE, "expected a JSON object"),
    Case("certificate: no text", certificate("bytes.json"), PARSE, "bytes.json: expected a certificate in UTF-8 JSON"),
    Case("certificate: nested without end", certificate("deep.json"), PARSE, "nested"),
    Case("certificate: a field twice", certificate("twice.json"), PARSE, "format: expected once"),
    Case("certificate: NaN bound", certificate("nan.json"), PARSE, "found NaN"),
    Case("certificate: bound of 5,000 digits", certificate("digits.json"), PARSE, "an integer of 5000 digits"),
    Case(
        "certificate: bound beyond doubles",
        certificate("huge.json"),
        PARSE,
        "bound.upper: expected a number that a double holds",
    ),
    Case("certificate: newer version", certificate("version.json"), PARSE, "version: expected 2, found 3"),
    Case("certificate: another format", certificate("format.json"), PARSE, "format: expected 'twincert-certificate'"),
    Case("certificate: a field too many", certificate("extra.json"), PARSE, "colour"),
    Case("certificate: proof missing", certificate("field.json"), PARSE, "'proof'"),
    Case("certificate: no base64", certificate("base64.json"), PARSE, "multiplier.lower_triangle: expected base64"),
    Case("certificate: multiplier too short", certificate("short.json"), PARSE, "values of 8 bytes"),
    Case("certificate: multiplier not square", certificate("shape.json"), PARSE, "expected a square matrix"),
    Case("certificate: absurd size", certificate("absurd.json"), PARSE, "multiplier.shape: expected lengths up to"),
    Case("certificate: negative size", certificate("negative.json"), PARSE, "multiplier.shape[0]: expected minimum 0"),
    Case("certificate: NaN in a multiplier", certificate("nan_array.json"), PARSE, "expected numbers, found NaN"),
    Case(
        "certificate: deflated, no base64",
        certificate("deflated_base64.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected base64",
    ),
    Case(
        "certificate: deflated, a number",
        certificate("deflated_number.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected string, found 1",
    ),
    Case(
        "certificate: both forms of a triangle",
        certificate("deflated_both.json"),
        PARSE,
        "expected exactly one of the fields lower_triangle, deflated_lower_triangle",
    ),
    Case(
        "certificate: no form of a triangle",
        certificate("deflated_neither.json"),
        PARSE,
        "deflated_lower_triangle, found none",
    ),
    Case(
        "certificate: deflated, no zlib stream",
        certificate("deflated_not.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected a zlib stream",
    ),
    Case(
        "certificate: deflated, wrong check sum",
        certificate("deflated_sum.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected a zlib stream",
    ),
    Case(
        "certificate: deflated, without its end",
        certificate("deflated_cut.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected a complete zlib stream",
    ),
    Case(
        "certificate: deflated, one half",
        certificate("deflated_half.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected a complete zlib stream",
    ),
    Case(
        "certificate: deflated, something after it",
        certificate("deflated_more.json"),
        PARSE,
        "expected nothing after the zlib stream, found 4 bytes",
    ),
    Case(
        "certificate: deflated, a second stream",
        certificate("deflated_twice.json"),
        PARSE,
        "expected nothing after the zlib stream",
    ),
    Case(
        "certificate: deflated, too short",
        certificate("deflated_short.json"),
        PARSE,
        "values of 8 bytes, found a stream of fewer",
    ),
    Case(
        "certificate: deflated, too long",
        certificate("deflated_long.json"),
        PARSE,
        "values of 8 bytes, found a stream of more",
    ),
    Case(
        "certificate: deflated NaN",
        certificate("deflated_nan.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected numbers, found NaN",
    ),
    Case(
        "certificate: deflated infinity",
        certificate("deflated_inf.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected finite numbers, found infinity",
    ),
    Case(
        "certificate: deflated, not square",
        certificate("deflated_shape.json"),
        PARSE,
        "multiplier.shape: expected a square matrix",
    ),
    Case(
        "certificate: deflated, absurd size",
        certificate("deflated_absurd.json"),
        PARSE,
        "multiplier.deflated_lower_triangle: expected 140737496743936 values of 8 bytes in a stream of at least",
    ),
    Case("certificate: outputs disagree", certificate("outputs.json"), PARSE, "lower_per_output: expected 4 numbers"),
]

COMMAND_CASES = [
    Case("no command line words", ["certify"], 2, "Missing argument"),
    Case("unknown command", ["prove"], 2, "prove"),
    Case("unknown option", [*CERTIFY, "--fast"], 2, "--fast"),
    Case("no input set", CERTIFY, 2, "--box FILE, or --center FILE with --radius"),
    Case("two input sets", [*CERTIFY, *SET, "--radius", "1"], 2, "--box stands alone"),
    Case("center without radius", [*CERTIFY, "--center", "x.npy"], 2, "--radius"),
    Case("box upside down", [*CERTIFY, "--box", "crossed.npz"], 2, "crossed.npz: box: coordinate 0 is empty"),
    Case(
        "box without upper",
        [*CERTIFY, "--box", "half.npz"],
        2,
        "half.npz: expected the arrays lower and upper, found lower",
    ),
    Case("box of words", [*CERTIFY, "--box", "words.npz"], 2, "words.npz: lower: expected real numbers"),
    Case("box that is one array", [*CERTIFY, "--box", "x.npy"], 2, "x.npy: expected an .npz file"),
    Case(
        "center that is a matrix",
        [*CERTIFY, "--center", "square.npy", "--radius", "1"],
        2,
        "square.npy: expected one axis",
    ),
    Case("center with pickled objects", [*CERTIFY, "--center", "pickled.npy", "--radius", "1"], 2, "pickled.npy"),
    Case(
        "center that is text",
        [*CERTIFY, "--center", "text.npy", "--radius", "1"],
        2,
        "text.npy: expected NumPy arrays of numbers",
    ),
    Case(
        "radius that is no number",
        [*CERTIFY, "--center", "x.npy", "--radius", "wide"],
        2,
        "Invalid value for '--radius'",
    ),
    Case("missing network", ["certify", "f.onnx", "none.onnx", *SET], 2, "none.onnx"),
    Case(
        "networks of two input sizes",
        ["certify", "f.onnx", "four_inputs.onnx", *SET],
        2,
        "four_inputs.onnx: the networks",
    ),
    Case(
        "networks of two output sizes",
        ["certify", "f.onnx", "five_outputs.onnx", *SET],
        2,
        "five_outputs.onnx: the networks",
    ),
    Case(
        "unknown measure",
        [*CERTIFY, *SET, "--measure", "max"],
        2,
        "--measure: expected inf, two, one, outputs, top1, output:INDEX, margin:I:J or affine:WEIGHT_X:WEIGHT",
    ),
    Case(
        "margin without its second output",
        [*CERTIFY, *SET, "--measure", "margin:0"],
        2,
        "output:INDEX, margin:I:J or affine:WEIGHT_X",
    ),
    Case("margin of one output", [*CERTIFY, *SET, "--measure", "margin:1:1"], 2, "two different outputs"),
    Case("margin beyond the last output", [*CERTIFY, *SET, "--measure", "margin:0:9"], 2, "below 2"),
    Case("output beyond the last", [*CERTIFY, *SET, "--measure", "output:9"], 2, "below 2"),
    Case("unknown method", [*CERTIFY, *SET, "--method", "magic"], 2, "method: expected one of"),
    Case("setting without value", [*CERTIFY, *SET, "--set", "rho"], 2, "--set expects name=value, found 'rho'"),
    Case("unknown setting", [*CERTIFY, *SET, "--set", "roh=1"], 2, "did you mean 'rho'"),
    Case("setting that is no number", [*CERTIFY, *SET, "--set", "rho=big"], 2, "'rho': expected float"),
    Case("switch that is no truth value", [*CERTIFY, *SET, "--set", "adaptive_rho=0"], 2, "expected True or False"),
    Case("setting given twice", [*CERTIFY, *SET, "--set", "rho=1", "--set", "rho=2"], 2, "given twice"),
    Case("nowhere to save", [*CERTIFY, *SET, "--method", "interval", "--save", "no/c.json"], 2, "no: no such folder"),
    Case("compress without a way", ["compress", "f.onnx", "-o", "h.onnx"], 2, "--quantize or --prune"),
    Case("compress without output", ["compress", "f.onnx", "--quantize", "bits=8"], 2, "-o"),
    Case("compressor option unknown", ["compress", "f.onnx", "--quantize", "bit=8", "-o", "h.onnx"], 2, "bits, scheme"),
    Case("compressor option wrong", ["compress", "f.onnx", "--quantize", "bits=99", "-o", "h.onnx"], 2, "bits"),
    Case("compress to an unknown format", ["compress", "f.onnx", "--quantize", "bits=8", "-o", "h.txt"], 2, "h.txt"),
    Case("check a truncated certificate", ["check", "truncated.json", "f.onnx", "g.onnx"], 2, "truncated.json"),
    Case("check against another network", ["check", "c.json", "f.onnx", "f.onnx"], 1, "compressed network"),
    Case("demo with 1 bit", ["demo", "--bits", "1"], 2, "bits"),
]

CASES = [*API_CASES, *FILE_CASES, *COMMAND_CASES]


def outcome(case: Case, folder: Path) -> tuple[type[Exception] | int | None, str]:
    """Exception class or exit code, and the message, of one case run in the folder."""
    if isinstance(case.run, list):
        words = [str(folder / word) if (folder / word).exists() else word for word in case.run]
        result = CliRunner().invoke(app, words)
        return result.exit_code, (result.stderr or result.stdout).strip()
    try:
        case.run(folder)
    except Exception as error:
        return type(error), str(error)
    return None, "accepted"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        sys.stdout.write("| case | raises or exits with | message |\n|---|---|---|\n")
        for case in CASES:
            found, message = outcome(case, folder)
            label = found.__name__ if isinstance(found, type) else f"exit code {found}"
            text = " ".join(message.replace(f"{folder}/", "").split()).replace("|", "\\|")
            sys.stdout.write(f"| {case.name} | {label} | {text} |\n")


if __name__ == "__main__":
    main()
