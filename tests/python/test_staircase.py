"""Rounding activations: their values, enclosures, bounds of pairs of different activations, certificates."""

from __future__ import annotations

import dataclasses
import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import twincert
from twincert import Activation, Dense, Layer, Network, Twin, _core
from twincert._core import Interval
from twincert._reference import exact
from twincert._reference.network import Activation as Reference
from twincert.errors import SettingsError

Array = NDArray[np.float64]
TENTH = float(np.float32(0.1))
STAIRS = {
    "relu-like": {"lower": 0.0, "upper": 3.75, "step": 0.25},
    "signed": {"lower": -2.0, "upper": 1.75, "step": 0.25},
    "float32 step": {"lower": -3 * TENTH, "upper": 7 * TENTH, "step": TENTH},
    "one jump": {"lower": 1.0, "upper": 2.0, "step": 1.0},
    "fine": {"lower": -1.0, "upper": 1.0, "step": 2.0**-14},
}
KINDS = ("quantize", "quantize_even")
each_stair = pytest.mark.parametrize(("kind", "name"), list(itertools.product(KINDS, STAIRS)))
OTHERS = {
    "relu": Activation("relu"),
    "leaky_relu": Activation("leaky_relu", 0.1),
    "clip": Activation("clip", lower=-0.5, upper=0.7),
    "identity": Activation("identity"),
    "quantize": Activation("quantize", lower=0.0, upper=3.75, step=0.25),
    "quantize_even": Activation("quantize_even", lower=-2.0, upper=2.0, step=0.125),
    "float32 step": Activation("quantize", lower=-3 * TENTH, upper=7 * TENTH, step=TENTH),
}
PAIRS = [(f, g) for f, g in itertools.product(OTHERS, OTHERS) if f != g or OTHERS[f].step]


def reference(activation: Activation) -> Reference:
    return Reference(activation.kind, activation.slope, activation.lower, activation.upper, activation.step)


def value(activation: Activation, x: float) -> Fraction:
    return exact.activate(Fraction(x), reference(activation))


def near_ties(activation: Activation, rng: np.random.Generator, count: int) -> list[float]:
    """Arguments at ties, next to them, and anywhere."""
    step = activation.step or 0.25
    ties = (rng.integers(-20, 20, count) + 0.5) * step
    moved = ties + step * rng.choice([0.0, 2.0**-21, -(2.0**-21), 2.0**-18, -(2.0**-18)], count)
    anywhere = rng.normal(size=count) * rng.choice([step, 10 * step, 1e6], count)
    return [float(x) for x in (*ties, *np.nextafter(ties, -np.inf), *np.nextafter(ties, np.inf), *moved, *anywhere)]


@each_stair
def test_values_agree_with_exact_rounding(kind: str, name: str) -> None:
    activation = Activation(kind, **STAIRS[name])
    power_of_two = math.frexp(activation.step)[0] == 0.5
    for x in near_ties(activation, np.random.default_rng(1), 50):
        found, true = Fraction(activation(x)), value(activation, x)
        assert abs(found - true) <= Fraction(activation.evaluation_error(Interval(x, x)))
        assert not power_of_two or found == true
    assert activation(math.inf) == activation.upper
    assert activation(-math.inf) == activation.lower


def test_ties() -> None:
    away, even = (Activation(kind, lower=-8.0, upper=8.0, step=2.0) for kind in KINDS)
    assert [away(x) for x in (-3.0, -1.0, 1.0, 3.0, 5.0)] == [-4.0, -2.0, 2.0, 4.0, 6.0]
    assert [even(x) for x in (-3.0, -1.0, 1.0, 3.0, 5.0)] == [-4.0, 0.0, 0.0, 4.0, 4.0]


@each_stair
def test_enclosures_hold_for_arguments_within_the_tolerance(kind: str, name: str) -> None:
    """Images and differences, both also for values taken a little beside the argument: see layer.hpp."""
    activation = Activation(kind, **STAIRS[name])
    rng = np.random.default_rng(2)
    points = near_ties(activation, rng, 25)
    tolerance = activation.step * 2.0**-21
    for s, t in zip(points, rng.permutation(points).tolist(), strict=True):
        for moved in (s - tolerance, s + tolerance):
            image = activation.image(Interval(s, s))
            assert image.lower <= value(activation, moved) <= image.upper
            for d in (Interval(s, s) - Interval(t, t), Interval(-math.inf, math.inf)):
                rise = value(activation, moved) - value(activation, t)
                found = activation.difference_image(Interval(s, s), Interval(t, t), d)
                assert found.lower <= rise <= found.upper
        slopes = activation.slope_range(Interval(min(s, t), max(s, t)))
        if s != t:
            quotient = (value(activation, s) - value(activation, t)) / (Fraction(s) - Fraction(t))
            assert slopes.lower <= quotient <= slopes.upper


def test_one_stair_is_constant_and_a_tie_is_not() -> None:
    activation = Activation("quantize", lower=0.0, upper=4.0, step=1.0)
    for interval, image in (
        ((0.6, 1.4), (1.0, 1.0)),
        ((0.6, 1.5), (1.0, 2.0)),
        ((0.5, 1.4), (0.0, 1.0)),
        ((-9.0, 0.4), (0.0, 0.0)),
        ((3.6, math.inf), (4.0, 4.0)),
        ((-math.inf, math.inf), (0.0, 4.0)),
    ):
        found = activation.image(Interval(*interval))
        assert (found.lower, found.upper) == image


@pytest.mark.parametrize(("f", "g"), PAIRS)
def test_differences_of_two_activations_are_enclosed(f: str, g: str) -> None:
    first, second = OTHERS[f], OTHERS[g]
    rng = np.random.default_rng(3)
    for _ in range(150):
        scale = float(rng.choice([0.01, 0.3, 2.0]))
        s, t = (scale * rng.normal(size=2)).tolist()
        if rng.random() < 0.6:
            s = t + 0.05 * scale * float(rng.normal())
        grow = (scale * rng.exponential(size=6) * rng.choice([0.0, 0.1, 1.0], size=6)).tolist()
        a, b = Interval(s - grow[0], s + grow[1]), Interval(t - grow[2], t + grow[3])
        point = Interval(s, s) - Interval(t, t)
        d = Interval(point.lower - grow[4], point.upper + grow[5])
        found = _core.difference_image(first, second, a, b, d)
        assert found.lower <= value(first, s) - value(second, t) <= found.upper
        assert found.width <= (first.image(a) - second.image(b)).width


def test_differences_of_two_activations_are_tight() -> None:
    relu, clip = OTHERS["relu"], Activation("clip", lower=0.0, upper=1.0)
    cases = {
        ((-1.0, 2.0), (-1.0, 2.0), (0.0, 0.0)): (0.0, 1.0),  # s = t = 2
        ((-1.0, 2.0), (-1.0, 2.0), (-0.5, 0.25)): (-0.5, 1.0),  # s = 2, t = 2
        ((0.0, 1.0), (0.0, 1.0), (-0.5, 0.25)): (-0.5, 0.25),
        ((-3.0, -1.0), (2.0, 3.0), (-9.0, 9.0)): (-1.0, -1.0),
    }
    for (a, b, d), expected in cases.items():
        found = _core.difference_image(relu, clip, Interval(*a), Interval(*b), Interval(*d))
        assert (found.lower, found.upper) == pytest.approx(expected, abs=1e-14)
    stairs = Activation("quantize", lower=0.0, upper=8.0, step=1.0)
    equal = stairs.difference_image(Interval(0.0, 8.0), Interval(0.0, 8.0), Interval(0.0, 0.0))
    assert (equal.lower, equal.upper) == (-1.0, 1.0)  # the two evaluations may fall on either side of a tie
    near = _core.difference_image(relu, stairs, Interval(2.0, 3.0), Interval(2.0, 3.0), Interval(-0.125, 0.125))
    assert (near.lower, near.upper) == pytest.approx((-0.625, 0.625), abs=1e-5)


def network(layers: list[tuple[Array, Array]], activation: Activation) -> Network:
    parts: list[Layer] = []
    for k, (weight, bias) in enumerate(layers):
        parts.append(Layer(f"dense {k}", Dense(weight, bias), [len(parts) - 1]))
        if k + 1 < len(layers):
            parts.append(Layer(f"activation {k}", activation, [len(parts) - 1]))
    return Network(layers[0][0].shape[1], parts)


def drawn_twin(f: str, g: str, rng: np.random.Generator, grid: float = 0.0) -> Twin:
    sizes = [int(rng.integers(1, 4)), *rng.integers(2, 6, int(rng.integers(1, 4))).tolist(), 2]
    layers = [(rng.normal(size=(m, n)), 0.5 * rng.normal(size=m)) for n, m in itertools.pairwise(sizes)]
    step = grid or 2.0**-5
    near = [(np.rint(w / step) * step, np.rint(b / step) * step) for w, b in layers]
    return Twin(network(near if grid else layers, OTHERS[f]), network(near, OTHERS[g]))


def beside(net: Network, x: Array, rng: np.random.Generator) -> Array:
    """Outputs (outputs, N) for points (inputs, N) when every staircase reads an argument up to the tolerance away."""
    for stage in net.stages:
        a = stage.weight @ x + stage.bias[:, None]
        a = a + rng.choice([-1.0, 0.0, 1.0], a.shape) * stage.activation.step * 2.0**-21 * (1 - 1e-9)
        x = np.vectorize(stage.activation)(a)
    return x


@pytest.mark.parametrize("method", [_core.interval_bounds, _core.crown_bounds])
@pytest.mark.parametrize(("f", "g"), PAIRS)
def test_pairs_of_activations_are_enclosed(f: str, g: str, method: Any) -> None:
    rng = np.random.default_rng([PAIRS.index((f, g)), 4])
    for trial in range(6):
        twin = drawn_twin(f, g, rng, grid=0.25 if trial % 2 else 0.0)
        assert all(stage.paired for stage in twin.stages)
        center = np.rint(4 * rng.normal(size=twin.input_size)) / 4
        radius = float(rng.choice([0.125, 0.5, 2.0]))
        box = twincert.Box(center - radius, center + radius)
        bounds = method(twin, box)
        lower, upper = bounds.stages[-1].difference
        x = box.sample(200, 5).T
        x[:, ::2] = np.rint(x[:, ::2] * 8) / 8  # many ties where weights and biases are on a grid
        x = np.clip(x, *(side[:, None] for side in box.bounding_box))
        slack = np.asarray(bounds.evaluation_error)[:, None]
        assert slack.max() < 1e-9  # stairs do not carry the error of their argument on
        for error in (twin.error(x.T).T, beside(twin.reference, x, rng) - beside(twin.compressed, x, rng)):
            assert (error <= upper[:, None] + slack).all()
            assert (error >= lower[:, None] - slack).all()
        difference = exact_difference(twin, x[:, 0])
        for e, low, high in zip(difference, lower, upper, strict=True):
            assert Fraction(low) <= e <= Fraction(high)


def exact_difference(twin: Twin, point: Array) -> list[Fraction]:
    results = []
    for net in (twin.reference, twin.compressed):
        values = exact.rational(point.tolist())
        for stage in net.stages:
            values = exact.affine(stage.weight.tolist(), stage.bias.tolist(), values)
            values = [exact.activate(v, reference(stage.activation)) for v in values]
        results.append(values)
    return [a - b for a, b in zip(*results, strict=True)]


def test_rounding_of_activations_costs_half_a_step_each() -> None:
    """Far from all ends, f - g is the sum of the rounding errors: propagation proves their half steps and no more."""
    weight = np.array([[0.5, -2.0, 1.0]])
    first = np.array([[1.0, 0.25], [-0.5, 1.0], [0.75, 0.5]])
    layers = [(first, np.full(3, 8.0)), (weight, np.zeros(1))]
    step = 2.0**-6
    twin = Twin(network(layers, OTHERS["relu"]), network(layers, Activation("quantize", upper=64.0, step=step)))
    cert = twincert.certify(twin, twincert.Box([-1.0, -1.0], [1.0, 1.0]), method="crown")
    half_steps = 0.5 * step * 3.5
    assert half_steps <= cert.upper <= half_steps * (1 + 1e-4)
    # A dead neuron has no error at all, however far below zero it is.
    dead = [(first, np.array([8.0, 8.0, -8.0])), (weight, np.zeros(1))]
    twin = Twin(network(dead, OTHERS["relu"]), network(dead, Activation("quantize", upper=64.0, step=step)))
    cert = twincert.certify(twin, twincert.Box([-1.0, -1.0], [1.0, 1.0]), method="crown")
    assert cert.upper <= 0.5 * step * 2.5 * (1 + 1e-4)


def test_relu_against_clip_is_exact_where_the_clip_does_not_bite() -> None:
    rng = np.random.default_rng(6)
    layers = [(rng.normal(size=(6, 3)), rng.normal(size=6)), (rng.normal(size=(2, 6)), np.zeros(2))]
    twin = Twin(network(layers, OTHERS["relu"]), network(layers, Activation("clip", lower=0.0, upper=100.0)))
    cert = twincert.certify(twin, twincert.Box.around(np.zeros(3), 1.0), method="crown")
    assert cert.upper < 1e-12


@pytest.mark.parametrize(("f", "g"), [("relu", "quantize"), ("quantize", "quantize"), ("clip", "relu")])
def test_semidefinite_bounds_hold_and_check(f: str, g: str) -> None:
    rng = np.random.default_rng(8)
    improved = 0
    for _ in range(6):
        twin = drawn_twin(f, g, rng)
        box = twincert.Box.around(rng.normal(size=twin.input_size), 1.0)
        settings = {"max_iterations": 200, "attack_restarts": 8}
        crown = twincert.certify(twin, box, method="crown", settings=settings)
        cert = twincert.certify(twin, box, method="sdp", settings=settings)
        assert cert.lower <= cert.upper <= crown.upper
        assert cert.check(twin).valid
        error = np.abs(twin.error(box.sample(500, 9)))
        assert (error <= cert.upper).all()
        improved += cert.upper < 0.995 * crown.upper
    assert improved > 0


def test_a_certificate_does_not_depend_on_the_side_of_a_tie() -> None:
    """Another machine's order of summation may round the other way at a tie: the check allows the jump, not more."""
    layers = [(np.array([[1.0]]), np.array([0.0])), (np.array([[1.0]]), np.array([0.0]))]
    stairs = [Activation(kind, upper=8.0, step=2.0) for kind in KINDS]
    twins = [Twin(network(layers, OTHERS["relu"]), network(layers, activation)) for activation in stairs]
    box = twincert.Box([1.0], [1.0])  # away from zero: 2, to even: 0
    away, even = (twincert.certify(twin, box, method="interval") for twin in twins)
    assert away.witness_difference == [-1.0]
    assert even.witness_difference == [1.0]
    other = dataclasses.replace(away, compressed_witness_output=even.compressed_witness_output)
    far = dataclasses.replace(away, compressed_witness_output=np.array([4.0]), lower=3.0)
    assert away.check(twins[0]).valid
    assert even.check(twins[1]).valid
    assert other.check(twins[0]).valid
    assert "witness" in far.check(twins[0]).reason
    # Away from ties nothing jumps.
    box = twincert.Box([1.25], [1.25])
    cert = twincert.certify(twins[0], box, method="interval")
    assert cert.witness_difference == [-0.75]
    wrong = dataclasses.replace(cert, compressed_witness_output=np.array([0.0]), lower=1.25)
    assert "witness" in wrong.check(twins[0]).reason


def test_large_arguments_pay_for_jumps() -> None:
    """Where the argument itself is off by more than the tolerance, the evaluation error counts steps."""
    layers = [(np.array([[1e9, 1e9]]), np.zeros(1)), (np.ones((1, 1)), np.zeros(1))]
    stairs = Activation("quantize", lower=-8.0, upper=8.0, step=2.0**-20)
    twin = Twin(network(layers, stairs), network(layers, stairs))
    bounds = _core.crown_bounds(twin, twincert.Box([-1.0, -1.0], [1.0, 1.0]))
    assert 2.0**-20 <= bounds.evaluation_error[0] < 2.0**-16


BAD = {
    "no step": ({"lower": 0.0, "upper": 1.0}, "step 0.*positive"),
    "negative step": ({"lower": 0.0, "upper": 1.0, "step": -0.5}, "step -0.5.*positive"),
    "NaN step": ({"lower": 0.0, "upper": 1.0, "step": math.nan}, "step nan.*positive"),
    "infinite step": ({"lower": 0.0, "upper": 1.0, "step": math.inf}, "step inf.*positive"),
    "tiny step": ({"lower": 0.0, "upper": 5e-324, "step": 5e-324}, "from 2\\^-400"),
    "limits reversed": ({"lower": 1.0, "upper": 0.0, "step": 0.5}, "lower < upper"),
    "infinite limit": ({"lower": 0.0, "upper": math.inf, "step": 0.5}, "finite lower < upper"),
    "NaN limit": ({"lower": math.nan, "upper": 1.0, "step": 0.5}, "lower < upper"),
    "no multiple": ({"lower": 0.0, "upper": 0.75, "step": 0.5}, "limit 0.75.*multiple of its step 0.5"),
    "many levels": ({"lower": 0.0, "upper": 2.0**25, "step": 1.0}, "at most 2\\^24 steps"),
    "many digits": ({"lower": 0.0, "upper": 0.4, "step": 0.1}, "not doubles exactly"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", BAD)
def test_bad_parameters_are_refused(case: str, kind: str) -> None:
    parameters, message = BAD[case]
    with pytest.raises(SettingsError, match=f"layer 0.*stairs.*{kind}.*{message}"):
        Network(1, [Layer("stairs", Activation(kind, **parameters), [-1])])


def test_networks_with_stairs_print_and_compare() -> None:
    stairs = {name: Network(2, [Layer("q", Activation("quantize", **STAIRS[name]), [-1])]) for name in STAIRS}
    assert "quantize(0.25, 0.0, 3.75)" in stairs["relu-like"].summary()
    assert len({net.digest() for net in stairs.values()}) == len(STAIRS)
    assert stairs["signed"] == Network(2, [Layer("other", Activation("quantize", 7.0, **STAIRS["signed"]), [-1])])
