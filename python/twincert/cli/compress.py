"""``twincert compress``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from twincert import load, prune, quantize
from twincert.cli.console import stdout
from twincert.errors import SettingsError
from twincert.network import Network, Twin
from twincert.report.text import difference_table


def compress(
    network: Annotated[Path, typer.Argument(help="network to compress (.onnx, .nnet, .npz)")],
    output: Annotated[Path, typer.Option("-o", "--output", help="file of the compressed network (.onnx or .npz)")],
    quantize_options: Annotated[
        str | None, typer.Option("--quantize", help="bits=8,scheme=symmetric,per_channel=true,rounding=nearest")
    ] = None,
    prune_options: Annotated[
        str | None, typer.Option("--prune", help="sparsity=0.3,structure=magnitude,scope=layer")
    ] = None,
) -> None:
    """Write a quantised or pruned twin of a network. With both options, the network is pruned first."""
    if quantize_options is None and prune_options is None:
        raise SettingsError("nothing to do: expected --quantize or --prune")
    reference = load(network)
    twin = Twin(reference, reference)
    if prune_options is not None:
        twin = Twin(reference, _apply(prune, twin.compressed, "--prune", prune_options).compressed)
    if quantize_options is not None:
        twin = Twin(reference, _apply(quantize, twin.compressed, "--quantize", quantize_options).compressed)
    twin.compressed.save(output)
    console = stdout()
    console.print(difference_table(twin))
    console.print(f"written: {output}")


def _apply(compressor: Callable[..., Twin], network: Network, option: str, text: str) -> Twin:
    """Call a compressor with ``name=value,...``; the compressor checks the values, the names are checked here."""
    names = [
        name
        for name, parameter in inspect.signature(compressor).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    ][1:]
    values: dict[str, Any] = {}
    for assignment in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in assignment.partition("="))
        if not equals or name not in names:
            raise SettingsError(
                f"{option}: expected name=value with a name of {', '.join(names)}, found {assignment!r}"
            )
        if name in values:
            raise SettingsError(f"{option}: {name} is given twice")
        values[name] = _value(value)
    return compressor(network, **values)


def _value(text: str) -> object:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
