"""Quadratic bounds of all stages' pairs: sound for any twin, tighter than planes where many numbers vary."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import twincert
from python import small_twins
from python.test_bounds import Array, Layers, assert_inside, largest
from twincert import _core

DEEP = 7e9  # a budget with which more than one hidden stage has quadratic bounds


def layers_of(rng: np.random.Generator, *widths: int) -> Layers:
    return [
        (rng.normal(size=(m, n)) * np.sqrt((1.0 if k == 0 else 2.0) / n), 0.1 * rng.normal(size=m))
        for k, (n, m) in enumerate(itertools.pairwise(widths))
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


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_nothing_attains_more(seed: int, depth: int) -> None:
    rng = np.random.default_rng([seed, 17, depth])
    for _ in range(30):
        inputs = int(rng.integers(1, 30))
        hidden = [int(rng.integers(1, 25)) for _ in range(depth)]
        layers = layers_of(rng, inputs, *hidden, int(rng.integers(1, 4)))
        if rng.random() < 0.3:
            layers[0][0][rng.random(layers[0][0].shape) < 0.6] = 0.0
        twin = twin_of(layers, changed(rng, layers, float(rng.choice([1e-9, 1e-4, 1e-2, 0.3, 1.5]))))
        center: Array = rng.normal(size=inputs) * float(rng.choice([0.0, 1.0, 10.0]))
        radius = rng.random(inputs) * float(rng.choice([0.05, 0.5, 2.0]))
        radius[rng.random(inputs) < 0.2] = 0.0
        box = twincert.Box(center - radius, center + radius)
        bounds = _core.optimized_bounds(twin, box, budget=DEEP)
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
        layers = layers_of(rng, 12, 20, 15, 2)
        twin = twin_of(layers, changed(rng, layers, 0.01))
        center: Array = rng.normal(size=12)
        row = rng.normal(size=(1, 12))
        window = twincert.Box(center - 0.5, center + 0.5)
        for region in (twincert.Ball(center, 0.7), twincert.Polytope(row, row @ center + 0.1, box=window)):
            bounds = _core.optimized_bounds(twin, region, budget=DEEP)
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
        if not plan.quadratic_steps:
            assert plan.output_steps == 100
            return float(budget)
    raise AssertionError


@pytest.mark.parametrize("seed", range(3))
def test_many_inputs_are_bounded_better(seed: int) -> None:
    twin, box = many_inputs(seed)
    planes = largest(_core.optimized_bounds(twin, box, budget=without_quadratic(twin, box)))
    assert largest(_core.optimized_bounds(twin, box)) < 0.8 * planes


def test_wide_twins_with_two_hidden_stages_are_bounded_better() -> None:
    rng = np.random.default_rng(4)
    layers = layers_of(rng, 100, 80, 80, 3)
    twin = twin_of(layers, changed(rng, layers, 0.1))
    box = twincert.Box(np.full(100, -0.2), np.full(100, 0.2))
    crown = _core.crown_bounds(twin, box)
    few = next(b for b in np.geomspace(1e9, 1e12, 200) if _core.optimization_plan(twin, crown, b).output_steps == 100)
    assert few < _core.operation_budget
    planes = largest(_core.optimized_bounds(twin, box))
    assert largest(_core.optimized_bounds(twin, box, budget=DEEP)) < 0.6 * planes


@pytest.mark.parametrize("same", [slice(0, 1), slice(None)], ids=["neuron", "layer"])
def test_what_the_networks_share_does_not_spoil_them(same: slice) -> None:
    """The change of a neuron that reads the same in both networks is zero: its square has any weight."""
    rng = np.random.default_rng(4)
    layers = layers_of(rng, 60, 50, 50, 2)
    other = changed(rng, layers, 0.1)
    other[0][0][same], other[0][1][same] = layers[0][0][same], layers[0][1][same]
    twin, box = twin_of(layers, other), twincert.Box(np.full(60, -0.3), np.full(60, 0.3))
    planes = largest(_core.optimized_bounds(twin, box))
    assert largest(_core.optimized_bounds(twin, box, budget=DEEP)) < 0.6 * planes


def test_plans_have_them_behind_more_stages_only_with_more_than_the_usual_budget() -> None:
    for widths, budget, expected in (
        ((40, 20, 2), _core.operation_budget, 40),
        ((40, 20, 20, 2), _core.operation_budget, 0),
        ((40, 20, 2), DEEP, 300),
        ((40, 20, 20, 2), DEEP, 300),
    ):
        twin, box = small_twins.twin(widths=widths), twincert.Box(-np.ones(40), np.ones(40))
        plan = _core.optimization_plan(twin, _core.crown_bounds(twin, box), budget)
        assert plan.quadratic_steps == expected
        assert plan.operations <= budget


def test_certificates_are_accepted_and_smaller_claims_refused() -> None:
    twin, box = many_inputs(5)
    certificate = twincert.certify(twin, box, method="crown", settings=small_twins.QUICK)
    assert certificate.check(twin).valid
    content: dict[str, Any] = certificate.to_dict()
    content["proof"]["operations"] = without_quadratic(twin, box)
    assert not small_twins.redigested(content).check(twin).valid


def test_the_number_of_threads_changes_nothing() -> None:
    twin, box = many_inputs(7)
    one, many = (_core.optimized_bounds(twin, box, threads=threads, budget=DEEP) for threads in (1, 5))
    assert_inside(one, many)
    assert_inside(many, one)


@pytest.mark.parametrize("hidden", [(10,), (10, 9)])
@pytest.mark.parametrize("scale", [1e-160, 1e-60, 1e60, 1e150])
def test_extreme_numbers_stay_sound(scale: float, hidden: tuple[int, ...]) -> None:
    rng = np.random.default_rng(6)
    layers = [(scale * w, scale * b) for w, b in layers_of(rng, 8, *hidden, 2)]
    twin = twin_of(layers, changed(rng, layers, 0.01))
    box = twincert.Box(-np.ones(8), np.ones(8))
    bounds = _core.optimized_bounds(twin, box, budget=DEEP)
    assert_inside(bounds, _core.crown_bounds(twin, box))
    lower, upper = bounds.stages[-1].difference
    with np.errstate(all="ignore"):
        errors = twin.error(np.asarray(box.sample(200, 1)))
    known = np.isfinite(errors).all(axis=1)
    assert (errors[known] <= upper + bounds.evaluation_error).all()
    assert (errors[known] >= lower - bounds.evaluation_error).all()


def exact_difference(layers: Layers, other: Layers, x: list[Fraction]) -> Fraction:
    def output(net: Layers) -> Fraction:
        values = x
        for k, (w, b) in enumerate(net):
            values = [
                Fraction(b[i]) + sum((Fraction(w[i, j]) * y for j, y in enumerate(values)), Fraction(0))
                for i in range(len(b))
            ]
            if k + 1 < len(net):
                values = [max(y, Fraction(0)) for y in values]
        return values[0]

    return output(layers) - output(other)


def assert_exact(layers: Layers, other: Layers, radius: float = 1.0) -> None:
    """Crown and optimised bounds of one output hold in exact arithmetic at the vertices of a cube."""
    inputs = layers[0][0].shape[1]
    twin, box = twin_of(layers, other), twincert.Box(np.full(inputs, -radius), np.full(inputs, radius))
    for bounds in (_core.crown_bounds(twin, box), _core.optimized_bounds(twin, box, budget=DEEP)):
        (lower,), (upper,) = bounds.stages[-1].difference
        for vertex in itertools.product((-radius, radius), repeat=inputs):
            difference = exact_difference(layers, other, [Fraction(x) for x in vertex])
            assert not np.isfinite(upper) or difference <= Fraction(float(upper))
            assert not np.isfinite(lower) or difference >= Fraction(float(lower))


@pytest.mark.parametrize("seed", range(60))
def test_subnormal_weights_of_huge_values(seed: int) -> None:
    """Products with 5e-324 vanish, what they stand for does not."""
    rng = np.random.default_rng(seed)
    inputs, hidden = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    scale = 10.0 ** rng.integers(250, 301)
    w = rng.normal(size=(hidden, inputs)) * scale
    b = rng.normal(size=hidden) * scale * float(rng.choice([0.0, 1e-3, 1.0]))
    v = rng.integers(-9, 10, size=(1, hidden)) * 5e-324
    layers: Layers = [(w, b), (v, np.zeros(1))]
    other: Layers = [
        (w * (1 + 0.1 * rng.normal(size=w.shape)), b),
        (v * float(rng.choice([1.0, 0.5, 1.5])), np.zeros(1)),
    ]
    assert_exact(layers, other)


@pytest.mark.parametrize("seed", range(60))
def test_two_hidden_stages_in_exact_arithmetic(seed: int) -> None:
    """Vanishing, huge and cancelling numbers between the stages."""
    rng = np.random.default_rng([seed, 21])
    inputs, first, second = (int(rng.integers(1, 5)) for _ in range(3))
    scales = 10.0 ** rng.choice([-200, -40, -8, 0, 8, 40, 120], size=3)
    layers: Layers = [
        (rng.normal(size=(m, n)) * scale, rng.normal(size=m) * scale * float(rng.choice([0.0, 1e-3, 1.0])))
        for (n, m), scale in zip(itertools.pairwise((inputs, first, second, 1)), scales, strict=True)
    ]
    assert_exact(layers, changed(rng, layers, float(rng.choice([1e-12, 1e-3, 0.3]))))


@pytest.mark.parametrize("exponent", [-540, -700, -1000])
def test_huge_weights_of_subnormal_values(exponent: int) -> None:
    """Products of first weights and half widths vanish, too, and are multiplied by 1e300."""
    first = (np.array([[2.0**exponent]]), np.zeros(1))
    radius = 0.49 * 2.0 ** (-1074 - exponent)
    assert_exact(
        [first, (np.array([[1e300]]), np.zeros(1))], [first, (np.array([[5e299]]), np.zeros(1))], radius=radius
    )


@pytest.mark.parametrize("activation", ["leaky_relu", "tanh"])
def test_plans_know_which_activations_have_them(activation: str) -> None:
    rng = np.random.default_rng(2)
    layers = layers_of(rng, 40, 20, 2)
    twin = twin_of(layers, changed(rng, layers, 0.01), activation)
    crown = _core.crown_bounds(twin, twincert.Box(-np.ones(40), np.ones(40)))
    assert _core.optimization_plan(twin, crown).quadratic_steps == 0


def test_no_other_bound_pays_for_them() -> None:
    twin, box = many_inputs(1)
    crown = _core.crown_bounds(twin, box)
    seen = set()
    for budget in np.geomspace(1e10, 1e6, 200):
        plan = _core.optimization_plan(twin, crown, budget)
        seen.add((plan.quadratic_steps > 0, bool(plan.case_neurons)))
    assert seen == {(True, True), (False, True), (False, False)}


AGREEMENT = """
import sys, types
if sys.argv[1] == "eigen":
    blas = types.ModuleType("twincert._blas")
    blas.__getattr__ = lambda name: lambda *args, **kwargs: None
    sys.modules["twincert._blas"] = blas
import numpy as np
from python.test_quadratic_bounds import changed, layers_of, twin_of
from twincert import Box, _core
assert _core.blas_registered() == (sys.argv[1] == "blas")
for seed in range(12):
    rng = np.random.default_rng([seed, 3])
    inputs, hidden = int(rng.integers(2, 150)), rng.integers(2, 60, size=1 + seed % 3)
    layers = layers_of(rng, inputs, *hidden, 2)
    twin, box = twin_of(layers, changed(rng, layers, 0.01)), Box(np.full(inputs, -0.3), np.full(inputs, 0.3))
    print(*(float(x).hex() for x in np.ravel(_core.optimized_bounds(twin, box, budget=7e9).stages[-1].difference)))
"""


def test_another_library_ends_at_the_same_bounds() -> None:
    """A certificate made with one BLAS is checked without it: claims have a slack of 1e-6 of their size for that."""
    found = []
    for library in ("blas", "eigen"):
        run = subprocess.run(
            [sys.executable, "-c", AGREEMENT, library],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        found.append(np.array([[float.fromhex(x) for x in line.split()] for line in run.stdout.splitlines()]))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-7)
