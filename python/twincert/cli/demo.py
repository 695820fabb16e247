"""``twincert demo``."""

from __future__ import annotations

import importlib.resources
import time
from typing import Annotated

import numpy as np
import typer

from twincert import certify, load, quantize
from twincert.cli.console import HOLDS, VIOLATED, stderr, stdout
from twincert.report.progress import ProgressView
from twincert.report.text import certificate_table, check_line, outputs_table
from twincert.sets import Box

RADIUS = 0.02  # of pixels in [0, 1]


def demo(
    bits: Annotated[int, typer.Option(help="of the quantised twin, 2 to 16")] = 8,
    time_limit: Annotated[float, typer.Option(help="seconds")] = 5.0,
) -> None:
    """Certify a small digit classifier, which ships with the package, against its quantised twin.

    The network (64-32-32-10, ReLU) reads images of 8 x 8 pixels in [0, 1]; the set is a box of half width 0.02 around
    one digit.
    """
    console = stdout()
    with importlib.resources.as_file(importlib.resources.files("twincert") / "data") as folder:
        network = load(folder / "digits.npz")
        pixels = np.load(folder / "digit.npy", allow_pickle=False)
    twin = quantize(network, bits=bits)
    box = Box.around(pixels, RADIUS, clip=(0.0, 1.0))
    console.print(picture(pixels))
    console.print(
        f"A digit classifier 64-32-32-10 against its {bits}-bit twin: how far apart can their outputs be"
        f" when every pixel may move by {RADIUS}?"
    )
    begin = time.perf_counter()
    with ProgressView(stderr()) as view:
        certificate = certify(twin, box, measure="inf", time_limit=time_limit, callback=view.update)
    proven = time.perf_counter()
    report = certificate.check(twin)
    checked = time.perf_counter()
    console.print(certificate_table(certificate))
    console.print(outputs_table(certificate))
    console.print(check_line(report))
    console.print(f"time: {proven - begin:.2f} s to prove, {checked - proven:.2f} s to check")
    raise typer.Exit(HOLDS if report.valid else VIOLATED)


def picture(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    """The image in characters, two a pixel; (64,) values in [0, 1]."""
    shades = " .:-=+*#%@"
    rows = pixels.reshape(8, 8)
    return "\n".join("".join(2 * shades[round(9 * float(value))] for value in row) for row in rows)
