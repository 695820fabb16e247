"""Certificates as files: exact round trip, strict reading, and refusal of everything that was altered."""

import base64
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import twincert
from python import small_twins
from python.small_twins import QUICK
from twincert._certificate_format import content_digest, schema
from twincert.measure import Measure

TWIN = small_twins.twin()
BOX = small_twins.box()


SINGLE = {"cliques": "single"}


@pytest.fixture(scope="module", params=["interval", "crown", "sdp", "sdp, single clique"])
def any_certificate(request: pytest.FixtureRequest) -> twincert.Certificate:
    method, *single = request.param.split(",")
    return twincert.certify(
        TWIN, BOX, measure="outputs", method=method, settings=QUICK, rows=SINGLE if single else None
    )


@pytest.fixture(scope="module")
def certificate() -> twincert.Certificate:
    """Proven by multipliers, with a threshold that propagation cannot decide."""
    settings = {**QUICK, "max_iterations": 400}
    options = {"settings": settings, "rows": {"cliques": "stages", "slack_rows": True}}
    upper = twincert.certify(TWIN, BOX, method="sdp", **options).upper
    crown = twincert.certify(TWIN, BOX, method="crown", settings=settings).upper
    certificate = twincert.certify(TWIN, BOX, method="sdp", threshold=0.5 * (upper + crown), **options)
    assert (certificate.method, certificate.verdict) == ("sdp", "holds")
    return certificate


def saved(content: dict[str, Any], path: Path) -> Path:
    path.write_text(json.dumps(content))
    return path


def redigested(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "digest": content_digest(content)}


def leaves(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else None
    if items is None:
        yield path
        return
    for key, value in items:
        yield from leaves(value, (*path, key))


def changed_value(value: Any) -> Any:
    """Another value of the same kind, as small a change as the kind allows."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return float(np.nextafter(value, np.inf))
    if value is None:
        return 1.0
    if value in ("inf", "-inf"):
        return 1.0
    if re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", value) and len(value) % 4 == 0 and len(value) > 8:
        data = bytearray(base64.b64decode(value))
        data[0] ^= 1
        return base64.b64encode(data).decode()
    return ("0" if value[0] != "0" else "1") + value[1:]


def replaced(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(content)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return result


def item(content: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        content = content[key]
    return content


def refused(content: dict[str, Any], path: Path) -> str:
    """The reason for which a file is refused, by the reader or by the checker; empty when it is accepted."""
    try:
        report = twincert.Certificate.load(saved(content, path)).check(TWIN)
    except twincert.ParseError as error:
        return str(error)
    return "" if report.valid else report.reason


def test_round_trip_is_exact(any_certificate: twincert.Certificate, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    any_certificate.save(path)
    loaded = twincert.Certificate.load(path)
    assert loaded == any_certificate
    assert hash(loaded) == hash(any_certificate)
    assert loaded.to_dict() == any_certificate.to_dict()
    assert loaded.upper == any_certificate.upper
    assert np.array_equal(loaded.upper_per_output, any_certificate.upper_per_output)
    assert np.array_equal(loaded.witness, any_certificate.witness)
    assert loaded.info == any_certificate.info
    report = loaded.check(TWIN)
    assert report == twincert.CheckReport(True, report.upper, "")
    assert report
    assert report.upper <= loaded.upper
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]


def test_content_fits_the_schema(any_certificate: twincert.Certificate) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(json.dumps(any_certificate.to_dict(), allow_nan=False)), schema())


def test_from_dict_is_the_inverse_of_to_dict(certificate: twincert.Certificate) -> None:
    assert twincert.Certificate.from_dict(certificate.to_dict()) == certificate


def test_infinite_entries_survive(tmp_path: Path) -> None:
    certificate = twincert.certify(TWIN, BOX, measure=twincert.Output(0), method="crown", settings=QUICK)
    certificate.save(tmp_path / "c.json")
    loaded = twincert.Certificate.load(tmp_path / "c.json")
    assert loaded.upper_per_output[1] == np.inf
    assert loaded.lower_per_output[1] == -np.inf
    assert loaded.measure == twincert.Output(0)
    assert loaded.check(TWIN).valid


@pytest.mark.parametrize("measure", [twincert.Margin(1, 0), "top1"], ids=str)
def test_margins_and_classes_survive_and_are_checked(measure: Measure, tmp_path: Path) -> None:
    certificate = twincert.certify(TWIN, BOX, measure, method="sdp", settings=QUICK)
    path = tmp_path / "c.json"
    certificate.save(path)
    loaded = twincert.Certificate.load(path)
    assert loaded == certificate
    assert loaded.measure == measure
    assert loaded.check(TWIN).valid
    content = json.loads(path.read_text())
    lower, upper = content["witness"]["lower"], content["bound"]["upper"]
    outputs = certificate.witness_output
    lies = [
        replaced(content, ("bound", "upper"), 0.5 * (upper + lower)),
        replaced(content, ("bound", "upper"), 0.0),
        replaced(content, ("bound", "upper_per_output", 0), 1.0),
        replaced(content, ("witness", "lower"), upper),
        replaced(content, ("witness", "reference_output"), array(outputs + 1e-9)),
        replaced(content, ("proof", "objectives"), []),
        replaced(content, ("measure",), {"kind": "two"}),
    ]
    assert all(refused(redigested(lie), path) for lie in lies)


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ({"kind": "margin", "output": 0}, "measure: expected the field 'other'"),
        ({"kind": "margin", "other": 0}, "measure: expected the field 'output'"),
        ({"kind": "margin", "output": 1, "other": 1}, "measure: Margin expects two different outputs"),
        ({"kind": "margin", "output": 0, "other": 2}, "measure: measure Margin(0, 2): expected an index below 2"),
        ({"kind": "top2"}, "measure.kind: expected"),
    ],
)
def test_measures_that_no_network_has(
    certificate: twincert.Certificate, measure: dict[str, Any], message: str, tmp_path: Path
) -> None:
    content = json.loads(json.dumps(certificate.to_dict()))
    assert message in refused(redigested(replaced(content, ("measure",), measure)), tmp_path / "c.json")


def test_a_failed_save_leaves_the_old_file(certificate: twincert.Certificate, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("old")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        certificate.save(tmp_path / "missing" / "c.json")
    assert path.read_text() == "old"
    certificate.save(path)
    assert twincert.Certificate.load(path) == certificate


def test_every_altered_field_is_refused(certificate: twincert.Certificate, tmp_path: Path) -> None:
    """One leaf after the other is changed as little as possible, the digest is left as it was."""
    content = json.loads(json.dumps(certificate.to_dict()))
    paths = list(leaves(content))
    history = [path for path in paths if path[:2] == ("info", "history")]
    paths = [path for path in paths if path[:2] != ("info", "history")] + history[:7]
    accepted = []
    for path in paths:
        altered = replaced(content, path, changed_value(item(content, path)))
        if not refused(altered, tmp_path / "c.json"):
            accepted.append(path)
    assert len(paths) > 40
    assert accepted == []


def test_missing_fields_are_named(certificate: twincert.Certificate, tmp_path: Path) -> None:
    content = json.loads(json.dumps(certificate.to_dict()))
    for path in [("networks", "reference"), ("bound", "upper"), ("witness", "lower"), ("proof", "stages"), ("digest",)]:
        altered = copy.deepcopy(content)
        del item(altered, path[:-1])[path[-1]]
        with pytest.raises(twincert.ParseError, match=f"'{path[-1]}'") as caught:
            twincert.Certificate.load(saved(altered, tmp_path / "c.json"))
        assert "c.json" in str(caught.value)


def without_cliques(certificate: twincert.Certificate) -> dict[str, Any]:
    """The content as it was written before certificates said which cliques they have."""
    content = json.loads(json.dumps(certificate.to_dict()))
    del content["proof"]["rows"]["cliques"]
    return redigested(content)


def test_a_file_without_cliques_has_one_per_stage(certificate: twincert.Certificate, tmp_path: Path) -> None:
    content = without_cliques(certificate)
    loaded = twincert.Certificate.load(saved(content, tmp_path / "c.json"))
    assert loaded.check(TWIN).valid
    assert loaded.to_dict() == content
    single = twincert.certify(TWIN, BOX, method="sdp", rows=SINGLE, settings=QUICK)
    assert single.proof["objectives"]
    assert "expected 2 cliques, found 1" in refused(without_cliques(single), tmp_path / "c.json")


def test_a_file_without_unstable_only_has_rows_of_all_neurons(tmp_path: Path) -> None:
    box = small_twins.box(radius=0.1)
    for unstable_only in (False, True):
        rows = {**SINGLE, "unstable_only": unstable_only}
        certificate = twincert.certify(TWIN, box, "outputs", method="sdp", rows=rows, settings=QUICK)
        assert certificate.proof["objectives"]
        content = json.loads(json.dumps(certificate.to_dict()))
        assert certificate.check(TWIN).valid
        del content["proof"]["rows"]["unstable_only"]
        content = redigested(content)
        if unstable_only:
            assert "is not proven" in refused(content, tmp_path / "c.json")
        else:
            loaded = twincert.Certificate.load(saved(content, tmp_path / "c.json"))
            assert loaded.check(TWIN).valid
            assert loaded.to_dict() == content


def test_facts_that_older_files_lack(certificate: twincert.Certificate, tmp_path: Path) -> None:
    content = json.loads(json.dumps(certificate.to_dict()))
    assert certificate.info["memory_estimate"] > 0.0
    for name in ("parts", "leaves", "memory_estimate"):
        del content["info"][name]
    loaded = twincert.Certificate.load(saved(redigested(content), tmp_path / "c.json"))
    assert (loaded.info["parts"], loaded.info["leaves"], loaded.info["memory_estimate"]) == (0, 0, 0.0)


@pytest.mark.parametrize(("field", "value"), [("refusal", 1), ("memory_estimate", "1"), ("memory_estimate", None)])
def test_facts_of_another_type(certificate: twincert.Certificate, tmp_path: Path, field: str, value: Any) -> None:
    content = json.loads(json.dumps(certificate.to_dict()))
    content["info"][field] = value
    with pytest.raises(twincert.ParseError, match=rf"c\.json: info\.{field}: expected"):
        twincert.Certificate.load(saved(redigested(content), tmp_path / "c.json"))


def test_a_refusal_is_saved(tmp_path: Path) -> None:
    refusing = twincert.certify(TWIN, BOX, method="sdp", rows=SINGLE, settings={**QUICK, "memory_limit": 0.001})
    assert refusing.status == "size_limit"
    refusing.save(tmp_path / "c.json")
    loaded = twincert.Certificate.load(tmp_path / "c.json")
    assert loaded.info["refusal"] == refusing.info["refusal"]
    assert loaded.info["refusal"].startswith("the relaxation would take")


@pytest.mark.parametrize("value", ["double", "", None, 1, True, ["single"]])
def test_cliques_that_do_not_exist(certificate: twincert.Certificate, tmp_path: Path, value: Any) -> None:
    content = json.loads(json.dumps(certificate.to_dict()))
    altered = redigested(replaced(content, ("proof", "rows", "cliques"), value))
    with pytest.raises(twincert.ParseError, match=r"c\.json: proof\.rows\.cliques: expected .*'single'.*, found"):
        twincert.Certificate.load(saved(altered, tmp_path / "c.json"))


def zeros(triangle: dict[str, Any]) -> dict[str, Any]:
    count = len(base64.b64decode(triangle["lower_triangle"]))
    return {**triangle, "lower_triangle": base64.b64encode(bytes(count)).decode()}


def scaled(triangle: dict[str, Any], factor: float) -> dict[str, Any]:
    values = factor * np.frombuffer(base64.b64decode(triangle["lower_triangle"]))
    return {**triangle, "lower_triangle": base64.b64encode(values.tobytes()).decode()}


def array(values: Any) -> dict[str, Any]:
    values = np.asarray(values, dtype="<f8")
    return {"shape": list(values.shape), "data": base64.b64encode(values.tobytes()).decode()}


def narrowed(box: dict[str, Any]) -> dict[str, Any]:
    lower, upper = (np.frombuffer(base64.b64decode(box[side]["data"])) for side in ("lower", "upper"))
    return {"lower": array(0.5 * lower), "upper": array(0.5 * upper)}


def lies(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Contents that claim more than was proven, or prove it with something else, by what was done to them."""
    c = content
    cliques = c["proof"]["objectives"][0]["cliques"]
    first = ("proof", "objectives", 0, "cliques")
    stage = c["proof"]["stages"][1]
    lower = c["witness"]["lower"]
    return {
        "bound halved": replaced(c, ("bound", "upper"), 0.5 * (c["bound"]["upper"] + lower)),
        "bound at the witness": replaced(c, ("bound", "upper"), lower),
        "bound negative": replaced(c, ("bound", "upper"), -1.0),
        "bound minus infinity": replaced(c, ("bound", "upper"), "-inf"),
        "upper of an output lowered": replaced(c, ("bound", "upper_per_output", 0), 0.0),
        "lower of an output raised": replaced(c, ("bound", "lower_per_output", 1), 0.0),
        "other measure": replaced(c, ("measure",), {"kind": "one"}),
        "multipliers zero": replaced(c, first, [{**x, "multiplier": zeros(x["multiplier"])} for x in cliques]),
        "multipliers negative": replaced(c, first, [{**x, "multiplier": scaled(x["multiplier"], -1)} for x in cliques]),
        "multipliers doubled": replaced(c, first, [{**x, "multiplier": scaled(x["multiplier"], 2)} for x in cliques]),
        "factors zero": replaced(c, first, [{**x, "factor": zeros(x["factor"])} for x in cliques]),
        "factors doubled": replaced(c, first, [{**x, "factor": scaled(x["factor"], 2)} for x in cliques]),
        "cliques missing": replaced(c, first, cliques[:-1]),
        "cliques exchanged": replaced(c, first, cliques[::-1]),
        "objectives missing": replaced(c, ("proof", "objectives"), []),
        "objective's bound lowered": replaced(c, ("proof", "objectives", 0, "bound"), lower * 0.5),
        "objective's weights scaled": replaced(c, ("proof", "objectives", 0, "weights"), array(1e-3 * np.ones(2))),
        "stage narrowed": replaced(c, ("proof", "stages", 1), {**stage, "reference": narrowed(stage["reference"])}),
        "difference narrowed": replaced(
            c, ("proof", "stages", 1), {**stage, "difference": narrowed(stage["difference"])}
        ),
        "stages missing": replaced(c, ("proof", "stages"), c["proof"]["stages"][:-1]),
        "rows of another relaxation": replaced(
            c, ("proof", "rows", "slack_rows"), not c["proof"]["rows"]["slack_rows"]
        ),
        "cliques of another relaxation": replaced(c, ("proof", "rows", "cliques"), "single"),
        "set enlarged": replaced(c, ("input_set",), twincert.Box([-0.8] * 3, [0.8] * 3).to_dict()),
        "witness raised": replaced(c, ("witness", "lower"), lower * (1 + 1e-9)),
        "witness outside": replaced(
            replaced(c, ("witness", "reference_input"), array([9.0, 9.0, 9.0])),
            ("witness", "compressed_input"),
            array([9.0, 9.0, 9.0]),
        ),
        "witness moved": replaced(
            replaced(c, ("witness", "reference_input"), array([0.1, 0.1, 0.1])),
            ("witness", "compressed_input"),
            array([0.1, 0.1, 0.1]),
        ),
        "witness with two inputs": replaced(c, ("witness", "compressed_input"), array([0.1, 0.1, 0.1])),
        "threshold below the bound": replaced(c, ("result", "threshold"), lower * 1.0001),
        "verdict exchanged": replaced(c, ("result", "verdict"), "violated"),
        "reference network exchanged": replaced(c, ("networks", "reference"), c["networks"]["compressed"]),
    }


def test_every_lie_is_refused_even_with_a_fitting_digest(certificate: twincert.Certificate, tmp_path: Path) -> None:
    content = json.loads(json.dumps(certificate.to_dict()))
    assert refused(redigested(content), tmp_path / "c.json") == ""
    told = lies(content)
    accepted = [name for name, lie in told.items() if not refused(redigested(lie), tmp_path / "c.json")]
    assert accepted == []


def test_the_reason_says_which_network_differs(certificate: twincert.Certificate) -> None:
    other = small_twins.network(seed=5)
    report = certificate.check(twincert.Twin(other, TWIN.compressed))
    assert not report
    assert "reference network" in report.reason
    assert report.upper == np.inf
    report = certificate.check(twincert.Twin(TWIN.reference, other))
    assert "compressed network" in report.reason


def test_an_altered_object_is_refused(certificate: twincert.Certificate) -> None:
    import dataclasses

    assert certificate.check(TWIN).valid
    assert not dataclasses.replace(certificate, upper=certificate.lower).check(TWIN).valid


STRANGE = [0, -1, 1e308, -1e308, 5e-324, "inf", "-inf", "nan", None, True, [], {}, "", "x", 2**60, [1.0], "AAAA"]


def test_strange_values_are_refused_or_harmless(certificate: twincert.Certificate, tmp_path: Path) -> None:
    """Random fields get strange values and a fitting digest: nothing crashes, and nothing stronger is accepted."""
    content = json.loads(json.dumps(certificate.to_dict()))
    random = np.random.default_rng(0)
    paths = [path for path in leaves(content) if path[0] not in ("digest", "info")]
    for _ in range(300):
        path = paths[random.integers(len(paths))]
        altered = redigested(replaced(content, path, STRANGE[random.integers(len(STRANGE))]))
        try:
            loaded = twincert.Certificate.load(saved(altered, tmp_path / "c.json"))
        except twincert.ParseError:
            continue
        report = loaded.check(TWIN)
        if report.valid:
            assert loaded.lower <= certificate.lower * (1 + 1e-12), path
            assert report.upper <= loaded.upper, path
            assert loaded.upper >= certificate.lower, path
            assert (loaded.upper_per_output >= TWIN.error(certificate.witness)).all(), path
            assert (loaded.lower_per_output <= TWIN.error(certificate.witness)).all(), path


def test_damaged_files_are_refused(certificate: twincert.Certificate, tmp_path: Path) -> None:
    """Bytes are flipped, removed and inserted anywhere: an error of its own or a refusal, unless nothing changed."""
    path = tmp_path / "c.json"
    certificate.save(path)
    data = path.read_bytes()
    random = np.random.default_rng(1)
    for _ in range(200):
        damaged = bytearray(data)
        position = int(random.integers(len(damaged)))
        kind = random.integers(3)
        if kind == 0:
            damaged[position] ^= 1 << int(random.integers(8))
        elif kind == 1:
            del damaged[position : position + int(random.integers(1, 50))]
        else:
            damaged[position:position] = bytes(random.integers(0, 256, size=3, dtype=np.uint8))
        path.write_bytes(damaged)
        try:
            loaded = twincert.Certificate.load(path)
        except twincert.ParseError:
            continue
        assert loaded == certificate or not loaded.check(TWIN).valid
