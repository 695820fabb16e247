"""``twincert inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twincert import load
from twincert.cli.console import naming, stdout
from twincert.errors import ShapeError
from twincert.network import Twin
from twincert.report.text import difference_table, network_text


def inspect(
    network: Annotated[Path, typer.Argument(help="network (.onnx, .nnet, .npz)")],
    twin: Annotated[Path | None, typer.Argument(help="second network, to compare")] = None,
) -> None:
    """Show the layers of a network, and how far a second one's weights are from it."""
    console = stdout()
    reference = load(network)
    console.print(network_text(str(network), reference))
    if twin is not None:
        compressed = load(twin)
        console.print(network_text(str(twin), compressed))
        with naming(f"{network} and {twin}", ShapeError):
            console.print(difference_table(Twin(reference, compressed)))
