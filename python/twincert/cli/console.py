"""What every command shares: consoles, exit codes, and files of plain arrays."""

from __future__ import annotations

import json
import os
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from twincert import load
from twincert.errors import ParseError, ShapeError, TwincertError
from twincert.network import Twin

HOLDS, VIOLATED, USAGE, UNKNOWN = 0, 1, 2, 3
INTERNAL = 70  # a bug in twincert: never to be mistaken for a verdict
CLOSED_PIPE = 141  # nobody reads on, neither


def close_pipe() -> NoReturn:
    """End after the reader of stdout went away; what is still buffered goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(CLOSED_PIPE)


class ResultConsole(Console):
    """Console whose closed pipe is no verdict."""

    def on_broken_pipe(self) -> NoReturn:
        """Rich would exit with 1."""
        close_pipe()


def stdout() -> Console:
    """Console for results; plain text in a pipe."""
    return ResultConsole(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    """Console for errors, logs and progress."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty())


def exit_code(verdict: str, threshold: float | None) -> int:
    """0 holds or a bound without a threshold, 1 violated, 3 unknown."""
    if threshold is None:
        return HOLDS
    return {"holds": HOLDS, "violated": VIOLATED}.get(verdict, UNKNOWN)


@contextmanager
def naming(place: object, kind: type[TwincertError] = TwincertError) -> Iterator[None]:
    """Puts the files that values came from in front of an error's message."""
    try:
        yield
    except kind as error:
        raise type(error)(f"{place}: {error}") from None


def read_twin(reference: Path, compressed: Path) -> Twin:
    """Twin of two network files."""
    networks = load(reference), load(compressed)
    with naming(f"{reference} and {compressed}", ShapeError):
        return Twin(*networks)


def read_array(path: Path) -> NDArray[np.float64]:
    """Vector of numbers from an .npy file; ParseError names the file."""
    return _vector(_load(path), str(path))


def read_box(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``lower`` and ``upper`` of an .npz file; ParseError names the file and the array."""
    arrays = _load(path)
    if not isinstance(arrays, dict):
        raise ParseError(f"{path}: expected an .npz file with the arrays lower and upper, found a single array")
    missing = [name for name in ("lower", "upper") if name not in arrays]
    if missing:
        found = ", ".join(arrays) or "nothing"
        raise ParseError(f"{path}: expected the arrays lower and upper, found {found}")
    return _vector(arrays["lower"], f"{path}: lower"), _vector(arrays["upper"], f"{path}: upper")


def _load(path: Path) -> Any:
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.lib.npyio.NpzFile):
            with content:
                return {name: content[name] for name in content.files}
        return content
    except (ValueError, EOFError, KeyError, NotImplementedError, MemoryError, zipfile.BadZipFile, zlib.error):
        raise ParseError(f"{path}: expected NumPy arrays of numbers (.npy or .npz), found something else") from None


def _vector(array: NDArray[Any], where: str) -> NDArray[np.float64]:
    if array.dtype.kind not in "iuf":
        raise ParseError(f"{where}: expected real numbers, found {array.dtype}")
    if array.ndim != 1 and array.size != max(array.shape, default=1):
        raise ParseError(f"{where}: expected one axis, found shape {array.shape}")
    return np.asarray(array, dtype=np.float64).reshape(-1)


def print_json(text: dict[str, Any], target: str) -> None:
    """Write a report as JSON to a file, or to stdout for ``-``; infinities are the strings "inf" and "-inf"."""
    line = json.dumps(text, indent=2, allow_nan=False)
    if target == "-":
        sys.stdout.write(line + "\n")
    else:
        Path(target).write_text(line + "\n", encoding="utf-8")
