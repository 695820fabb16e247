"""Quadratic bounds of a single hidden stage: sound for any twin, tighter than planes where many inputs vary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import twincert
from python import small_twins
from python.test_bounds import Array, Layers, assert_inside, largest
from twincert import _core


def layers_of(rng: np.random.Generator, inputs: int, hidden: int, outputs: int) -> Layers:
    return [
        (rng.normal(size=(hidden, inputs)) / np.sqrt(inputs), 0.1 * rng.normal(size=hidden)),
        (rng.normal(size=(outputs, hidden)) / np.sqrt(hidden), rng.normal(size=outputs)),
    ]


def changed(rng: np.random.Generator, layers: Layers, share: float) -> Layers:
    return [(w * (1 + share * rng.normal(size=w.shape)), b * (1 + share * rng.normal(size=b.shape))) for w, b in layers]


def twin_of(layers: Layers, other: Layers, activation: str = "relu") -> twincert.Twin:
    return twincert.Twin(*(twincert.Network.from_arrays(each, activation) for each in (layers, other)))


def climbed(twin: twincert.Twin, box: twincert.Box, points: Array, output: int, sign: float) -> float:
    """What the best of the points attains after moving from vertex to vertex."""
    x = points[np.argmax(sign * twin.error(points)[:, output])]
    best = -np.inf
    for _ in range(4):
        neighbours = np.repeat(x[None], 2 * x.size, axis=0)
        for j in range(x.size):
            neighbours[2 * j, j], neighbours[2 * j + 1, j] = box.lower[j], box.upper[j]
        values = sign * twin.error(np.vstack([x[None], neighbours]))[:, output]
        if values.max() <= best:
            break
        best = float(values.max())
        x = np.vstack([x[None], neighbours])[np.argmax(values)]
    return best


@pytest.mark.parametrize("seed", range(12))
def test_nothing_attains_more(seed: int) -> None:
    rng = np.random.default_rng([seed, 17])
    for _ in range(40):
        inputs, hidden = int(rng.integers(1, 30)), int(rng.integers(1, 25))
        layers = layers_of(rng, inputs, hidden, int(rng.integers(1, 4)))
        if rng.random() < 0.3:
            layers[0][0][rng.random(layers[0][0].shape) < 0.6] = 0.0
        twin = twin_of(layers, changed(rng, layers, float(rng.choice([1e-9, 1e-4, 1e-2, 0.3, 1.5]))))
        center: Array = rng.normal(size=inputs) * float(rng.choice([0.0, 1.0, 10.0]))
        radius = rng.random(inputs) * float(rng.choice([0.05, 0.5, 2.0]))
        radius[rng.random(inputs) < 0.2] = 0.0
        box = twincert.Box(center - radius, center + radius)
        bounds = _core.optimized_bounds(twin, box)
        assert_inside(bounds, _core.crown_bounds(twin, box))
        lower, upper = bounds.stages[-1].difference
        points = np.asarray(box.sample(200, seed))
        for output in range(twin.output_size):
            slack = bounds.evaluation_error[output]
            assert climbed(twin, box, points, output, 1.0) <= upper[output] + slack
            assert climbed(twin, box, points, output, -1.0) <= -lower[output] + slack


@pytest.mark.parametrize("seed", range(4))
def test_balls_and_polytopes_are_enclosed(seed: int) -> None:
    rng = np.random.default_rng([seed, 18])
    for _ in range(10):
        layers = layers_of(rng, 12, 20, 2)
        twin = twin_of(layers, changed(rng, layers, 0.01))
        center: Array = rng.normal(size=12)
        row = rng.normal(size=(1, 12))
        window = twincert.Box(center - 0.5, center + 0.5)
        for region in (twincert.Ball(center, 0.7), twincert.Polytope(row, row @ center + 0.1, box=window)):
            bounds = _core.optimized_bounds(twin, region)
            lower, upper = bounds.stages[-1].difference
            errors = twin.error(np.asarray(region.sample(500, seed)))
            assert (errors <= upper + bounds.evaluation_error).all()
            assert (errors >= lower - bounds.evaluation_error).all()


def many_inputs(seed: int) -> tuple[twincert.Twin, twincert.Box]:
    rng = np.random.default_rng(seed)
    layers = layers_of(rng, 300, 60, 3)
    return twin_of(layers, changed(rng, layers, 1e-3)), twincert.Box(-np.full(300, 0.3), np.full(300, 0.3))


def without_quadratic(twin: twincert.Twin, box: twincert.Box) -> float:
    """The largest budget that has all of the last steps but no quadratic bounds."""
    crown = _core.crown_bounds(twin, box)
    for budget in np.geomspace(1e10, 1e6, 400):
        plan = _core.optimization_plan(twin, crown, budget)
        assert plan.operations <= budget
        if not plan.quadratic:
            assert plan.output_steps == 100
            return float(budget)
    raise AssertionError


@pytest.mark.parametrize("seed", range(3))
def test_many_inputs_are_bounded_better(seed: int) -> None:
    twin, box = many_inputs(seed)
    planes = largest(_core.optimized_bounds(twin, box, budget=without_quadratic(twin, box)))
    assert largest(_core.optimized_bounds(twin, box)) < 0.8 * planes


def test_plans_have_them_for_one_hidden_stage_only() -> None:
    for widths, expected in (((40, 20, 2), True), ((40, 20, 20, 2), False)):
        twin, box = small_twins.twin(widths=widths), twincert.Box(-np.ones(40), np.ones(40))
        assert _core.optimization_plan(twin, _core.crown_bounds(twin, box)).quadratic is expected


def test_certificates_are_accepted_and_smaller_claims_refused() -> None:
    twin, box = many_inputs(5)
    certificate = twincert.certify(twin, box, method="crown", settings=small_twins.QUICK)
    assert certificate.check(twin).valid
    content: dict[str, Any] = certificate.to_dict()
    content["proof"]["operations"] = without_quadratic(twin, box)
    assert not small_twins.redigested(content).check(twin).valid


def test_the_number_of_threads_changes_nothing() -> None:
    twin, box = many_inputs(7)
    one, many = (_core.optimized_bounds(twin, box, threads=threads) for threads in (1, 5))
    assert_inside(one, many)
    assert_inside(many, one)


@pytest.mark.parametrize("scale", [1e-160, 1e-60, 1e60, 1e150])
def test_extreme_numbers_stay_sound(scale: float) -> None:
    rng = np.random.default_rng(6)
    layers = [(scale * w, scale * b) for w, b in layers_of(rng, 8, 10, 2)]
    twin = twin_of(layers, changed(rng, layers, 0.01))
    box = twincert.Box(-np.ones(8), np.ones(8))
    bounds = _core.optimized_bounds(twin, box)
    assert_inside(bounds, _core.crown_bounds(twin, box))
    lower, upper = bounds.stages[-1].difference
    with np.errstate(all="ignore"):
        errors = twin.error(np.asarray(box.sample(200, 1)))
    known = np.isfinite(errors).all(axis=1)
    assert (errors[known] <= upper + bounds.evaluation_error).all()
    assert (errors[known] >= lower - bounds.evaluation_error).all()
