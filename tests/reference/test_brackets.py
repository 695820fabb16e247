"""Certificates of the frozen twins lie between the truth and the value that two other SDP solvers found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import twincert
from reference.frozen_twins import FrozenTwin, frozen_twins, load_brackets

BRACKETS = load_brackets()
# The bracket is the limit of the relaxation with interval bounds of the differences; the splitting stops a little above
# its own limit.
MARGIN = 0.05
LONG = {"max_iterations": 20000, "tolerance": 0.0005}


def twin_of(frozen: FrozenTwin, outputs: int) -> tuple[Any, Any]:
    """The twin with its first outputs only."""
    options = {"activation": "leaky_relu", "slope": frozen.slope} if frozen.slope else {"activation": "relu"}
    cut = [
        [*arrays[:-1], (arrays[-1][0][:outputs], arrays[-1][1][:outputs])]
        for arrays in (frozen.reference, frozen.compressed)
    ]
    networks = (twincert.Network.from_arrays(arrays, **options) for arrays in cut)
    return twincert.Twin(*networks), twincert.Box(frozen.lower, frozen.upper)


@pytest.mark.parametrize("frozen", frozen_twins(), ids=lambda frozen: frozen.name)
def test_bound_of_an_output_lies_in_its_bracket(frozen: FrozenTwin) -> None:
    twin, box = twin_of(frozen, 1)
    known = BRACKETS[frozen.name]
    assert known["digest"] == frozen.digest
    cert = twincert.certify(twin, box, measure="outputs", method="sdp", settings=LONG)
    least, most = known["truth"][0]
    limit = known["sdp"]["output 0"]["bracket"][1]
    assert most <= cert.upper_per_output[0] <= limit + MARGIN * max(abs(least or 0.0), abs(most))
    assert least is None or cert.lower_per_output[0] <= least
    assert cert.check(twin).valid


@pytest.mark.parametrize(
    "frozen", [f for f in frozen_twins() if "two squared" in BRACKETS[f.name]["sdp"]], ids=lambda frozen: frozen.name
)
def test_bound_of_the_norm_lies_in_its_bracket(frozen: FrozenTwin) -> None:
    twin, box = twin_of(frozen, len(frozen.reference[-1][1]))
    cert = twincert.certify(twin, box, measure="two", method="sdp", settings=LONG)
    rng = np.random.default_rng(5)
    sampled = np.linalg.norm(
        twin.error(rng.uniform(frozen.lower, frozen.upper, (5000, len(frozen.lower)))), axis=1
    ).max()
    limit = BRACKETS[frozen.name]["sdp"]["two squared"]["bracket"][1]
    assert sampled <= cert.upper
    assert cert.upper**2 <= limit * (1 + MARGIN)


@pytest.mark.parametrize("frozen", frozen_twins(), ids=lambda frozen: frozen.name)
def test_every_iteration_limit_bounds_the_truth(frozen: FrozenTwin) -> None:
    twin, box = twin_of(frozen, 1)
    least, most = BRACKETS[frozen.name]["truth"][0]
    for iterations in (0, 1, 13, 60):
        cert = twincert.certify(
            twin, box, measure=twincert.Output(0), method="sdp", settings={"max_iterations": iterations}
        )
        assert most <= cert.upper_per_output[0]
        assert least is None or cert.lower_per_output[0] <= least
