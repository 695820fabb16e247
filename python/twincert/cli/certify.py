"""``twincert certify``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal, cast

import numpy as np
import typer

from twincert import certify as certify_twin
from twincert._certificate_format import encode_number
from twincert.certificate import Certificate
from twincert.cli.console import exit_code, naming, print_json, read_array, read_box, read_twin, stderr, stdout
from twincert.errors import SettingsError
from twincert.measure import MEASURES, Affine, Margin, Measure, Output
from twincert.report.progress import ProgressView
from twincert.report.text import certificate_table, outputs_table
from twincert.sets import Box, InputSet
from twincert.settings import Settings, setting_label, settings_table

EPILOG = "Settings (--set name=value): " + "; ".join(setting_label(row) for row in settings_table())


def parse_measure_text(text: str) -> Measure:
    """Measure from the command line: a name, ``output:3``, ``margin:0:3`` or ``affine:0.1:1`` (weights of gamma_x and
    gamma; ``:difference`` may follow).
    """
    name, *indices = text.split(":")
    if name == "affine" and 2 <= len(indices) <= 3:
        of = cast(Literal["input", "difference"], indices[2]) if len(indices) == 3 else "input"
        return Affine(_weight(indices[0]), _weight(indices[1]), of)
    if all(index.isascii() and index.isdigit() for index in indices):
        if name == "output" and len(indices) == 1:
            return Output(int(indices[0]))
        if name == "margin" and len(indices) == 2:
            return Margin(int(indices[0]), int(indices[1]))
    if text in MEASURES:
        return text
    raise SettingsError(
        f"--measure: expected {', '.join(MEASURES)}, output:INDEX, margin:I:J or affine:WEIGHT_X:WEIGHT[:difference], "
        f"found {text!r}"
    )


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"--measure: expected affine:WEIGHT_X:WEIGHT with two numbers, found {text!r}") from None


def input_set_of(
    box: Path | None, center: Path | None, radius: float | None, clip: tuple[float, float] | None
) -> InputSet:
    """The input set that the options describe: either a box file, or a center and a radius."""
    if box is not None:
        if center is not None or radius is not None or clip is not None:
            raise SettingsError("--box stands alone: --center, --radius and --clip describe another set")
        corners = read_box(box)
        with naming(box):
            return Box(*corners)
    if center is None or radius is None:
        raise SettingsError("the input set is missing: expected --box FILE, or --center FILE with --radius NUMBER")
    values = read_array(center)
    with naming(center):
        return Box.around(values, radius, clip=clip)


def certify(
    reference: Annotated[Path, typer.Argument(help="reference network f (.onnx, .nnet, .npz)")],
    compressed: Annotated[Path, typer.Argument(help="its compressed twin g")],
    box: Annotated[Path | None, typer.Option(help=".npz file with the arrays lower and upper")] = None,
    center: Annotated[Path | None, typer.Option(help=".npy file with one input")] = None,
    radius: Annotated[float | None, typer.Option(help="half width of the box around the center")] = None,
    clip: Annotated[tuple[float, float] | None, typer.Option(help="cut the box at these two numbers")] = None,
    measure: Annotated[
        str, typer.Option(help="inf, two, one, outputs, top1, output:I, margin:I:J or affine:WX:W[:difference]")
    ] = "inf",
    method: Annotated[str, typer.Option(help="auto, interval, crown, sdp or branch")] = "auto",
    threshold: Annotated[float | None, typer.Option(help="decide whether the error stays at or below this")] = None,
    time_limit: Annotated[float | None, typer.Option(help="seconds")] = None,
    json_target: Annotated[str | None, typer.Option("--json", help="write the result as JSON; - is stdout")] = None,
    save: Annotated[Path | None, typer.Option(help="write the certificate")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", help="name=value, may be repeated")] = None,
) -> None:
    """Prove how far a network and its compressed twin can be apart on a set of inputs.

    Exit code 0: the error stays within the threshold, or a bound was found and no threshold given; 1: it does not;
    2: wrong usage or input; 3: not decided.
    """
    settings = Settings.parse(assignments or [])
    chosen = parse_measure_text(measure)
    twin = read_twin(reference, compressed)
    input_set = input_set_of(box, center, radius, clip)
    begin = time.perf_counter()
    with ProgressView(stderr()) as view:
        certificate = certify_twin(
            twin,
            input_set,
            measure=chosen,
            method=method,
            threshold=threshold,
            time_limit=time_limit,
            settings=settings,
            callback=view.update,
        )
    seconds = time.perf_counter() - begin
    if save is not None:
        certificate.save(save)
    if json_target is not None:
        print_json(result_json(certificate, seconds), json_target)
    if json_target != "-":
        console = stdout()
        console.print(certificate_table(certificate))
        if np.isfinite(certificate.upper_per_output).any():
            console.print(outputs_table(certificate))
    raise typer.Exit(exit_code(certificate.verdict, threshold))


def result_json(certificate: Certificate, seconds: float) -> dict[str, object]:
    """The certificate without its proof, and the time it took."""
    content = certificate.to_dict()
    return {
        **{name: content[name] for name in ("networks", "measure", "bound", "result", "info")},
        "witness": {
            "lower": content["witness"]["lower"],
            "reference_input": certificate.witness.tolist(),
            "compressed_input": certificate.compressed_witness.tolist(),
            "reference_output": certificate.witness_output.tolist(),
            "compressed_output": certificate.compressed_witness_output.tolist(),
            "difference": certificate.witness_difference.tolist(),
        },
        "gap": encode_number(certificate.gap),
        "seconds": seconds,
    }
