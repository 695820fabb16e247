"""Tiny networks whose true maximum is known (mixed-integer program): truth <= sdp <= crown <= interval, and the sdp is
not far off.
"""

from __future__ import annotations

import numpy as np
import pytest

import twincert
from twincert._reference.exact_max import maximum
from twincert._reference.network import random_layers, round_symmetric


@pytest.mark.parametrize("seed", range(16))
def test_truth_lies_below_every_bound(seed: int) -> None:
    rng = np.random.default_rng([31, seed])
    dims = [[2, 4, 1], [2, 4, 3, 2], [3, 5, 2], [1, 3, 3, 1]][seed % 4]
    slope = [0.0, 0.1][seed // 4 % 2]
    reference = random_layers(dims, rng)
    compressed = round_symmetric(reference, bits=int(rng.integers(3, 9)))
    center = rng.uniform(-1, 1, dims[0])
    lower, upper = center - 0.6, center + 0.6
    activation = {"activation": "leaky_relu", "slope": slope} if slope else {"activation": "relu"}
    twin = twincert.Twin(*(twincert.Network.from_arrays(arrays, **activation) for arrays in (reference, compressed)))
    box = twincert.Box(lower, upper)
    truth = [
        [maximum(reference, compressed, lower, upper, sign * direction, slope) for direction in np.eye(dims[-1])]
        for sign in (1.0, -1.0)
    ]
    for side in truth:
        for found in side:  # the program's optimum is attained, so it can be held against bounds without any tolerance
            assert found.value <= found.bound + 1e-6
    sdp, crown, interval = (
        twincert.certify(twin, box, measure="outputs", method=m) for m in ("sdp", "crown", "interval")
    )
    worst = max(found.value for side in truth for found in side)
    assert worst <= sdp.upper <= crown.upper <= interval.upper
    assert sdp.lower <= worst + 1e-6
    for i, (most, least) in enumerate(zip(*truth, strict=True)):
        for cert in (sdp, crown, interval):
            assert most.value <= cert.upper_per_output[i]
            assert -least.value >= cert.lower_per_output[i]


@pytest.mark.parametrize("seed", range(6))
def test_truth_of_a_margin_lies_below_every_bound(seed: int) -> None:
    rng = np.random.default_rng([32, seed])
    dims = [[2, 4, 2], [2, 4, 3, 3], [3, 5, 2]][seed % 3]
    reference = random_layers(dims, rng)
    compressed = round_symmetric(reference, bits=int(rng.integers(3, 9)))
    center = rng.uniform(-1, 1, dims[0])
    lower, upper = center - 0.6, center + 0.6
    twin = twincert.Twin(
        *(twincert.Network.from_arrays(arrays, activation="relu") for arrays in (reference, compressed))
    )
    direction = np.eye(dims[-1])[0] - np.eye(dims[-1])[1]
    truth = max(maximum(reference, compressed, lower, upper, sign * direction, 0.0).value for sign in (1.0, -1.0))
    box = twincert.Box(lower, upper)
    sdp, crown, interval = (
        twincert.certify(twin, box, twincert.Margin(0, 1), method=m) for m in ("sdp", "crown", "interval")
    )
    assert truth <= sdp.upper <= crown.upper <= interval.upper
    assert truth - 1e-3 * abs(truth) <= sdp.lower <= truth + 1e-6


def test_classes_that_tie_and_classes_that_flip() -> None:
    """f says class 0 by 2 - x, g says class 1 from x >= 1/2 on, and both classes alike there and beyond: 3/2 at the
    border, where only >= sees it.
    """
    f = twincert.Network.from_arrays([(np.array([[0.0], [1.0]]), np.array([2.0, 0.0]))])
    hinge = [(np.array([[1.0]]), np.array([-0.5])), (np.array([[0.0], [0.0]]), np.array([1.0, 1.0]))]
    always = twincert.Network.from_arrays(hinge, activation="relu")
    flipping = twincert.Network.from_arrays([(np.array([[0.0], [1.0]]), np.array([0.5, 0.0]))])
    box = twincert.Box([0.0], [1.0])
    for g, truth in ((always, 2.0), (flipping, 1.5)):
        twin = twincert.Twin(f, g)
        for method in ("interval", "crown", "sdp"):
            cert = twincert.certify(twin, box, "top1", method=method, threshold=0.75 * truth)
            assert truth <= cert.upper, method
            assert cert.lower == pytest.approx(truth, rel=1e-6)
            assert cert.lower <= truth
            assert cert.verdict == "violated"
            assert cert.check(twin).valid
    assert cert.upper == pytest.approx(1.5, rel=1e-11)


def test_the_same_classes_are_proven() -> None:
    f = twincert.Network.from_arrays([(np.array([[1.0], [-1.0]]), np.zeros(2))])
    g = twincert.Network.from_arrays([(np.array([[1.25], [-1.0]]), np.zeros(2))])
    for method in ("interval", "crown", "sdp"):
        apart = twincert.certify(twincert.Twin(f, g), twincert.Box([1.0], [2.0]), "top1", method=method, threshold=0.0)
        assert (apart.upper, apart.lower, apart.verdict) == (0.0, 0.0, "holds")
        # Around 0 both classes meet: f's confidence is 2 |x| and g agrees up to rounding.
        meets = twincert.certify(twincert.Twin(f, g), twincert.Box([-1.0], [1.0]), "top1", method=method)
        assert 0.0 <= meets.lower <= meets.upper <= 0.25 + 1e-12
