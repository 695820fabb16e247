"""No evaluated difference exceeds a certificate: tolerance zero, more than two thousand random twins."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import twincert
from property.adversary import Array, candidate_pairs, measure_values
from property.random_twins import Scenario, draw_scenario
from twincert._reference import exact, measures
from twincert._reference.network import Activation
from twincert.measure import measure_to_dict

BATCHES, BATCH = 35, 60
METHODS = ("sdp", "sdp", "branch", "branch", "crown", "interval", "auto")
ITERATIONS = (0, 1, 7, 50, 200)
PARTS = (1, 2, 40, 200)
FEW = {"attack_restarts": 1, "attack_steps": 1}


def certify(scenario: Scenario, seed: int) -> Any:
    rng = np.random.default_rng([21, seed])
    outputs = scenario.twin.output_size
    known = ["inf", "two", "one", "outputs", twincert.Output(int(rng.integers(outputs)))]
    if outputs > 1:
        known += [twincert.Margin(*(int(i) for i in rng.permutation(outputs)[:2])), "top1", "top1"]
    settings = {"max_iterations": int(rng.choice(ITERATIONS)), "attack_restarts": 4, "attack_steps": 5, "threads": 1}
    settings["split_inputs"] = int(rng.choice([0, 20]))
    settings["part_limit"] = int(rng.choice(PARTS))
    measure, method = known[rng.integers(len(known))], METHODS[rng.integers(len(METHODS))]
    # The smallest thresholds make branching split as far as it goes, to parts without width.
    threshold = float(rng.choice([0.0, 1e-3, 1.0])) if method == "branch" and rng.integers(2) else None
    return twincert.certify(
        scenario.twin, scenario.input_set, measure=measure, method=method, threshold=threshold, settings=settings
    )


def violation(cert: Any, input_set: Any, x: Array, y: Array, f: Array, g: Array) -> str:
    """The first pair of the set whose outputs the certificate excludes; empty when there is none."""
    errors = f - g
    checks = [
        ("upper", cert.upper, measure_values(cert.measure, f, g)),
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


def numpy_outputs(twin: Any, x: Array, y: Array) -> tuple[Array, Array]:
    """f(x) and g(y) with NumPy's order of summation instead of the package's."""

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

    return evaluate(twin.reference, x), evaluate(twin.compressed, y)


def exact_outputs(twin: Any, x: Array, y: Array) -> tuple[list[Fraction], list[Fraction]]:
    """f(x) and g(y) for real numbers, as rationals."""

    def evaluate(network: Any, point: Array) -> list[Fraction]:
        values = exact.rational(point.tolist())
        for stage in network.stages:
            values = exact.affine(np.asarray(stage.weight).tolist(), np.asarray(stage.bias).tolist(), values)
            a = stage.activation
            values = [exact.activate(v, Activation(a.kind, a.slope, a.lower, a.upper, a.step)) for v in values]
        return values

    return evaluate(twin.reference, x), evaluate(twin.compressed, y)


def exceeds_exactly(cert: Any, x: Array, y: Array, f: list[Fraction], g: list[Fraction]) -> bool:
    """Whether the exact outputs are outside what the certificate says, in rational arithmetic throughout."""
    error = [a - b for a, b in zip(f, g, strict=True)]
    sides = zip(error, cert.upper_per_output, cert.lower_per_output, strict=True)
    if any((np.isfinite(u) and e > Fraction(u)) or (np.isfinite(v) and e < Fraction(v)) for e, u, v in sides):
        return True
    if np.isinf(cert.upper):
        return False
    upper = Fraction(cert.upper)
    points = exact.rational(x.tolist()), exact.rational(y.tolist())
    value = measures.value(measure_to_dict(cert.measure), *points, f, g)
    return value > (upper * upper if cert.measure == "two" else upper)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_evaluated_difference_exceeds_the_certificate(batch: int) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        scenario = draw_scenario(seed)
        twin, input_set = scenario.twin, scenario.input_set
        cert = certify(scenario, seed)
        context = f"{scenario.label}; measure {cert.measure}, method {cert.method}"
        assert cert.lower <= cert.upper, context
        x, y = candidate_pairs(twin, input_set, seed, measure=cert.measure)
        for f, g in ((twin.reference(x), twin.compressed(y)), numpy_outputs(twin, x, y)):
            found = violation(cert, input_set, x, y, f, g)
            assert not found, f"{context}: {found}"
        if seed % 5 == 0:
            report = cert.check(twin)
            assert report.valid, f"{context}: refused by the checker: {report.reason}"
        if scenario.piecewise_linear and seed % 4 == 0:
            worst = int(measure_values(cert.measure, f, g).argmax())
            if input_set.contains(x[worst], y[worst]):
                assert not exceeds_exactly(cert, x[worst], y[worst], *exact_outputs(twin, x[worst], y[worst])), (
                    f"{context}: exceeded exactly at {x[worst].tolist()}"
                )


@pytest.mark.parametrize("seed", range(0, 3000, 150))
def test_methods_are_ordered(seed: int) -> None:
    """A method that includes another never reports more: sdp <= crown <= interval."""
    scenario = draw_scenario(seed + 7)
    settings = {"max_iterations": 50, "attack_restarts": 2, "attack_steps": 2}
    outputs = scenario.twin.output_size
    for measure in ["inf", twincert.Margin(0, 1), "top1"][: 1 if outputs == 1 else 3]:
        upper = [
            twincert.certify(scenario.twin, scenario.input_set, measure, method=method, settings=settings).upper
            for method in ("sdp", "crown", "interval")
        ]
        assert upper[0] <= upper[1] <= upper[2], f"{scenario.label}, {measure}"


@pytest.mark.parametrize("seed", range(0, 3000, 100))
def test_a_margin_is_never_bounded_worse_than_its_outputs_together(seed: int) -> None:
    scenario = draw_scenario(seed + 11)
    if scenario.twin.output_size == 1:
        return
    for method in ("interval", "crown"):
        single = [
            twincert.certify(scenario.twin, scenario.input_set, twincert.Output(i), method=method, settings=FEW).upper
            for i in (0, 1)
        ]
        both = twincert.certify(scenario.twin, scenario.input_set, twincert.Margin(0, 1), method=method, settings=FEW)
        assert both.upper <= (single[0] + single[1]) * (1 + 1e-10), scenario.label
