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
