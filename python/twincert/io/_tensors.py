"""Constant tensors of an ONNX file, read exactly and without trusting any size that the file claims."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from twincert.errors import ParseError, UnsupportedLayerError

# Stored type, and the field that holds the numbers when they are not raw bytes.
_TYPES: dict[int, tuple[str, str, str]] = {
    onnx.TensorProto.FLOAT: ("float32", "<f4", "float_data"),
    onnx.TensorProto.DOUBLE: ("float64", "<f8", "double_data"),
    onnx.TensorProto.FLOAT16: ("float16", "<f2", "int32_data"),
    onnx.TensorProto.INT64: ("int64", "<i8", "int64_data"),
    onnx.TensorProto.INT8: ("int8", "<i1", "int32_data"),
    onnx.TensorProto.UINT8: ("uint8", "<u1", "int32_data"),
    onnx.TensorProto.INT16: ("int16", "<i2", "int32_data"),
    onnx.TensorProto.UINT16: ("uint16", "<u2", "int32_data"),
}


def read_tensor(tensor: onnx.TensorProto, folder: Path, where: str) -> NDArray[Any]:
    """The values of `tensor` as float64, or as integers of the type that they have in the file.

    Every float16, float32 or float64 is a float64, so nothing is rounded. External data must lie inside `folder`.

    Raises:
        ParseError: the numbers are missing, too many, or not of the claimed shape.
        UnsupportedLayerError: an element type other than float16, float32, float64, int64 and (u)int8, (u)int16.
    """
    where = f"{where}: tensor '{tensor.name}'"
    if tensor.data_type not in _TYPES:
        found = (
            onnx.TensorProto.DataType.Name(tensor.data_type)
            if tensor.data_type in onnx.TensorProto.DataType.values()
            else tensor.data_type
        )
        known = ", ".join(name for name, _, _ in _TYPES.values())
        raise UnsupportedLayerError(f"{where}: expected element type {known}; found {found}")
    name, dtype, field = _TYPES[tensor.data_type]
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape):
        raise ParseError(f"{where}: expected sizes of at least 0; found shape {list(shape)}")
    if tensor.HasField("segment"):
        raise ParseError(f"{where}: expected the whole tensor; found a segment of it")
    count = math.prod(shape)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        values = np.frombuffer(_external_bytes(tensor, folder, count * np.dtype(dtype).itemsize, where), dtype)
    elif tensor.HasField("raw_data"):
        expected = count * np.dtype(dtype).itemsize
        if len(tensor.raw_data) != expected:
            raise ParseError(
                f"{where}: expected {expected} bytes for shape {list(shape)} of {name}; found {len(tensor.raw_data)}"
            )
        values = np.frombuffer(tensor.raw_data, dtype)
    else:
        stored = getattr(tensor, field)
        if len(stored) != count:
            raise ParseError(f"{where}: expected {count} numbers for shape {list(shape)}; found {len(stored)}")
        values = _typed_values(np.array(stored), name, where)
    return values.reshape(shape).astype(np.float64 if name.startswith("float") else name)


def _typed_values(stored: NDArray[Any], name: str, where: str) -> NDArray[Any]:
    """Numbers of a typed field; float16 is stored as its bit pattern in an integer, narrow integers as wider ones."""
    if name != "float16":
        values = stored.astype(name)
        if not name.startswith("float") and not np.array_equal(values, stored):
            raise ParseError(f"{where}: expected numbers of type {name}; found {stored.min()} to {stored.max()}")
        return values
    if stored.size and not (stored.min() >= 0 and stored.max() <= 0xFFFF):
        raise ParseError(
            f"{where}: expected float16 bit patterns from 0 to 65535; found {stored.min()}, {stored.max()}"
        )
    return stored.astype(np.uint16).view(np.float16)


def _external_bytes(tensor: onnx.TensorProto, folder: Path, size: int, where: str) -> bytes:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    root = folder.resolve()
    # resolve() follows symbolic links, so that a link cannot lead outside either.
    try:
        path = (root / location).resolve()
        inside = path.is_relative_to(root) and not Path(location).is_absolute()
    except (OSError, ValueError) as error:
        raise ParseError(f"{where}: expected the name of an external data file; found {location!r} ({error})") from None
    if not location or not inside:
        raise ParseError(f"{where}: expected external data inside the model's folder; found location {location!r}")
    if not path.is_file():
        raise ParseError(f"{where}: expected an external data file; found no file '{location}' in the model's folder")
    offset, length = (
        _external_number(entries, key, fallback, where) for key, fallback in (("offset", 0), ("length", size))
    )
    available = path.stat().st_size - offset
    if length != size or available < size:
        raise ParseError(
            f"{where}: expected {size} bytes at offset {offset} of external file '{location}'; "
            f"found length {length}, {max(available, 0)} bytes available"
        )
    with path.open("rb") as file:
        file.seek(offset)
        content: bytes = file.read(size)
    return content


def _external_number(entries: dict[str, str], key: str, fallback: int, where: str) -> int:
    text = entries.get(key, str(fallback))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ParseError(f"{where}: expected a number of bytes as external data {key}; found {text!r}")
    return int(text)
