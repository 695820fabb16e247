"""Affine certificates |f - g|^2 <= gamma_x q + gamma: what they say, known optima, forgeries and wrong arguments."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twincert
from twincert import Affine
from twincert._certificate_format import content_digest
from twincert.measure import affine_label

RNG = np.random.default_rng(6)
QUICK = {"max_iterations": 250, "attack_restarts": 8, "attack_steps": 10}


def network(dims: tuple[int, ...], shift: float = 0.0) -> twincert.Network:
    """Random weights; ``shift`` moves every hidden bias, a large one makes the network affine on small inputs."""
    layers = [(RNG.normal(size=(b, a)) / np.sqrt(a), RNG.normal(size=b) * 0.3) for a, b in itertools.pairwise(dims)]
    return twincert.Network.from_arrays([(w, b + shift) for w, b in layers[:-1]] + layers[-1:])


TWIN = twincert.quantize(network((3, 6, 5, 2)), bits=5)
BOX = twincert.Box([-1.0, -0.5, -1.0], [1.0, 1.0, 0.2])
APART = twincert.Box([-1.0, -0.5, -1.0], [1.0, 1.0, 0.2], difference=0.4)
SETS = {
    "box": (BOX, "input"),
    "ball": (twincert.Ball([0.3, -0.2, 0.1], 0.7), "input"),
    "polytope": (twincert.Polytope([[1.0, 1.0, 1.0]], [0.5], BOX), "input"),
    "quantised input": (twincert.Box(BOX.lower, BOX.upper, difference=2.0**-6), "input"),
    "two inputs": (APART, "difference"),
    "a fixed input": (twincert.Box([-1.0, 0.5, -1.0], [1.0, 0.5, 0.2]), "input"),
}


@pytest.fixture(scope="module")
def certificate() -> twincert.Certificate:
    return twincert.certify(TWIN, BOX, Affine(0.1, 1.0), method="sdp", settings=QUICK)


@pytest.mark.parametrize("name", SETS)
def test_the_inequality_holds_and_beats_the_norm_alone(name: str) -> None:
    input_set, of = SETS[name]
    measure = Affine(0.05, 2.0, of)
    cert = twincert.certify(TWIN, input_set, measure, method="sdp", settings=QUICK)
    assert cert.affine is not None
    assert cert.affine.gamma_x > 0
    exact_sum = Fraction(measure.weight_x) * Fraction(cert.affine.gamma_x) + 2 * Fraction(cert.affine.gamma)
    assert exact_sum <= Fraction(cert.upper) <= exact_sum * (1 + Fraction(1, 2**50))
    crown = twincert.certify(TWIN, input_set, measure, method="crown", settings=QUICK)
    assert crown.affine == twincert.AffineBound(0.0, crown.affine.gamma if crown.affine else 0.0)
    norm = twincert.certify(TWIN, input_set, "two", method="sdp", settings=QUICK).upper
    assert cert.upper < min(0.95 * 2.0 * norm**2, crown.upper)
    assert cert.lower > 0.1 * cert.upper
    x = input_set.sample(4000, 1)
    x = np.vstack([x, cert.witness])
    y = x - RNG.uniform(-1, 1, x.shape) * input_set.difference * (1 - 1e-9)
    error = TWIN.reference(x) - TWIN.compressed(y)
    q = ((x if of == "input" else x - y) ** 2).sum(axis=1)
    assert ((error**2).sum(axis=1) <= cert.affine.gamma_x * q + cert.affine.gamma).all()
    assert (error**2).sum(axis=1).max() > 0.01 * cert.affine.gamma
    assert cert.check(TWIN).valid
    assert crown.check(TWIN).valid


def test_a_linear_difference_has_its_squared_norm_as_gamma_x() -> None:
    """Where no neuron changes sign, f - g = A x + b, here with b = 0: the best gamma_x is |A|^2."""
    f = network((4, 5, 3), shift=50.0)
    (w1, b1), (w2, b2) = f.to_arrays()
    v1 = w1 + 0.01 * RNG.normal(size=w1.shape)
    g = twincert.Network.from_arrays([(v1, b1), (w2, b2)])
    norm = float(np.linalg.norm(w2 @ (w1 - v1), 2) ** 2)
    box = twincert.Box([-1.0] * 4, [1.0] * 4)
    cert = twincert.certify(
        twincert.Twin(f, g), box, Affine(0.01, 1.0), method="sdp", settings={**QUICK, "tolerance": 1e-4}
    )
    assert cert.affine is not None
    assert norm * 0.01 <= cert.upper <= 1.02 * norm * 0.01
    assert cert.affine.gamma_x == pytest.approx(norm, rel=0.02)
    assert cert.affine.gamma <= 0.001 * norm


def test_with_a_heavy_gamma_x_it_is_the_norm(certificate: twincert.Certificate) -> None:
    """weight_x at least weight times the largest |x|^2: gamma_x = 0 is best."""
    cert = twincert.certify(TWIN, BOX, Affine(3.0, 1.0), method="sdp", settings=QUICK)
    two = twincert.certify(TWIN, BOX, "two", method="sdp", settings=QUICK)
    assert cert.affine is not None
    assert cert.affine.gamma_x == 0.0
    assert cert.affine.gamma == pytest.approx(two.upper**2, rel=0.01)
    assert certificate.upper < 0.5 * cert.upper


def test_scaling_both_weights_scales_the_sum(certificate: twincert.Certificate) -> None:
    cert = twincert.certify(TWIN, BOX, Affine(8 * 0.1, 8.0), method="sdp", settings=QUICK)
    assert cert.affine == certificate.affine
    assert cert.upper == pytest.approx(8 * certificate.upper, rel=1e-14)
    assert cert.lower == pytest.approx(8 * certificate.lower, rel=1e-14)


def test_input_reduction_is_left_out() -> None:
    twin = twincert.quantize(network((30, 4, 2)), bits=5)
    box = twincert.Box([-0.5] * 30, [0.5] * 30)
    cert = twincert.certify(twin, box, Affine(1.0, 1.0), method="sdp", settings=QUICK)
    assert cert.affine is not None
    assert cert.affine.gamma_x > 0
    assert cert.proof["rows"]["input_reduction"] == "never"
    assert cert.check(twin).valid
    content = json.loads(json.dumps(cert.to_dict()))
    content["proof"]["rows"]["input_reduction"] = "always"
    content["digest"] = content_digest(content)
    report = twincert.Certificate.from_dict(content).check(twin)
    assert "without the inputs has no affine objectives" in report.reason


def test_a_threshold_decides_about_the_weighted_sum(certificate: twincert.Certificate) -> None:
    holds = twincert.certify(TWIN, BOX, Affine(0.1, 1.0), threshold=1.5 * certificate.upper, settings=QUICK)
    assert (holds.verdict, holds.check(TWIN).valid) == ("holds", True)
    violated = twincert.certify(TWIN, BOX, Affine(0.1, 1.0), threshold=0.5 * certificate.lower, settings=QUICK)
    assert (violated.verdict, violated.check(TWIN).valid) == ("violated", True)


def test_files_keep_it(certificate: twincert.Certificate, tmp_path: Path) -> None:
    certificate.save(tmp_path / "c.json")
    loaded = twincert.Certificate.load(tmp_path / "c.json")
    assert loaded == certificate
    assert loaded.affine == certificate.affine
    assert loaded.check(TWIN).valid
    assert certificate.affine is not None
    assert affine_label(Affine(), certificate.affine) in certificate._repr_html_().replace("&lt;", "<")
    assert "gamma_x |x - y|^2" in affine_label(Affine(of="difference"))


def forgeries(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a lying file may change, digest renewed."""
    bound, measure, objective = content["bound"], content["measure"], content["proof"]["objectives"][0]
    low = 1 - 1e-6
    changed = {
        "gamma": {**content, "bound": {**bound, "gamma": bound["gamma"] * low}},
        "gamma_x": {**content, "bound": {**bound, "gamma_x": bound["gamma_x"] * low}},
        "gamma for gamma_x": {**content, "bound": {**bound, "gamma_x": bound["gamma_x"] * 0.9, "gamma": 0.0}},
        "negative gamma": {**content, "bound": {**bound, "gamma": -1.0}},
        "upper": {**content, "bound": {**bound, "upper": bound["upper"] * (1 - 1e-12)}},
        "weights": {**content, "measure": {**measure, "weight_x": 0.2}},
        "the other form": {**content, "measure": {**measure, "of": "difference"}},
        "the norm": {**content, "measure": {"kind": "two"}, "bound": without(bound, "gamma", "gamma_x")},
    }
    for name, slope in {
        "a negative slope": -1.0,
        "an infinite slope": "inf",
    }.items():
        proof = {**content["proof"], "objectives": [{**objective, "slope": slope}]}
        lie = {**bound, "gamma_x": bound["gamma_x"] * 2}  # large enough for the slope
        changed[name] = {**content, "proof": proof, "bound": {**lie, "upper": 10 * bound["upper"]}}
    kind = {**objective, "kind": "affine_difference"}
    changed["another objective"] = {**content, "proof": {**content["proof"], "objectives": [kind]}}
    return changed


def without(content: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in names}


@pytest.mark.parametrize(
    "lie",
    [
        "gamma",
        "gamma_x",
        "gamma for gamma_x",
        "negative gamma",
        "upper",
        "weights",
        "the other form",
        "the norm",
        "a negative slope",
        "an infinite slope",
        "another objective",
    ],
)
def test_forgeries_are_refused(certificate: twincert.Certificate, lie: str) -> None:
    content = forgeries(json.loads(json.dumps(certificate.to_dict())))[lie]
    content["digest"] = content_digest(content)
    report = twincert.Certificate.from_dict(content).check(TWIN)
    assert not report.valid
    assert "digest" not in report.reason


def test_files_that_do_not_fit_are_refused(certificate: twincert.Certificate) -> None:
    content = json.loads(json.dumps(certificate.to_dict()))
    objective = content["proof"]["objectives"][0]
    for changed, message in (
        ({**content, "bound": without(content["bound"], "gamma")}, "bound: expected the field 'gamma'"),
        ({**content, "measure": {"kind": "inf"}}, "bound.gamma_x: expected with the measure 'affine' only"),
        ({**content, "measure": without(content["measure"], "weight")}, "expected the field 'weight'"),
        ({**content, "measure": {**content["measure"], "weight": -1.0}}, "Affine expects weight between"),
        (
            {**content, "proof": {**content["proof"], "objectives": [without(objective, "slope")]}},
            "slope: expected with",
        ),
    ):
        with pytest.raises(twincert.ParseError, match=message):
            twincert.Certificate.from_dict(changed)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, 1e-200, 1e200, "1", True, None, [1.0]])
def test_bad_weights_are_refused(bad: Any) -> None:
    for arguments in ((bad, 1.0), (1.0, bad), (bad, bad)):
        with pytest.raises(twincert.SettingsError, match=r"Affine expects weight.* between 1e-100 and 1e100"):
            Affine(*arguments)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(twincert.SettingsError, match="of='input' or of='difference', found 'output'"):
        Affine(of="output")  # type: ignore[arg-type]
    with pytest.raises(twincert.SettingsError, match="expects a set in which they differ"):
        twincert.certify(TWIN, BOX, Affine(of="difference"))
    with pytest.raises(twincert.SettingsError, match="with an affine measure, found branch"):
        twincert.certify(TWIN, BOX, Affine(), method="branch")
    with pytest.raises(twincert.SettingsError, match="expected input_reduction automatic or never, found always"):
        twincert.certify(TWIN, BOX, Affine(), rows={"input_reduction": "always"})


def test_a_lossless_twin_and_a_network_without_hidden_stage_have_gamma_alone() -> None:
    f = network((3, 6, 2))
    lossless = twincert.certify(twincert.Twin(f, f), BOX, Affine(0.1, 1.0), method="sdp", settings=QUICK)
    assert lossless.upper < 1e-25
    assert lossless.check(twincert.Twin(f, f)).valid
    twin = twincert.quantize(network((3, 2)), bits=4)
    single = twincert.certify(twin, BOX, Affine(0.1, 1.0), method="sdp", settings=QUICK)
    assert single.affine is not None
    assert single.affine.gamma_x == 0.0
    assert single.check(twin).valid


def test_the_attack_prefers_small_inputs() -> None:
    """Its value is |f - g|^2 min(weight, weight_x / q), larger at the best point than where |f - g| is largest."""
    measure = Affine(0.05, 1.0)
    found = twincert.attack(TWIN, BOX, measure, restarts=16, steps=30)
    norm = twincert.attack(TWIN, BOX, "two", restarts=16, steps=30)
    q = float(norm.x @ norm.x)
    assert found.value > 1.2 * norm.value**2 * min(1.0, 0.05 / q)
    error = TWIN.reference(found.x) - TWIN.compressed(found.x)
    assert found.value == pytest.approx(float(error @ error) * min(1.0, 0.05 / float(found.x @ found.x)), rel=1e-12)


def test_rounding_of_the_evaluation_is_covered_where_the_twins_hardly_differ() -> None:
    """Weights that differ in their last bit beside biases of 50: what is evaluated is rounding for the most part."""
    f = network((4, 5, 3), shift=50.0)
    (w1, b1), (w2, b2) = f.to_arrays()
    v1 = np.nextafter(w1, RNG.choice([-np.inf, np.inf], w1.shape))
    twin = twincert.Twin(f, twincert.Network.from_arrays([(v1, b1), (w2, b2)]))
    cert = twincert.certify(twin, twincert.Box([-1.0] * 4, [1.0] * 4), Affine(1e-3, 1.0), method="sdp", settings=QUICK)
    assert cert.affine is not None
    x = RNG.uniform(-1, 1, (2000, 4)) * RNG.uniform(0, 1, (2000, 1))
    difference = w2 @ (w1 - v1)
    exact = ((x @ difference.T) ** 2).sum(axis=1)
    evaluated = ((twin.reference(x) - twin.compressed(x)) ** 2).sum(axis=1)
    assert evaluated.max() > 10 * exact.max()
    assert (evaluated <= cert.affine.gamma_x * (x**2).sum(axis=1) + cert.affine.gamma).all()
    norm = twincert.certify(twin, twincert.Box([-1.0] * 4, [1.0] * 4), "two", method="sdp", settings=QUICK)
    assert cert.affine.gamma <= 1.01 * norm.upper**2
    assert cert.check(twin).valid


def test_bounds_next_to_the_evaluations_rounding_are_accepted() -> None:
    """What the networks' evaluation is charged with depends on the bound that the certificate claims."""
    layers = [
        ([[8.51513491e-04, -9.52788491e-05]], [0.0]),
        ([[-0.00147605], [0.000968]], [-3.77535448e-05, 2.60602171e-05]),
        ([[0.73726559, 1.12719579]], [0.0]),
        ([[-0.55516698], [-0.34238689], [0.0446604]], [2.16115463, -1.28153372, 0.23452651]),
    ]
    arrays = [(np.array(weight), np.array(bias)) for weight, bias in layers]
    reference = twincert.Network.from_arrays(arrays, activation="tanh")
    twin = twincert.quantize(reference, bits=8, scheme="affine", per_channel=True)
    box = twincert.Box(np.full(2, 1e6 - 1e-5), np.full(2, 1e6 + 1e-5), difference=1e-6)
    certificate = twincert.certify(twin, box, Affine(0.1, 1.0), method="sdp", settings={"max_iterations": 150})
    assert certificate.proof["objectives"]
    report = certificate.check(twin)
    assert report.valid, report.reason
