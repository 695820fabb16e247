"""The .nnet text format of ACAS Xu and NeuroDiff: ReLU between dense layers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from twincert.errors import ParseError
from twincert.io._steps import ActivationStep, Array, Step, hidden_layers


class _Lines:
    """The lines that hold numbers; comments (//) and blank lines are passed over, a trailing comma is allowed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._text = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            raise ParseError(f"{path}: expected the text of a .nnet file; found bytes that are not UTF-8") from None
        self._numbered = ((i, line.strip()) for i, line in enumerate(self._text, start=1))
        self._lines = ((i, line) for i, line in self._numbered if line and not line.startswith("//"))

    def _next(self, count: int | None, what: str) -> tuple[str, list[str]]:
        number, line = next(self._lines, (0, ""))
        expected = f"expected {what}" + ("" if count is None else f", {count} number(s) on a line")
        if not number:
            raise ParseError(f"{self._path}: {expected}; found the end of the file after line {len(self._text)}")
        fields = [field.strip() for field in line.removesuffix(",").split(",")]
        where = f"{self._path}, line {number}: {expected}"
        if count is not None and len(fields) != count:
            raise ParseError(f"{where}; found {len(fields)}")
        return where, fields

    def numbers(self, count: int, what: str) -> Array:
        """The next line as `count` finite numbers."""
        where, fields = self._next(count, what)
        values = np.empty(count)
        for k, field in enumerate(fields):
            try:
                values[k] = float(field) if "_" not in field else np.nan
            except ValueError:
                values[k] = np.nan
            if not np.isfinite(values[k]):
                raise ParseError(f"{where}; found {field!r} as number {k + 1}")
        return values

    def sizes(self, count: int | None, what: str) -> list[int]:
        """The next line as positive integers, `count` of them if given."""
        where, fields = self._next(count, what)
        for field in fields:
            if not (field.isascii() and field.isdigit() and len(field) < 10 and int(field) > 0):
                raise ParseError(f"{where}; found {field!r} where a positive integer belongs")
        return [int(field) for field in fields]

    def skip(self, count: int, what: str) -> None:
        """Pass over a line that evaluation does not read; ACAS Xu's have the entries of 7 inputs for `count` 5."""
        where, fields = self._next(None, what)
        if len(fields) < count:
            raise ParseError(f"{where}, at least {count} entries; found {len(fields)}")

    def finish(self) -> None:
        """Raise ParseError if numbers are left over."""
        number, line = next(self._lines, (0, ""))
        if number:
            raise ParseError(f"{self._path}, line {number}: expected the end of the file; found {line[:40]!r}")


def read_nnet(path: Path) -> tuple[int, list[Step]]:
    """The input size and the steps of a .nnet file.

    The network is read in its normalised inputs and outputs: weights and biases as they stand; the lines of input
    ranges, means and scales are counted and not applied.

    Raises:
        ParseError: naming file and line.
    """
    lines = _Lines(path)
    count, inputs, outputs, _ = lines.sizes(4, "the header: layers, inputs, outputs, largest layer")
    # Every layer takes at least two lines, so that a claimed count is bounded by the file's length below.
    sizes = lines.sizes(count + 1, "the layer sizes")
    if (sizes[0], sizes[-1]) != (inputs, outputs):
        raise ParseError(
            f"{path}: expected layer sizes from {inputs} inputs to {outputs} outputs, as in the header; "
            f"found {sizes[0]} to {sizes[-1]}"
        )
    lines.skip(1, "the flag line")
    for length, what in ((inputs, "minima"), (inputs, "maxima"), (inputs + 1, "means"), (inputs + 1, "ranges")):
        lines.skip(length, f"the {what} of the inputs")
    arrays = list(_layers(lines, sizes))
    lines.finish()
    return inputs, hidden_layers(arrays, ActivationStep("relu", "relu"))


def _layers(lines: _Lines, sizes: list[int]) -> Iterator[tuple[Array, Array]]:
    for k, (columns, rows) in enumerate(itertools.pairwise(sizes)):
        weight = np.array([lines.numbers(columns, f"row {i} of weight {k}") for i in range(rows)])
        bias = np.array([lines.numbers(1, f"entry {i} of bias {k}")[0] for i in range(rows)])
        yield weight, bias
