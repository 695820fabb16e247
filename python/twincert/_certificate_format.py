"""The JSON of certificates, version 2: numbers, arrays, the digest of the content, and strict reading.

Everything here is about form; what a certificate claims and how it is proven is in ``certificate.py`` and the C++
checker.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import importlib.resources
import json
import math
import os
import secrets
import sys
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from twincert.errors import ParseError

FORMAT = "twincert-certificate"
VERSION = 2
MAXIMUM_FILE_BYTES = 2**31
MAXIMUM_LENGTH = 2**24  # of one axis of an array

Array = NDArray[np.float64]
Json = dict[str, Any]


class FieldError(ValueError):
    """A field that does not say what it should; ``read`` adds the file's name."""

    def __init__(self, field: str, message: str) -> None:
        """Name the field by its path and say what was expected and found."""
        super().__init__(f"{field}: {message}")


# --- numbers and arrays -----------------------------------------------------------------------------------------------


def encode_number(value: float) -> float | str:
    """JSON number (its shortest text reads back as the same double), or "inf" / "-inf"."""
    value = float(value)
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def decode_number(value: object, field: str) -> float:
    """Inverse of ``encode_number``; JSON integers count as numbers, overflow does not."""
    if value in ("inf", "-inf"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(field, f'expected a number, "inf" or "-inf", found {shorten(value)}')
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise FieldError(field, 'expected a number that a double holds (infinities are written "inf" and "-inf")')
    return number


def encode_base64(data: bytes | memoryview) -> str:
    """Base64 of bytes."""
    return base64.b64encode(data).decode("ascii")


def encode_array(array: Array) -> Json:
    """Shape and base64 of the little-endian float64 values, row by row."""
    values = np.ascontiguousarray(array, dtype="<f8")
    return {"shape": list(values.shape), "data": encode_base64(values.tobytes())}


def decode_base64(text: str, count: int | None, field: str) -> bytes:
    """Bytes of ``count`` doubles (None: any bytes); FieldError for another length and for what is no base64."""
    if count is not None and len(text) != 4 * ((8 * count + 2) // 3):
        found = f"{len(text)} characters of base64"
        raise FieldError(field, f"expected {count} values of 8 bytes, found {found}")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FieldError(field, f"expected base64: {error}") from None
    if count is not None and len(data) != 8 * count:
        raise FieldError(field, f"expected {count} values of 8 bytes, found {len(data)} bytes")
    return data


def refuse_nan(values: Array, field: str, allow_infinity: bool) -> None:
    """FieldError where a value is NaN, or infinite where that is not allowed."""
    if np.isnan(values).any():
        raise FieldError(field, "expected numbers, found NaN")
    if not allow_infinity and np.isinf(values).any():
        raise FieldError(field, "expected finite numbers, found infinity")


def decode_shape(value: Json, field: str) -> list[int]:
    """Lengths of the axes of an array; FieldError for absurd ones."""
    shape = [int(length) for length in value["shape"]]
    if any(length > MAXIMUM_LENGTH for length in shape):
        raise FieldError(f"{field}.shape", f"expected lengths up to {MAXIMUM_LENGTH}, found {shorten(shape)}")
    return shape


def decode_vector(value: Json, length: int | None, field: str, allow_infinity: bool = False) -> Array:
    """Vector of a known length (None: any); FieldError for wrong shapes, wrong base64 and NaN."""
    shape = decode_shape(value, field)
    if len(shape) != 1 or (length is not None and shape[0] != length):
        expected = "one axis" if length is None else f"[{length}]"
        raise FieldError(f"{field}.shape", f"expected {expected}, found {shape}")
    field = f"{field}.data"
    values = np.frombuffer(decode_base64(value["data"], shape[0], field), dtype="<f8").astype(np.float64)
    refuse_nan(values, field, allow_infinity)
    return values


# --- text -------------------------------------------------------------------------------------------------------------


def content_digest(content: Json) -> str:
    """SHA-256 over the content without its digest: sorted keys, no spaces, UTF-8, shortest numbers."""
    text = json.dumps(
        {name: value for name, value in content.items() if name != "digest"},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: str | os.PathLike[str], content: Json) -> None:
    """Write atomically: readers see the old file or the complete new one."""
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder to write to", str(target.parent))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            json.dump(content, file, allow_nan=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> Json:
    """JSON content of a certificate file that fits the schema; ParseError names the file and the field."""
    target = Path(path)
    size = target.stat().st_size
    if size > MAXIMUM_FILE_BYTES:
        raise ParseError(f"{target}: expected a certificate of at most {MAXIMUM_FILE_BYTES} bytes, found {size}")
    try:
        content = json.loads(
            target.read_bytes().decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_short_integer,
            object_pairs_hook=_unique_fields,
        )
        validate(content)
    except FieldError as error:
        raise ParseError(f"{target}: {error}") from None
    except UnicodeDecodeError as error:
        raise ParseError(f"{target}: expected a certificate in UTF-8 JSON, found other bytes ({error})") from None
    except RecursionError:
        raise ParseError(f"{target}: expected a certificate in JSON, found too many nested brackets") from None
    except json.JSONDecodeError as error:
        where = f"{target}, line {error.lineno}, column {error.colno}"
        raise ParseError(
            f"{where}: expected a complete certificate in JSON ({error.msg.removesuffix(' at')})"
        ) from None
    return cast(Json, content)


def _refuse_constant(name: str) -> NoReturn:
    raise FieldError("number", f'expected a JSON number ("inf" and "-inf" are strings), found {name}')


def _short_integer(text: str) -> int:
    if len(text) > 25:  # every count, and every double that is written as an integer, is shorter
        raise FieldError("number", f"expected a number of usual length, found an integer of {len(text)} digits")
    return int(text)


def _unique_fields(pairs: list[tuple[str, Any]]) -> Json:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise FieldError(double, "expected once, found more than once")
    return fields


# --- schema -----------------------------------------------------------------------------------------------------------


@cache
def schema() -> Json:
    """JSON schema of version 2, as the package ships it."""
    resource = importlib.resources.files("twincert") / "data" / "certificate.schema.json"
    return cast(Json, json.loads(resource.read_text(encoding="utf-8")))


def validate(content: object) -> None:
    """FieldError for the first place where the content does not fit the schema."""
    if not isinstance(content, dict):
        raise FieldError("certificate", f"expected a JSON object, found {shorten(content)}")
    if content.get("format") != FORMAT:
        raise FieldError("format", f"expected {FORMAT!r}, found {shorten(content.get('format'))}")
    if content.get("version") != VERSION or isinstance(content["version"], bool):
        raise FieldError("version", f"expected {VERSION}, found {shorten(content.get('version'))}")
    from jsonschema import Draft202012Validator  # slow to import, and only files need it

    error = next(Draft202012Validator(schema()).iter_errors(content), None)
    if error is not None:
        field = error.json_path.removeprefix("$").removeprefix(".") or "certificate"
        raise FieldError(field, _explain(error.validator, error.validator_value, error.instance, error.schema))


def _explain(rule: object, value: Any, found: Any, rules: Any) -> str:
    if rule == "required":
        return f"expected the field {next(name for name in value if name not in found)!r}, found none"
    if rule == "additionalProperties":
        extra = next(name for name in found if name not in rules["properties"])
        return f"expected no other fields than the schema's, found {shorten(extra)}"
    if rule == "type":
        return f"expected {value}, found {shorten(found)}"
    if rule in ("enum", "const"):
        return f"expected {value}, found {shorten(found)}"
    if rule == "oneOf":
        names = [option["required"][0] for option in value]
        given = [name for name in names if name in found]
        return f"expected exactly one of the fields {', '.join(names)}, found {', '.join(given) or 'none'}"
    if rule == "anyOf":
        return f"expected one of the schema's forms, found {shorten(found)}"
    return f"expected {rule} {shorten(value)}, found {shorten(found)}"


def shorten(value: object, limit: int = 60) -> str:
    """Text of a value that fits into a message."""
    if value is None:
        return "nothing"
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit]!r}... ({len(value)} characters)"
    if isinstance(value, list | dict) and sys.getsizeof(value) > 4096:
        return f"{type(value).__name__} of {len(value)} entries"
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
