"""Ordinary twins at the edges of the relaxation's numerics, and proofs forged with numbers that overflow."""

from __future__ import annotations

import ast
import copy
import dataclasses
import re
from itertools import pairwise

import numpy as np
import pytest

import twincert
from twincert._facts import certificate_rows

SETTINGS = {"max_iterations": 300}


def layers(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(6, 3)), rng.normal(size=6) / 10),
        (rng.normal(size=(6, 6)) / 2, rng.normal(size=6) / 10),
        (rng.normal(size=(2, 6)), np.zeros(2)),
    ]


def test_a_neuron_that_is_zero_does_not_cost_the_relaxation() -> None:
    arrays = layers(0)
    arrays[0][0][2] = 0.0
    arrays[0][1][2] = 0.0
    twin = twincert.quantize(twincert.Network.from_arrays(arrays), bits=5)
    box = twincert.Box.around(np.zeros(3), 0.5)
    cert = twincert.certify(twin, box, measure="two", settings=SETTINGS)
    assert cert.method == "sdp"
    crown = next(line["upper"] for line in cert.info["history"] if line["stage"] == "crown")
    assert cert.upper < 0.5 * crown
    assert cert.check(twin).valid


@pytest.mark.parametrize("touching", [1, 3])
def test_neurons_that_just_touch_their_kink_do_not_cost_the_relaxation(touching: int) -> None:
    arrays = layers(5)
    arrays[0][0][:touching] = np.abs(arrays[0][0][:touching])
    arrays[0][1][:touching] = 0.0
    twin = twincert.quantize(twincert.Network.from_arrays(arrays), bits=6)
    touched, clear = (
        twincert.certify(twin, twincert.Box(np.full(3, least), np.ones(3)), settings=SETTINGS) for least in (0.0, 1e-6)
    )
    assert touched.method == clear.method == "sdp"
    assert touched.upper < 1.1 * clear.upper
    assert touched.check(twin).valid


@pytest.mark.parametrize("measure", ["inf", "two", "one"])
@pytest.mark.parametrize("entry", [1e308, -1e308, 1e200])
def test_multipliers_that_overflow_prove_nothing(measure: str, entry: float) -> None:
    twin = twincert.quantize(twincert.Network.from_arrays(layers(0)), bits=5)
    cert = twincert.certify(twin, twincert.Box.around(np.zeros(3), 0.5), measure=measure, settings=SETTINGS)
    proof = copy.deepcopy(cert.proof)
    assert proof["objectives"]
    for objective in proof["objectives"]:
        objective["bound"] = 1e-20
        for clique in objective["cliques"]:
            clique["multiplier"][:] = entry
            clique["factor"][:] = 0.0
    report = dataclasses.replace(cert, proof=proof, upper=1e-10).check(twin)
    assert not report.valid
    assert "not proven" in report.reason


def test_stage_bounds_of_unequal_lengths_are_refused() -> None:
    twin = twincert.quantize(twincert.Network.from_arrays(layers(0)), bits=5)
    cert = twincert.certify(twin, twincert.Box.around(np.zeros(3), 0.5), settings=SETTINGS)
    proof = copy.deepcopy(cert.proof)
    lower, upper = proof["stages"][0]["reference"]
    proof["stages"][0]["reference"] = (lower, upper[:1])
    with pytest.raises(twincert.ShapeError, match="upper"):
        dataclasses.replace(cert, proof=proof).check(twin)


def random_twin(widths: tuple[int, ...], bits: int) -> twincert.Twin:
    rng = np.random.default_rng(0)
    arrays = [(rng.normal(size=(b, a)) / np.sqrt(a), rng.normal(size=b) / 10) for a, b in pairwise(widths)]
    return twincert.quantize(twincert.Network.from_arrays(arrays), bits=bits)


def wide_twin(bits: int = 8) -> twincert.Twin:
    return random_twin((20, 100, 100, 2), bits)


def test_memory_limit_is_respected_before_anything_is_built() -> None:
    twin = wide_twin()
    cert = twincert.certify(twin, twincert.Box.around(np.zeros(20), 0.5), settings={"memory_limit": 0.001})
    assert cert.status == "size_limit"
    assert cert.method == "crown"
    assert cert.info["clique_rows"] == []
    assert cert.info["memory_estimate"] > 0.001
    assert "memory_limit is 0.001 GiB; there are no fewer rows" in cert.info["refusal"]
    assert dict(certificate_rows(cert))["SDP refused"] == cert.info["refusal"]
    assert cert.check(twin).valid


def test_a_refusal_names_rows_that_fit_and_a_limit_that_is_enough() -> None:
    twin = wide_twin()
    box = twincert.Box.around(np.zeros(20), 0.5)
    large = {"reference_rows": True, "slack_rows": True, "cliques": "stages"}
    limit = {"max_iterations": 2, "memory_limit": 0.3}
    cert = twincert.certify(twin, box, "two", settings=limit, rows=large)
    refusal = cert.info["refusal"]
    needed, named, fitting = re.fullmatch(
        r"the relaxation would take (\S+) GiB of memory, memory_limit is 0.3 GiB; rows=(\{.*\}) would take (\S+) GiB",
        refusal,
    ).groups()
    assert float(fitting) <= 0.3 < float(needed)
    fewer = twincert.certify(twin, box, "two", settings=limit, rows=ast.literal_eval(named))
    assert fewer.status != "size_limit"
    assert "refusal" not in fewer.info
    enough = {**limit, "memory_limit": float(needed)}
    assert twincert.certify(twin, box, "two", settings=enough, rows=large).status != "size_limit"
    with pytest.raises(twincert.SettingsError, match=r"memory_limit: the relaxation would take .* would take"):
        twincert.sdp.relaxation(twin, box, [1.0, 0.0], settings=limit, rows=large)


def test_rows_that_are_chosen_automatically_fit_the_limit() -> None:
    twin = wide_twin(bits=3)
    box = twincert.Box.around(np.zeros(20), 0.5)
    none = twincert.certify(twin, box, "two", settings={"memory_limit": 0.1})
    plenty, less, little = (
        twincert.certify(twin, box, "two", settings={"max_iterations": 2, "memory_limit": limit}).info
        for limit in (8.0, 0.6, 0.3)
    )
    assert "refusal" not in little
    assert "memory_limit is 0.1 GiB; with fewer rows it would take 0.197 GiB at least" in none.info["refusal"]
    assert little["memory_estimate"] <= 0.3 < less["memory_estimate"] <= 0.6 < plenty["memory_estimate"]
    assert 0 < sum(little["clique_rows"]) < sum(less["clique_rows"])


def test_certificates_with_fewer_rows_are_accepted() -> None:
    twin, box = random_twin((2, 16, 16, 2), bits=3), twincert.Box.around(np.zeros(2), 0.5)
    rows = []
    for limit in (1.0, 0.02, 0.008):
        cert = twincert.certify(twin, box, method="sdp", settings={"memory_limit": limit})
        assert cert.method == "sdp"
        assert cert.info["memory_estimate"] <= limit
        assert cert.check(twin).valid
        rows.append((cert.proof["rows"]["cliques"], cert.proof["rows"]["slack_rows"]))
    assert rows == [("single", True), ("stages", True), ("stages", False)]


def test_a_refusal_stands_beside_the_status_of_what_follows() -> None:
    twin, box = random_twin((2, 16, 16, 2), bits=3), twincert.Box.around(np.zeros(2), 0.5)
    cert = twincert.certify(twin, box, method="branch", settings={"memory_limit": 0.001})
    facts = dict(certificate_rows(cert))
    assert cert.status == facts["status"] == "converged"
    assert facts["SDP refused"] == cert.info["refusal"]
    assert cert.check(twin).valid


def test_a_program_that_fits_can_be_solved() -> None:
    twin, box = wide_twin(bits=3), twincert.Box.around(np.zeros(20), 0.5)
    for limit in (0.3, 0.6, 1.0):
        settings = {"memory_limit": limit, "max_iterations": 1}
        program = twincert.sdp.relaxation(twin, box, [1.0, 0.0], settings=settings)
        assert twincert.sdp.solve(program, settings=settings).status == "iteration_limit"


@pytest.mark.parametrize("measure", ["inf", "two", "one"])
def test_a_network_against_itself_has_no_difference(measure: str) -> None:
    network = twincert.Network.from_arrays(layers(0))
    cert = twincert.certify(
        twincert.Twin(network, network), twincert.Box.around(np.zeros(3), 0.5), measure, method="sdp"
    )
    assert cert.status == "converged"
    assert cert.upper < 1e-11
