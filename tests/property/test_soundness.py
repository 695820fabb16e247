"""No evaluated difference exceeds a certificate: tolerance zero, more than two thousand random twins."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import twincert
from property.adversary import Array, candidate_pairs, measure_values
from property.random_twins import Scenario, draw_scenario
from twincert._reference import exact
from twincert._reference.network import Activation

BATCHES, BATCH = 35, 60
METHODS = ("sdp", "sdp", "sdp", "crown", "interval", "auto")
ITERATIONS = (0, 1, 7, 50, 200)


def certify(scenario: Scenario, seed: int) -> Any:
    rng = np.random.default_rng([21, seed])
    outputs = scenario.twin.output_size
    measures = ["inf", "two", "one", "outputs", twincert.Output(int(rng.integers(outputs)))]
    settings = {"max_iterations": int(rng.choice(ITERATIONS)), "attack_restarts": 4, "attack_steps": 5, "threads": 1}
    return twincert.certify(
        scenario.twin,
        scenario.input_set,
        measure=measures[rng.integers(5)],
        method=METHODS[rng.integers(len(METHODS))],
        settings=settings,
    )


def violation(cert: Any, twin: Any, input_set: Any, x: Array, y: Array, errors: Array) -> str:
    """The first pair of the set whose difference the certificate excludes; empty when there is none."""
    checks = [
        ("upper", cert.upper, measure_values(cert.measure, errors)),
        *((f"upper_per_output[{i}]", cert.upper_per_output[i], errors[:, i]) for i in range(errors.shape[1])),
        *((f"-lower_per_output[{i}]", -cert.lower_per_output[i], -errors[:, i]) for i in range(errors.shape[1])),
    ]
    for name, bound, values in checks:
        if np.isnan(bound):
            return f"{name} is NaN"
        for j in np.flatnonzero(~(values <= bound)):
            if input_set.contains(x[j], y[j]):
                return f"{name} = {bound!r} but {values[j]!r} is attained at x = {x[j].tolist()}, y = {y[j].tolist()}"
    return ""


def numpy_errors(twin: Any, x: Array, y: Array) -> Array:
    """f(x) - g(y) with NumPy's order of summation instead of the package's."""

    def evaluate(network: Any, points: Array) -> Array:
        values = points
        for stage in network.stages:
            values = values @ np.asarray(stage.weight).T + np.asarray(stage.bias)
            kind, limits = stage.activation.kind, (stage.activation.lower, stage.activation.upper)
            if kind == "relu":
                values = np.maximum(values, 0.0)
            elif kind == "leaky_relu":
                values = np.where(values >= 0, values, stage.activation.slope * values)
            elif kind == "clip":
                values = np.clip(values, *limits)
            elif kind in ("quantize", "quantize_even"):
                values = Activation(kind, 0.0, *limits, stage.activation.step)(values)
            elif kind == "tanh":
                values = np.tanh(values)
            elif kind == "sigmoid":
                with np.errstate(over="ignore"):
                    values = 1.0 / (1.0 + np.exp(-values))
        return values

    return evaluate(twin.reference, x) - evaluate(twin.compressed, y)


def exact_error(twin: Any, x: Array, y: Array) -> list[Fraction]:
    """f(x) - g(y) for real numbers, as rationals."""

    def evaluate(network: Any, point: Array) -> list[Fraction]:
        values = exact.rational(point.tolist())
        for stage in network.stages:
            values = exact.affine(np.asarray(stage.weight).tolist(), np.asarray(stage.bias).tolist(), values)
            a = stage.activation
            values = [exact.activate(v, Activation(a.kind, a.slope, a.lower, a.upper, a.step)) for v in values]
        return values

    return [f - g for f, g in zip(evaluate(twin.reference, x), evaluate(twin.compressed, y), strict=True)]


def exceeds_exactly(cert: Any, error: list[Fraction]) -> bool:
    """Whether the exact difference is outside what the certificate says, in rational arithmetic throughout."""
    sides = zip(error, cert.upper_per_output, cert.lower_per_output, strict=True)
    if any((np.isfinite(u) and e > Fraction(u)) or (np.isfinite(v) and e < Fraction(v)) for e, u, v in sides):
        return True
    if np.isinf(cert.upper):
        return False
    upper = Fraction(cert.upper)
    if isinstance(cert.measure, twincert.Output):
        return abs(error[cert.measure.index]) > upper
    if cert.measure == "two":
        return sum(e * e for e in error) > upper * upper
    if cert.measure == "one":
        return sum(abs(e) for e in error) > upper
    return max(abs(e) for e in error) > upper


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_evaluated_difference_exceeds_the_certificate(batch: int) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        scenario = draw_scenario(seed)
        twin, input_set = scenario.twin, scenario.input_set
        cert = certify(scenario, seed)
        context = f"{scenario.label}; measure {cert.measure}, method {cert.method}"
        assert cert.lower <= cert.upper, context
        x, y = candidate_pairs(twin, input_set, seed)
        for errors in (twin.error(x, y), numpy_errors(twin, x, y)):
            found = violation(cert, twin, input_set, x, y, errors)
            assert not found, f"{context}: {found}"
        if seed % 5 == 0:
            report = cert.check(twin)
            assert report.valid, f"{context}: refused by the checker: {report.reason}"
        if scenario.piecewise_linear and seed % 4 == 0:
            worst = int(measure_values(cert.measure, errors).argmax())
            if input_set.contains(x[worst], y[worst]):
                assert not exceeds_exactly(cert, exact_error(twin, x[worst], y[worst])), (
                    f"{context}: exceeded exactly at {x[worst].tolist()}"
                )


@pytest.mark.parametrize("seed", range(0, 3000, 150))
def test_methods_are_ordered(seed: int) -> None:
    """A method that includes another never reports more: sdp <= crown <= interval."""
    scenario = draw_scenario(seed + 7)
    settings = {"max_iterations": 50, "attack_restarts": 2, "attack_steps": 2}
    upper = [
        twincert.certify(scenario.twin, scenario.input_set, method=method, settings=settings).upper
        for method in ("sdp", "crown", "interval")
    ]
    assert upper[0] <= upper[1] <= upper[2], scenario.label
