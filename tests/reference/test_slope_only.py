"""The slope-only SDP gives the values of the relaxation note's table; certificates reach the prototype's bounds."""

from __future__ import annotations

import numpy as np
import pytest

import twincert
from reference.slope_only import INSTANCES, section_seven, slope_only_sdp

VALUES = (0.02927, 0.4487, 0.0447, 0.00295)
VALID_BOUNDS = (0.02240, 0.3539, 0.0432, 0.00295)  # the prototype's after 1500 iterations


@pytest.mark.parametrize("index", range(len(INSTANCES)))
def test_scs_gives_the_table(index: int) -> None:
    f, g, lower, upper = section_seven(index)
    result = slope_only_sdp(f, g, lower, upper, np.eye(3)[0], "SCS")
    assert result.value == pytest.approx(VALUES[index], rel=2e-3)


def test_clarabel_gives_the_table() -> None:
    f, g, lower, upper = section_seven(3)
    assert slope_only_sdp(f, g, lower, upper, np.eye(3)[0], "CLARABEL").value == pytest.approx(VALUES[3], rel=2e-3)


@pytest.mark.parametrize("index", range(len(INSTANCES)))
def test_the_certificate_is_at_most_two_percent_above_the_prototype(index: int) -> None:
    f, g, lower, upper = section_seven(index)
    twin = twincert.Twin(twincert.Network.from_arrays(f), twincert.Network.from_arrays(g))
    cert = twincert.certify(twin, twincert.Box(lower, upper), measure=twincert.Output(0), method="sdp")
    assert cert.upper_per_output[0] <= 1.02 * VALID_BOUNDS[index]
