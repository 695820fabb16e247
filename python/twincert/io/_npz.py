"""The .npz formats: plain `W0 b0 W1 b1 ...`, and the package's own form that keeps every layer as it is."""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from twincert.errors import ParseError
from twincert.io._steps import Array, DenseStep, Step, hidden_layers, parse_activation, require_finite

_FORMAT = "twincert network 1"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# What zipfile and numpy raise on damaged, encrypted or invented members.
_DAMAGE: tuple[type[Exception], ...] = (
    *(ValueError, KeyError, EOFError, OSError, OverflowError, NotImplementedError, RuntimeError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error),
)


class _Archive:
    """Arrays of an .npz file, each checked against the bytes that are there before it is read; nothing is unpickled."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path = path
        self._file = file
        self.names = {info.filename.removesuffix(".npy"): info for info in file.infolist()}

    def where(self, name: str) -> str:
        return f"{self.path}: array '{name}'"

    def read(self, name: str) -> NDArray[Any]:
        where = self.where(name)
        if name not in self.names:
            raise ParseError(f"{where}: expected in the file; found {', '.join(sorted(self.names)) or 'no arrays'}")
        info = self.names[name]
        try:
            with self._file.open(info) as stream:
                shape, fortran, dtype = _HEADERS[npy.read_magic(stream)](stream)
                size = math.prod(shape) * dtype.itemsize
                if dtype.hasobject or min(shape, default=0) < 0:
                    raise ParseError(
                        f"{where}: expected numbers or text of a fixed shape; found {dtype}, {list(shape)}"
                    )
                data = stream.read(size + 1)
            if len(data) != size:
                raise ParseError(
                    f"{where}: expected {size} bytes for shape {list(shape)}; found {min(len(data), size)}"
                )
            return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
        except ParseError:
            raise
        except _DAMAGE as error:
            raise ParseError(f"{where}: expected an array in NumPy's format; found {error!r}") from None

    def numbers(self, name: str, dimensions: int) -> Array:
        """The array as finite float64 numbers; integers and narrower floats are converted exactly."""
        values = self.read(name)
        where = self.where(name)
        if values.dtype.kind not in "fiu" or values.dtype.itemsize > 8:
            raise ParseError(f"{where}: expected real numbers of at most 64 bits; found {values.dtype}")
        if values.ndim != dimensions:
            raise ParseError(f"{where}: expected {dimensions} dimension(s); found shape {list(values.shape)}")
        converted = values.astype(np.float64)
        if values.dtype.kind in "iu" and np.any(np.abs(converted) > 2.0**53):
            raise ParseError(f"{where}: expected integers of size at most 2^53; found {np.abs(converted).max():.17g}")
        return converted

    def number(self, name: str, fallback: float) -> float:
        return float(self.numbers(name, 0)) if name in self.names else fallback

    def text(self, name: str) -> NDArray[np.str_]:
        values = self.read(name)
        if values.dtype.kind != "U":
            raise ParseError(f"{self.where(name)}: expected text; found {values.dtype}")
        try:
            return np.array([str(text) for text in values.ravel()], dtype=np.str_).reshape(values.shape)
        except ValueError:
            raise ParseError(f"{self.where(name)}: expected text; found invalid characters") from None

    def dense(self, index: int) -> tuple[Array, Array]:
        weight, bias = self.numbers(f"W{index}", 2), self.numbers(f"b{index}", 1)
        require_finite(weight, self.where(f"W{index}"))
        require_finite(bias, self.where(f"b{index}"))
        if 0 in weight.shape or bias.size != weight.shape[0]:
            raise ParseError(
                f"{self.where(f'b{index}')}: expected one bias per row of W{index}, of shape {list(weight.shape)} "
                f"without empty sides; found {bias.size}"
            )
        return weight, bias


def read_npz(path: Path) -> tuple[int, list[Step]]:
    """The input size and the steps of an .npz file.

    Plain form: `W0 b0 W1 b1 ...` with W of shape (outputs, inputs); the optional text `activation` (default relu) names
    the function between them, the optional numbers `slope`, `lower`, `upper`, `step` its parameters. Other arrays are
    not read.

    Raises:
        ParseError: naming file and array.
    """
    try:
        with zipfile.ZipFile(path) as file:
            archive = _Archive(path, file)
            return _read_own(archive) if "format" in archive.names else _read_plain(archive)
    except zipfile.BadZipFile as error:
        raise ParseError(f"{path}: expected an .npz archive; found {error}") from None


def _read_plain(archive: _Archive) -> tuple[int, list[Step]]:
    indices = sorted(int(name[1:]) for name in archive.names if re.fullmatch("[Wb][0-9]{1,9}", name))
    arrays = [archive.dense(k) for k in range(indices[-1] + 1 if indices else 1)]
    kind = "relu"
    if "activation" in archive.names:
        text = archive.text("activation")
        if text.size != 1:
            raise ParseError(f"{archive.where('activation')}: expected one name; found shape {list(text.shape)}")
        kind = str(text.item())
    limits = archive.number("lower", -math.inf), archive.number("upper", math.inf)
    parameters = archive.number("slope", 0.01), *limits, archive.number("step", 0.0)
    activation = parse_activation(kind, kind, archive.where("activation"), *parameters)
    return arrays[0][0].shape[1], hidden_layers(arrays, activation)


def _read_own(archive: _Archive) -> tuple[int, list[Step]]:
    form = archive.text("format")
    if form.size != 1 or form.item() != _FORMAT:
        raise ParseError(f"{archive.where('format')}: expected '{_FORMAT}'; found {str(form)[:80]!r}")
    names, kinds = archive.text("names"), archive.text("kinds")
    parameters = archive.numbers("parameters", 2)
    if names.ndim != 1 or kinds.shape != names.shape or parameters.shape != (names.size, 3):
        raise ParseError(
            f"{archive.path}: expected names (n,), kinds (n,), parameters (n, 3); "
            f"found {list(names.shape)}, {list(kinds.shape)}, {list(parameters.shape)}"
        )
    steps: list[Step] = []
    for k, (name, kind, (first, lower, upper)) in enumerate(zip(names, kinds, parameters, strict=True)):
        if kind == "dense":
            steps.append(DenseStep(str(name), *archive.dense(k)))
        else:
            where = f"{archive.path}: layer {k} ('{name}')"
            numbers = float(first), float(lower), float(upper), float(first)
            steps.append(parse_activation(str(name), str(kind), where, *numbers))
    input_size = archive.number("input_size", 0.0)
    if not (1.0 <= input_size < 2.0**31 and input_size.is_integer()):
        raise ParseError(f"{archive.where('input_size')}: expected a positive integer; found {input_size:g}")
    return int(input_size), steps


def write_npz(path: Path, input_size: int, steps: list[Step]) -> None:
    """Write the package's own form, from which `read_npz` gets back every layer, name and number exactly."""
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(_FORMAT),
        "input_size": np.array(input_size),
        "names": np.array([step.name for step in steps], dtype=np.str_),
        "kinds": np.array(["dense" if isinstance(step, DenseStep) else step.kind for step in steps], dtype=np.str_),
        "parameters": np.array(
            [
                (0, 0, 0) if isinstance(step, DenseStep) else (step.slope + step.step, step.lower, step.upper)
                for step in steps
            ],
            dtype=np.float64,
        ).reshape(-1, 3),
    }
    for k, step in enumerate(steps):
        if isinstance(step, DenseStep):
            arrays[f"W{k}"], arrays[f"b{k}"] = step.weight, step.bias
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
