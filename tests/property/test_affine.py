"""No pair of a set breaks an affine certificate's inequality: tolerance zero, random twins, float64 and rationals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import twincert
from property.adversary import candidate_pairs
from property.random_twins import draw_scenario
from property.test_soundness import exact_outputs, numpy_outputs
from twincert._reference import exact, measures
from twincert.measure import measure_to_dict

BATCHES, BATCH = 5, 40
METHODS = ("sdp", "sdp", "sdp", "crown", "interval", "auto")


def draw_measure(input_set: Any, rng: np.random.Generator) -> twincert.Affine:
    """Weights whose ratio is that of squared inputs of the set, more or less."""
    apart = bool(input_set.difference.any()) and bool(rng.integers(2))
    reach = input_set.difference if apart else np.abs(np.array(input_set.bounding_box)).max(axis=0)
    square = float(np.clip((reach**2).sum(), 1e-60, 1e60))
    weight = float(10.0 ** rng.uniform(-3, 3))
    weight_x = weight * square * float(10.0 ** rng.uniform(-3, 0.3))
    return twincert.Affine(weight_x, weight, "difference" if apart else "input")


def squares(measure: twincert.Affine, x: Any, y: Any) -> Any:
    return ((x if measure.of == "input" else x - y) ** 2).sum(axis=1)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_pair_breaks_the_inequality(batch: int) -> None:
    sloped = 0
    for seed in range(5000 + batch * BATCH, 5000 + (batch + 1) * BATCH):
        scenario = draw_scenario(seed)
        twin, input_set = scenario.twin, scenario.input_set
        rng = np.random.default_rng([22, seed])
        measure = draw_measure(input_set, rng)
        settings = {
            "max_iterations": int(rng.choice([7, 50, 100])),
            "attack_restarts": 4,
            "attack_steps": 5,
            "threads": 1,
        }
        cert = twincert.certify(twin, input_set, measure, method=METHODS[seed % len(METHODS)], settings=settings)
        context = f"{scenario.label}; {measure}, method {cert.method}, {cert.affine}"
        assert cert.affine is not None
        assert cert.lower <= cert.upper, context
        sloped += cert.affine.gamma_x > 0
        x, y = candidate_pairs(twin, input_set, seed, samples=100, rounds=1, measure=measure)
        inside = np.array([input_set.contains(p, q) for p, q in zip(x, y, strict=True)])
        x, y = x[inside], y[inside]
        for f, g in ((twin.reference(x), twin.compressed(y)), numpy_outputs(twin, x, y)):
            excess = ((f - g) ** 2).sum(axis=1) - (cert.affine.gamma_x * squares(measure, x, y) + cert.affine.gamma)
            assert not (excess > 0).any(), f"{context}: exceeded at {x[excess.argmax()].tolist()}"
        if seed % 4 == 0:
            assert cert.check(twin).valid, f"{context}: {cert.check(twin).reason}"
        if scenario.piecewise_linear and np.isfinite(cert.upper):
            worst = int(excess.argmax())
            points = [exact.rational(p[worst].tolist()) for p in (x, y)]
            outputs = exact_outputs(twin, x[worst], y[worst])
            left = measures.value({"kind": "two"}, *points, *outputs)
            q = measures.affine_input(measure_to_dict(measure), *points)
            assert left <= Fraction(cert.affine.gamma_x) * q + Fraction(cert.affine.gamma), f"{context}: exactly"
            assert measures.value(measure_to_dict(measure), *points, *outputs) <= Fraction(cert.upper), context
    assert sloped > 4
