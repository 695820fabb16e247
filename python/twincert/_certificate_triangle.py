"""Lower triangles in the JSON of certificates: packed row by row, deflated where they are large and mostly zeros.

A multiplier of a wide network has 10,000 rows, nearly all of its numbers are zero, and the square matrix alone takes a
gigabyte: neither writing nor reading the deflated form holds another copy of its numbers.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from twincert._certificate_format import (
    Array,
    FieldError,
    Json,
    decode_base64,
    decode_shape,
    encode_base64,
    refuse_nan,
)

PLAIN, DEFLATED = "lower_triangle", "deflated_lower_triangle"
DEFLATE_FROM = 2**20  # bytes of a packed triangle; below, files look as they always did
LEVEL = 1
# Bytes of a packed triangle per byte of its stream. Deflate reaches 1030, on nothing but zeros; a dozen numbers per row
# stay below this. It bounds what a small file can make its reader allocate.
LARGEST_RATIO = 256
_BLOCK = 2**20  # doubles that are unpacked at once
_PIECE = 2**16  # bytes of a stream that are inflated at once


def encode_lower(matrix: Array) -> Json:
    """Lower triangle of a square matrix, row by row, with the full shape; deflated where that pays."""
    size = matrix.shape[0]
    count = size * (size + 1) // 2
    shape = list(matrix.shape)
    if 8 * count >= DEFLATE_FROM and 2 * sum(np.count_nonzero(row) for row in _rows(matrix)) <= count:
        deflate = zlib.compressobj(LEVEL)
        stream = b"".join([*(deflate.compress(row.data) for row in _rows(matrix)), deflate.flush()])
        if 8 * count <= LARGEST_RATIO * len(stream):
            return {"shape": shape, DEFLATED: encode_base64(stream)}
    packed = np.concatenate([np.empty(0, dtype="<f8"), *_rows(matrix)])
    return {"shape": shape, PLAIN: encode_base64(packed.data)}


def _rows(matrix: Array) -> Iterator[Array]:
    """The rows of the lower triangle, the diagonal included."""
    return (np.ascontiguousarray(row[: i + 1], dtype="<f8") for i, row in enumerate(matrix))


def decode_lower(value: Json, symmetric: bool, field: str) -> Array:
    """Square matrix from its lower triangle: mirrored when symmetric, zero above the diagonal otherwise.

    FieldError for wrong shapes, base64 and streams, for NaN and infinity. Memory for the matrix is taken only where the
    length of the field allows for that many numbers, see ``LARGEST_RATIO``.
    """
    shape = decode_shape(value, field)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise FieldError(f"{field}.shape", f"expected a square matrix, found {shape}")
    size = shape[0]
    count = size * (size + 1) // 2
    source: _Source
    if DEFLATED in value:
        field = f"{field}.{DEFLATED}"
        source = _Inflation(decode_base64(value[DEFLATED], None, field), count, field)
    else:
        field = f"{field}.{PLAIN}"
        source = io.BytesIO(decode_base64(value[PLAIN], count, field))
    matrix = np.zeros((size, size))
    for start, stop in _row_blocks(size):
        first, last = start * (start + 1) // 2, stop * (stop + 1) // 2
        values = np.frombuffer(source.read(8 * (last - first)), dtype="<f8")
        refuse_nan(values, field, allow_infinity=False)
        for i in range(start, stop):
            offset = i * (i + 1) // 2 - first
            matrix[i, : i + 1] = values[offset : offset + i + 1]
    if isinstance(source, _Inflation):
        source.finish()
    if symmetric:
        mirror_lower(matrix)
    return matrix


def mirror_lower(matrix: Array) -> None:
    """Overwrite what is above the diagonal (size, size) by what is below."""
    for start, stop in _row_blocks(matrix.shape[0]):
        matrix[:start, start:stop] = matrix[start:stop, :start].T
        square = matrix[start:stop, start:stop]
        rows, columns = np.tril_indices(stop - start, -1)
        square[columns, rows] = square[rows, columns]


def _row_blocks(size: int) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of rows, at most ``_BLOCK`` numbers each, or one row."""
    step = max(1, _BLOCK // max(size, 1))
    return ((start, min(start + step, size)) for start in range(0, size, step))


class _Source(Protocol):
    def read(self, count: int, /) -> bytes:
        """The next ``count`` bytes."""


class _Inflation:
    """Reads a zlib stream piece by piece, never more than is asked for; FieldError for everything that is amiss."""

    def __init__(self, stream: bytes, count: int, field: str) -> None:
        """Of ``count`` doubles."""
        if 8 * count > LARGEST_RATIO * len(stream):
            least = f"expected {count} values of 8 bytes in a stream of at least {-(-8 * count // LARGEST_RATIO)} bytes"
            raise FieldError(field, f"{least}, found {len(stream)} bytes")
        self._expected = f"expected {count} values of 8 bytes"
        self._field = field
        self._stream = stream
        self._position = 0
        self._rest = b""  # taken from the stream and not inflated yet
        self._inflate = zlib.decompressobj()

    def read(self, count: int, /) -> bytes:
        """The next ``count`` bytes."""
        parts = []
        while count:
            part = self._next(count)
            if not part:
                raise FieldError(self._field, f"{self._expected}, found a stream of fewer")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def finish(self) -> None:
        """Refuse bytes that nobody asked for and a stream without its end."""
        if self._next(1):
            raise FieldError(self._field, f"{self._expected}, found a stream of more")
        left = len(self._inflate.unused_data) + len(self._stream) - self._position
        if left:
            raise FieldError(self._field, f"expected nothing after the zlib stream, found {left} bytes")

    def _next(self, count: int) -> bytes:
        """Some of the next ``count`` bytes, at least one; none when the stream has ended."""
        while not self._inflate.eof:
            if not self._rest:
                self._rest = self._stream[self._position : self._position + _PIECE]
                self._position += len(self._rest)
            exhausted = not self._rest
            try:
                part = self._inflate.decompress(self._rest, count)
            except zlib.error as error:
                raise FieldError(self._field, f"expected a zlib stream: {error}") from None
            self._rest = self._inflate.unconsumed_tail
            if part:
                return part
            if exhausted:
                break
        if not self._inflate.eof:
            raise FieldError(self._field, f"expected a complete zlib stream, found {len(self._stream)} bytes of one")
        return b""
