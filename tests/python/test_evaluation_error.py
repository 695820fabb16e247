"""The rounding errors of a float64 evaluation: never underestimated, and no explosion in deep networks."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

import twincert
from twincert import _core


def deep(depth: int, activation: str, seed: int = 0) -> twincert.Network:
    """A network whose layers stretch in some directions but forget their inputs over several of them."""
    random = np.random.default_rng(seed)
    sizes = [2] + [12] * depth + [2]
    layers = [
        (random.normal(size=(m, n)) * np.sqrt(1.6 / n), 0.3 * random.normal(size=m))
        for n, m in itertools.pairwise(sizes)
    ]
    return twincert.Network.from_arrays(layers, activation=activation)


def exact(network: twincert.Network, x: np.ndarray) -> list[Fraction]:
    """Of a network of ReLUs, in rational arithmetic."""
    values = [Fraction(v) for v in x]
    layers = network.to_arrays()
    for k, (weight, bias) in enumerate(layers):
        rows = zip(weight, bias, strict=True)
        values = [sum((Fraction(w) * v for w, v in zip(row, values, strict=True)), Fraction(b)) for row, b in rows]
        if k + 1 < len(layers):
            values = [max(v, Fraction(0)) for v in values]
    return values


def test_errors_do_not_explode_with_depth() -> None:
    network = deep(60, "relu")
    box = twincert.Box.around(np.ones(2), 0.01)
    bounds = _core.crown_bounds(twincert.Twin(network, network), box)
    assert (bounds.evaluation_error < 1e-10).all()


@pytest.mark.parametrize("depth", [1, 3, 20])
def test_the_evaluated_error_stays_below_the_bound(depth: int) -> None:
    network = deep(depth, "relu", seed=depth)
    box = twincert.Box.around(np.ones(2), 0.05)
    error = _core.crown_bounds(twincert.Twin(network, network), box).evaluation_error / 2  # of two evaluations
    for x in box.sample(5):
        actual = [abs(float(Fraction(float(v)) - e)) for v, e in zip(network(x), exact(network, x), strict=True)]
        assert (np.array(actual) <= error).all()


@pytest.mark.parametrize(("x", "fewest"), [(1.3, 22), (-1.3, 27)], ids=["unscaled", "scaled"])
def test_every_operation_adds_its_rounding(x: float, fewest: int) -> None:
    """One neuron a layer: eight products with a bias, and below zero seven with a slope, whose errors add up."""
    weights = [1.1, 0.9, 1.3, 0.8, 1.2, 0.7, 1.4, 0.9]
    layers = [(np.array([[w]]), np.zeros(1)) for w in weights]
    network = twincert.Network.from_arrays(layers, activation="leaky_relu", slope=0.3)
    box = twincert.Box(np.array([min(x, x / 2)]), np.array([max(x, x / 2)]))
    error = _core.crown_bounds(twincert.Twin(network, network), box).evaluation_error[0] / 2
    unit = abs(float(network(np.array([x]))[0])) * 2.0**-53
    assert fewest * unit <= error <= 2 * fewest * unit
