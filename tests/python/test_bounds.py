"""Bound propagation: soundness without tolerance on random twins, tightness where it is known, extreme numbers."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from twincert import _core

Array = NDArray[np.float64]
Layers = list[tuple[Array, Array]]
METHODS = [_core.interval_bounds, _core.crown_bounds]
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ACTIVATIONS = {
    "relu": _core.Activation("relu"),
    "leaky_relu": _core.Activation("leaky_relu", slope=0.1),
    "clip": _core.Activation("clip", lower=-0.5, upper=0.7),
    "clip_above": _core.Activation("clip", lower=0.0, upper=np.inf),
    "tanh": _core.Activation("tanh"),
    "sigmoid": _core.Activation("sigmoid"),
    "identity": _core.Activation("identity"),
}


def network(layers: Layers, activation: str = "relu") -> Any:
    return _core.Network.from_arrays([_core.Dense(w, b) for w, b in layers], ACTIVATIONS[activation])


def random_layers(rng: np.random.Generator, sizes: list[int], scale: float = 1.0) -> Layers:
    return [(scale * rng.normal(size=(m, n)), 0.5 * scale * rng.normal(size=m)) for n, m in itertools.pairwise(sizes)]


def rounded(layers: Layers, bits: int) -> Layers:
    def quantise(x: Array) -> Array:
        step = np.abs(x).max() / 2 ** (bits - 1)
        return np.round(x / step) * step

    return [(quantise(w), quantise(b)) for w, b in layers]


def float16(layers: Layers) -> Layers:
    return [(w.astype(np.float16).astype(float), b.astype(np.float16).astype(float)) for w, b in layers]


def box(lower: Array, upper: Array, difference: Array | float = 0.0) -> Any:
    return _core.InputSet(lower, upper, np.broadcast_to(difference, np.shape(lower)).astype(float))


def pairs(rng: np.random.Generator, input_set: Any, count: int) -> tuple[Array, Array]:
    """Points x of the set and partners y with |x - y| <= difference, many of them extreme."""
    x = input_set.sample(count, int(rng.integers(1 << 30)))
    if input_set.shared_input:
        return x, x
    step = rng.uniform(-1.0, 1.0, size=x.shape)
    step = np.where(rng.random(x.shape) < 0.5, np.sign(step), step)
    radius = input_set.difference[:, None]
    # The partner is rounded towards x, so that the true difference stays inside.
    y = np.nextafter(x - step * radius * (1 - 1e-15), x)
    return x, np.where(radius > 0.0, y, x)


def stage_values(net: Any, x: Array) -> list[Array]:
    values = []
    for stage in net:
        a = stage.weight @ x + stage.bias[:, None]
        values.append(a)
        x = np.vectorize(stage.activation)(a) if a.size else a
    return values


def assert_sound(twin: Any, bounds: Any, x: Array, y: Array) -> None:
    error = twin.error(x, y)
    lower, upper = bounds.stages[-1].difference
    slack = bounds.evaluation_error[:, None]
    assert (slack >= 0.0).all()
    assert (error <= upper[:, None] + slack).all()
    assert (error >= lower[:, None] - slack).all()
    # The values in between are evaluated here without an error analysis: a loose tolerance finds gross mistakes.
    f_values = stage_values([pair.reference for pair in twin.stages], x)
    g_values = stage_values([pair.compressed for pair in twin.stages], y)
    for stage, f, g in zip(bounds.stages, f_values, g_values, strict=True):
        checks = [(stage.reference, f), (stage.compressed, g)]
        if stage.difference is not None:
            checks.append((stage.difference, f - g))
        for (low, high), value in checks:
            assert not np.isnan([low, high]).any()
            tolerance = 1e-11 * (1.0 + np.abs(f).max() + np.abs(g).max())
            assert (value <= high[:, None] + tolerance).all()
            assert (value >= low[:, None] - tolerance).all()


def assert_inside(inner: Any, outer: Any) -> None:
    for a, b in zip(inner.stages, outer.stages, strict=True):
        for name in ("reference", "compressed", "difference"):
            if getattr(a, name) is not None:
                assert (getattr(a, name)[0] >= getattr(b, name)[0]).all()
                assert (getattr(a, name)[1] <= getattr(b, name)[1]).all()
    assert (inner.evaluation_error <= outer.evaluation_error).all()


def largest(bounds: Any) -> float:
    return float(np.abs(bounds.stages[-1].difference).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("seed", range(40))
def test_random_twins_are_enclosed(activation: str, seed: int) -> None:
    rng = np.random.default_rng([seed, len(activation)])
    for _ in range(6):
        depth = int(rng.integers(1, 5))
        sizes = [int(n) for n in rng.integers(1, 7, size=depth + 1)]
        layers = random_layers(rng, sizes, scale=float(rng.choice([0.3, 1.0, 3.0])))
        twin = _core.Twin(network(layers, activation), network(rounded(layers, int(rng.integers(2, 17))), activation))
        center = rng.normal(size=sizes[0])
        radius = rng.choice([0.01, 0.3, 2.0]) * rng.random(sizes[0])
        difference = rng.choice([0.0, 0.0, 0.05]) * rng.random(sizes[0])
        region = rng.integers(3)
        if region == 0:
            input_set = box(center - radius, center + radius, difference)
        elif region == 1:
            input_set = _core.InputSet(center=center, radius=float(radius[0]), difference=difference)
        else:
            a = rng.normal(size=(2, sizes[0]))
            input_set = _core.InputSet(
                A=a, b=a @ center + 0.2, lower=center - radius, upper=center + radius, difference=difference
            )
        x, y = pairs(rng, input_set, 120)
        interval, crown = (method(twin, input_set) for method in METHODS)
        assert_sound(twin, interval, x, y)
        assert_sound(twin, crown, x, y)
        assert_inside(crown, interval)
        rows = rng.normal(size=(4, sizes[-1]))
        maxima = _core.difference_maximum(twin, input_set, crown, rows)
        slack = np.abs(rows) @ crown.evaluation_error + 1e-12 * (np.abs(rows) @ np.abs(twin.error(x, y)).max(axis=1))
        assert (rows @ twin.error(x, y) <= (maxima + slack)[:, None]).all()


@pytest.mark.parametrize("seed", range(40))
def test_other_widths_and_depths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    activation = str(rng.choice(list(ACTIVATIONS)))
    f = network(random_layers(rng, [3, int(rng.integers(1, 9)), 5, 2]), activation)
    g = network(
        random_layers(rng, [3, *[int(n) for n in rng.integers(1, 9, size=int(rng.integers(0, 4)))], 2]), activation
    )
    twin = _core.Twin(f, g)
    center = rng.normal(size=3)
    input_set = box(center - 0.2, center + 0.2, 0.01 * rng.random(3))
    x, y = pairs(rng, input_set, 400)
    interval, crown = (method(twin, input_set) for method in METHODS)
    assert_sound(twin, interval, x, y)
    assert_sound(twin, crown, x, y)
    assert_inside(crown, interval)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_single_point(activation: str) -> None:
    rng = np.random.default_rng(3)
    layers = random_layers(rng, [4, 8, 8, 3])
    twin = _core.Twin(network(layers, activation), network(rounded(layers, 6), activation))
    point = rng.normal(size=4)
    bounds = _core.crown_bounds(twin, box(point, point))
    lower, upper = bounds.stages[-1].difference
    error = twin.error(point[:, None], point[:, None])[:, 0]
    assert (lower - bounds.evaluation_error <= error).all()
    assert (error <= upper + bounds.evaluation_error).all()
    assert (upper - lower <= 1e-11).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_stable_network_is_nearly_exact(sign: float) -> None:
    rng = np.random.default_rng(5)
    layers = random_layers(rng, [5, 10, 10, 4], scale=0.1)
    layers = [(w, b + (sign * 20.0 if k < 2 else 0.0)) for k, (w, b) in enumerate(layers)]
    other = rounded(layers, 8)
    lower, upper = -np.ones(5), np.ones(5)
    bounds = _core.crown_bounds(_core.Twin(network(layers), network(other)), box(lower, upper))

    def collapsed(chain: Layers) -> tuple[Array, Array]:
        weight, bias = np.eye(5), np.zeros(5)
        for k, (w, b) in enumerate(chain):
            weight, bias = w @ weight, w @ bias + b
            if k < 2 and sign < 0.0:
                weight, bias = 0.0 * weight, 0.0 * bias
        return weight, bias

    (w, b), (v, c) = collapsed(layers), collapsed(other)
    exact = (w - v) @ np.zeros(5) + np.abs(w - v) @ np.ones(5) + (b - c)
    np.testing.assert_allclose(bounds.stages[-1].difference[1], exact, rtol=1e-10, atol=1e-10)


def test_one_pair_of_every_sign_is_enclosed() -> None:
    """A single pair p relu(a_f) + q relu(a_g) on a dense grid: every shape of the envelope's polygon."""
    rng = np.random.default_rng(8)
    for _ in range(300):
        p, q = rng.normal(size=2)
        w, v = rng.normal(size=(2, 1, 2))
        b, c = 0.5 * rng.normal(size=(2, 1))
        zero = np.zeros(1)
        twin = _core.Twin(network([(w, b), (np.array([[p]]), zero)]), network([(v, c), (np.array([[-q]]), zero)]))
        bounds = _core.crown_bounds(twin, box(-np.ones(2), np.ones(2)))
        grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 41)] * 2)).reshape(2, -1)
        error = twin.error(grid, grid)[0]
        low, high = bounds.stages[-1].difference
        assert high[0] + bounds.evaluation_error[0] >= error.max()
        assert low[0] - bounds.evaluation_error[0] <= error.min()


def test_equal_networks_differ_by_rounding_only() -> None:
    rng = np.random.default_rng(9)
    layers = random_layers(rng, [4, 20, 20, 3])
    twin = _core.Twin(network(layers), network(layers))
    assert largest(_core.crown_bounds(twin, box(-np.ones(4), np.ones(4)))) <= 1e-10


@pytest.mark.parametrize("activation", ["relu", "tanh", "clip"])
def test_near_twins_keep_their_scale(activation: str) -> None:
    """Differences of 1e-5 are bounded at their own scale, far below the width of the outputs."""
    rng = np.random.default_rng(11)
    layers = [(w / np.sqrt(w.shape[1]), 0.1 * b) for w, b in random_layers(rng, [6, 20, 20, 3])]
    small = [(w * 2.0**-6, b * 2.0**-6) if k == 0 else (w, b) for k, (w, b) in enumerate(layers)]
    twin = _core.Twin(network(small, activation), network(float16(small), activation))
    input_set = box(-0.1 * np.ones(6), 0.1 * np.ones(6))
    x, y = pairs(rng, input_set, 2000)
    bounds = _core.crown_bounds(twin, input_set)
    assert_sound(twin, bounds, x, y)
    assert largest(bounds) < 20 * np.abs(twin.error(x, y)).max()


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-20, 1e20, 1e150, 1e300])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("method", METHODS)
def test_extreme_weights_never_give_nan(method: Any, activation: str, scale: float) -> None:
    rng = np.random.default_rng(13)
    layers = random_layers(rng, [3, 5, 5, 2], scale=scale)
    other = [(w * (1 + 1e-3 * rng.normal(size=w.shape)), b) for w, b in layers]
    twin = _core.Twin(network(layers, activation), network(other, activation))
    input_set = box(-np.ones(3), np.ones(3))
    bounds = method(twin, input_set)
    for stage in bounds.stages:
        for low, high in (stage.reference, stage.compressed, stage.difference):
            assert not np.isnan([low, high]).any()
            assert (low <= high).all()
    assert not np.isnan(bounds.evaluation_error).any()
    assert (bounds.evaluation_error >= 0.0).all()
    x, _ = pairs(rng, input_set, 200)
    with np.errstate(all="ignore"):
        error = twin.error(x, x)
    lower, upper = bounds.stages[-1].difference
    # An evaluation that overflows gives inf or NaN; then nothing may be claimed.
    finite = np.isfinite(error)
    assert (np.isinf(bounds.evaluation_error) | np.isinf(upper) | finite.all(axis=1)).all()
    assert ((error <= (upper + bounds.evaluation_error)[:, None]) | ~finite).all()
    assert ((error >= (lower - bounds.evaluation_error)[:, None]) | ~finite).all()


def exact_values(layers: Layers, activation: str, x: Array) -> list[Fraction]:
    values = [Fraction(float(t)) for t in x]
    for k, (w, b) in enumerate(layers):
        rows = [[Fraction(float(t)) for t in row] for row in w]
        start = [Fraction(float(t)) for t in b]
        values = [sum((s * v for s, v in zip(r, values, strict=True)), t) for r, t in zip(rows, start, strict=True)]
        if k + 1 < len(layers):
            slope = {"relu": Fraction(0), "leaky_relu": Fraction(0.1)}.get(activation)
            if slope is None:
                values = [min(max(v, Fraction(-0.5)), Fraction(0.7)) for v in values]
            else:
                values = [v if v >= 0 else slope * v for v in values]
    return values


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "clip"])
@pytest.mark.parametrize("method", METHODS)
def test_exact_arithmetic(method: Any, activation: str) -> None:
    """Bounds enclose the exact difference; evaluation_error bounds what float64 evaluation adds to it."""
    rng = np.random.default_rng(17)
    for _ in range(30):
        layers = random_layers(rng, [3, 6, 6, 2])
        other = rounded(layers, 10)
        f, g = network(layers, activation), network(other, activation)
        twin = _core.Twin(f, g)
        center = rng.normal(size=3)
        radius = float(rng.choice([0.0, 1e-16, 1e-8, 0.5]))
        input_set = box(center - radius, center + radius)
        bounds = method(twin, input_set)
        lower, upper = bounds.stages[-1].difference
        for x in input_set.sample(6, int(rng.integers(1 << 30))).T:
            exact_f, exact_g = exact_values(layers, activation, x), exact_values(other, activation, x)
            computed_f, computed_g = f.evaluate(x[:, None])[:, 0], g.evaluate(x[:, None])[:, 0]
            for i in range(2):
                difference = exact_f[i] - exact_g[i]
                assert Fraction(lower[i]) <= difference <= Fraction(upper[i])
                error = abs(Fraction(computed_f[i]) - exact_f[i]) + abs(Fraction(computed_g[i]) - exact_g[i])
                assert error <= Fraction(bounds.evaluation_error[i])


def test_intersection_takes_the_tighter_side() -> None:
    rng = np.random.default_rng(19)
    layers = random_layers(rng, [3, 6, 2])
    twin = _core.Twin(network(layers), network(rounded(layers, 4)))
    input_set = box(-np.ones(3), np.ones(3))
    interval, crown = (method(twin, input_set) for method in METHODS)
    both = interval.intersect(crown)
    assert_inside(both, interval)
    assert_inside(both, crown)


def test_difference_maximum_agrees_with_crown() -> None:
    rng = np.random.default_rng(23)
    layers = random_layers(rng, [4, 10, 10, 3])
    twin = _core.Twin(network(layers), network(rounded(layers, 6)))
    input_set = box(-0.3 * np.ones(4), 0.3 * np.ones(4))
    crown = _core.crown_bounds(twin, input_set)
    upper = _core.difference_maximum(twin, input_set, crown, np.eye(3))
    lower = -_core.difference_maximum(twin, input_set, crown, -np.eye(3))
    assert (crown.stages[-1].difference[1] <= upper + 1e-12).all()
    np.testing.assert_allclose(np.minimum(upper, crown.stages[-1].difference[1]), crown.stages[-1].difference[1])
    assert (lower <= upper).all()


def test_sizes_that_do_not_fit_are_refused() -> None:
    rng = np.random.default_rng(29)
    twin = _core.Twin(network(random_layers(rng, [3, 4, 2])), network(random_layers(rng, [3, 4, 2])))
    other = _core.Twin(network(random_layers(rng, [3, 5, 2])), network(random_layers(rng, [3, 5, 2])))
    wrong = box(np.zeros(2), np.ones(2))
    good = box(np.zeros(3), np.ones(3))
    for method in METHODS:
        with pytest.raises(Exception, match=r"expected 3 coordinates.*found 2"):
            method(twin, wrong)
    bounds = _core.crown_bounds(twin, good)
    with pytest.raises(Exception, match="another twin"):
        _core.difference_maximum(other, good, bounds, np.eye(2))
    with pytest.raises(Exception, match=r"3 columns.*2 outputs"):
        _core.difference_maximum(twin, good, bounds, np.eye(3))
    with pytest.raises(Exception, match="do not belong to one twin"):
        bounds.intersect(_core.crown_bounds(other, good))


def nnet(path: Path) -> Layers:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("/")]
    sizes = [int(t) for t in lines[1].strip(", ").split(",")]
    rows = [[float(t) for t in line.strip(", ").split(",")] for line in lines[7:]]
    layers, at = [], 0
    for m in sizes[1:]:
        layers.append((np.array(rows[at : at + m]), np.array(rows[at + m : at + 2 * m])[:, 0]))
        at += 2 * m
    return layers


@pytest.mark.skipif(not DATA.is_dir(), reason="measured networks are not part of the repository")
@pytest.mark.parametrize(("name", "published"), [("1", 60.0), ("3", 0.16), ("4", 0.041), ("5", 5.4)])
def test_acas_float16_reaches_the_design(name: str, published: float) -> None:
    twin = _core.Twin(network(nnet(DATA / "acasxu" / "1_1.nnet")), network(nnet(DATA / "acasxu" / "1_1_float16.nnet")))
    region = json.loads((DATA / "acasxu" / "boxes_normalised.json").read_text())[f"prop_{name}"]
    input_set = box(np.array(region["lower"]), np.array(region["upper"]))
    bounds = _core.crown_bounds(twin, input_set)
    assert_sound(twin, bounds, *pairs(np.random.default_rng(0), input_set, 500))
    assert largest(bounds) <= published
