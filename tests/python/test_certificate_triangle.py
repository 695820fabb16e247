"""Lower triangles in certificates: when they are deflated, what reading them takes, and that proofs stand and fall."""

import base64
import json
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import twincert
from python import small_twins
from python.small_twins import QUICK
from twincert import _certificate_triangle as triangles
from twincert._certificate_format import Array, FieldError, content_digest, schema
from twincert._certificate_proof import mirrored
from twincert._certificate_triangle import DEFLATED, PLAIN, decode_lower, encode_lower
from twincert._reference import checker

TWIN = small_twins.twin()
BOX = small_twins.box()
Json = dict[str, Any]


def sparse(size: int, share: float) -> Array:
    """Symmetric matrix of which about the given share is not zero."""
    random = np.random.default_rng(size)
    lower = np.tril(random.normal(size=(size, size)) * (random.random((size, size)) < share))
    return np.asarray(lower + np.tril(lower, -1).T)


def deflated(triangle: Json, level: int = 9) -> Json:
    stream = zlib.compress(base64.b64decode(triangle[PLAIN]), level)
    return {"shape": triangle["shape"], DEFLATED: base64.b64encode(stream).decode()}


def packed(matrix: Array) -> bytes:
    return matrix[np.tril_indices(len(matrix))].astype("<f8").tobytes()


@pytest.mark.parametrize("symmetric", [True, False])
def test_large_sparse_triangles_are_deflated(symmetric: bool) -> None:
    matrix = sparse(512, 0.3)
    matrix[5, 5] = -0.0
    encoded = encode_lower(np.asfortranarray(matrix))
    assert set(encoded) == {"shape", DEFLATED}
    assert zlib.decompress(base64.b64decode(encoded[DEFLATED])) == packed(matrix)
    assert encoded == encode_lower(matrix)
    assert len(encoded[DEFLATED]) < 0.6 * len(packed(matrix))
    jsonschema.validate(encoded, {"$ref": "#/$defs/lower_triangle", "$defs": schema()["$defs"]})
    decoded = decode_lower(encoded, symmetric, "here")
    assert np.array_equal(decoded, matrix if symmetric else np.tril(matrix))
    assert packed(decoded) == packed(matrix)
    assert checker.decode(encoded).tobytes() == packed(matrix)


@pytest.mark.parametrize(
    "matrix", [sparse(512, 0.6), sparse(120, 0.1), np.zeros((511, 511)), np.zeros((0, 0)), np.ones((1, 1))]
)
def test_other_triangles_are_plain(matrix: Array) -> None:
    encoded = encode_lower(matrix)
    assert encoded == {"shape": list(matrix.shape), PLAIN: base64.b64encode(packed(matrix)).decode()}
    assert np.array_equal(decode_lower(encoded, True, "here"), matrix)
    assert np.array_equal(decode_lower(deflated(encoded, 1), True, "here"), matrix)


def test_what_the_reader_refuses_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DEFLATED in encode_lower(np.zeros((512, 512)))
    monkeypatch.setattr(triangles, "LARGEST_RATIO", 50)
    encoded = encode_lower(np.zeros((512, 512)))
    assert PLAIN in encoded
    with pytest.raises(FieldError, match=r"here\.deflated_lower_triangle: expected .* stream of at least 21013 bytes"):
        decode_lower(deflated(encoded), True, "here")


def test_many_blocks_give_the_same_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triangles, "_BLOCK", 1000)
    monkeypatch.setattr(triangles, "_PIECE", 7)
    monkeypatch.setattr(triangles, "DEFLATE_FROM", 1000)
    matrix = sparse(301, 0.4)
    encoded = encode_lower(matrix)
    assert DEFLATED in encoded
    assert np.array_equal(decode_lower(encoded, True, "here"), matrix)
    clique = {"multiplier": np.tril(matrix) + np.triu(np.ones_like(matrix), 1), "factor": np.eye(2)}
    clique["multiplier"][3, 3] = matrix[3, 3] = -0.0
    proof = mirrored({"objectives": [{"weights": [], "cliques": [clique]}]})
    mirror = proof["objectives"][0]["cliques"][0]["multiplier"]
    assert mirror.tobytes() == (matrix + 0.0).tobytes()


@pytest.mark.parametrize(
    ("size", "message", "most"),
    [
        (40, "expected 820 values of 8 bytes, found a stream of more", 2**21),
        (10_000, "expected 50005000 values of 8 bytes in a stream of at least 1562657", 2**20),
    ],
)
def test_what_is_refused_takes_little_memory(size: int, message: str, most: int) -> None:
    stream = zlib.compress(bytes(2**24), 9)
    value = {"shape": [size, size], DEFLATED: base64.b64encode(stream).decode()}
    tracemalloc.start()
    try:
        with pytest.raises(FieldError, match=message):
            decode_lower(value, True, "here")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most


# --- whole certificates -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def content() -> Json:
    certificate = twincert.certify(TWIN, BOX, method="sdp", settings=QUICK)
    assert certificate.proof["objectives"]
    return json.loads(json.dumps(certificate.to_dict()))


def rewritten(content: Json, change: Callable[[str, Json], Json]) -> Json:
    """The content with other multipliers and factors, and a digest that fits."""
    altered = json.loads(json.dumps(content))
    for objective in altered["proof"]["objectives"]:
        objective["cliques"] = [{name: change(name, x) for name, x in c.items()} for c in objective["cliques"]]
    return {**altered, "digest": content_digest(altered)}


def loaded(content: Json, folder: Path) -> twincert.Certificate:
    (folder / "c.json").write_text(json.dumps(content))
    return twincert.Certificate.load(folder / "c.json")


@pytest.mark.parametrize("level", [1, 9])
def test_a_stream_of_any_level_proves_the_same(content: Json, level: int, tmp_path: Path) -> None:
    """Whatever this machine's zlib would have written."""
    other = rewritten(content, lambda _, triangle: deflated(triangle, level))
    jsonschema.validate(other, schema())
    certificate = loaded(other, tmp_path)
    plain = twincert.Certificate.from_dict(content)
    assert certificate == plain
    assert certificate.check(TWIN) == plain.check(TWIN)
    assert certificate.check(TWIN).valid


def test_a_plain_triangle_that_would_be_deflated_now_is_accepted(
    content: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of before."""
    monkeypatch.setattr(triangles, "DEFLATE_FROM", 0)
    monkeypatch.setattr(np, "count_nonzero", lambda _: 0)
    certificate = twincert.Certificate.from_dict(content)
    assert certificate.to_dict() != content
    assert certificate.check(TWIN).valid


def test_deflated_certificates_are_written_and_read(
    content: Json, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = twincert.Certificate.from_dict(content)
    monkeypatch.setattr(triangles, "DEFLATE_FROM", 0)
    monkeypatch.setattr(np, "count_nonzero", lambda _: 0)
    plain.save(tmp_path / "c.json")
    written = json.loads((tmp_path / "c.json").read_text())
    jsonschema.validate(written, schema())
    assert all(DEFLATED in x for o in written["proof"]["objectives"] for c in o["cliques"] for x in c.values())
    certificate = twincert.Certificate.load(tmp_path / "c.json")
    assert certificate == plain
    assert certificate.to_dict() == written
    assert certificate.check(TWIN).valid


@pytest.mark.parametrize("altered", ["multiplier", "factor"])
def test_altered_streams_are_refused(content: Json, altered: str, tmp_path: Path) -> None:
    def negative(name: str, triangle: Json) -> Json:
        values = np.frombuffer(base64.b64decode(triangle[PLAIN])) * (-1 if name == altered == "multiplier" else 1)
        values = values * (2 if name == altered == "factor" else 1)
        return deflated({**triangle, PLAIN: base64.b64encode(values.tobytes()).decode()})

    honest = rewritten(content, lambda _, triangle: deflated(triangle))
    lie = rewritten(content, negative)
    report = loaded(lie, tmp_path).check(TWIN)
    assert not report.valid
    assert "digest" not in report.reason
    report = loaded({**lie, "digest": honest["digest"]}, tmp_path).check(TWIN)
    assert not report.valid
    assert "altered" in report.reason
