"""Certificate files that no reader may accept, for the bad-input table."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

NAN, INF = float("nan"), float("inf")


def write_bad_certificates(folder: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content)
    (folder / "truncated.json").write_text(text[: len(text) // 2])
    (folder / "empty.json").write_text("")
    (folder / "list.json").write_text("[]")
    (folder / "bytes.json").write_bytes(b"\xff\xfe\x00\x01")
    (folder / "deep.json").write_text("[" * 100_000)
    (folder / "twice.json").write_text(text.replace('"version"', '"format": "other", "version"', 1))
    (folder / "nan.json").write_text(text.replace(json.dumps(content["bound"]["upper"]), "NaN", 1))
    (folder / "digits.json").write_text(text.replace(json.dumps(content["bound"]["upper"]), "9" * 5000, 1))
    (folder / "version.json").write_text(json.dumps({**content, "version": 3}))
    (folder / "format.json").write_text(json.dumps({**content, "format": "other"}))
    (folder / "extra.json").write_text(json.dumps({**content, "colour": "red"}))
    (folder / "field.json").write_text(json.dumps({key: value for key, value in content.items() if key != "proof"}))
    (folder / "huge.json").write_text(text.replace(json.dumps(content["bound"]["upper"]), "1e999", 1))
    clique = content["proof"]["objectives"][0]["cliques"][0]
    good = dict(clique["multiplier"])
    for name, triangle in {
        "base64": {**good, "lower_triangle": "!" + good["lower_triangle"][1:]},
        "short": {**good, "lower_triangle": good["lower_triangle"][:-8]},
        "shape": {**good, "shape": [good["shape"][0], good["shape"][0] + 1]},
        "absurd": {**good, "shape": [2**40, 2**40]},
        "negative": {**good, "shape": [-1, -1]},
        "nan_array": {**good, "lower_triangle": "AAAAAAAA+H8A" + good["lower_triangle"][12:]},
        **bad_deflated_triangles(good),
    }.items():
        clique["multiplier"] = triangle
        (folder / f"{name}.json").write_text(json.dumps(content))
    clique["multiplier"] = good
    upper = content["bound"]["upper_per_output"]
    content["bound"]["upper_per_output"] = upper + upper
    (folder / "outputs.json").write_text(json.dumps(content))


def bad_deflated_triangles(good: dict[str, Any]) -> dict[str, dict[str, Any]]:
    data = base64.b64decode(good["lower_triangle"])
    stream = zlib.compress(data)
    wrong_sum = stream[:-1] + bytes([stream[-1] ^ 1])

    def deflated(stream: bytes) -> dict[str, Any]:
        return {"shape": good["shape"], "deflated_lower_triangle": base64.b64encode(stream).decode()}

    return {
        "deflated_base64": {"shape": good["shape"], "deflated_lower_triangle": "!AAA"},
        "deflated_number": {"shape": good["shape"], "deflated_lower_triangle": 1},
        "deflated_both": {**good, **deflated(stream)},
        "deflated_neither": {"shape": good["shape"]},
        "deflated_not": deflated(data),
        "deflated_sum": deflated(wrong_sum),
        "deflated_cut": deflated(stream[:-1]),
        "deflated_half": deflated(stream[: len(stream) // 2]),
        "deflated_more": deflated(stream + b"more"),
        "deflated_twice": deflated(stream + stream),
        "deflated_short": deflated(zlib.compress(data[:-8])),
        "deflated_long": deflated(zlib.compress(data + b"\0")),
        "deflated_nan": deflated(zlib.compress(data[:-8] + np.array([NAN]).tobytes())),
        "deflated_inf": deflated(zlib.compress(data[:-8] + np.array([INF]).tobytes())),
        "deflated_shape": {**deflated(stream), "shape": [good["shape"][0], 1]},
        "deflated_absurd": {**deflated(stream), "shape": [2**24, 2**24]},
    }
