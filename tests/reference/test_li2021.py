"""The five published rows: squared error at most 1.5 % above the SDP with all same-layer products, and the checker
agrees.
"""

from __future__ import annotations

import numpy as np
import pytest

import twincert
from reference.li2021 import DATA, ROWS, load_pair

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="shared data is absent")


@pytest.mark.parametrize("row", ROWS)
def test_certified_squared_error_is_close_to_the_published_sdp(row: str) -> None:
    sampled, limit = ROWS[row]
    f, g = load_pair(row)
    twin = twincert.Twin(twincert.Network.from_arrays(f), twincert.Network.from_arrays(g))
    x = np.linspace(-1.0, 1.0, 20001)[:, None]
    attained = float((twin.error(x) ** 2).max())
    assert attained == pytest.approx(sampled, rel=1e-3), "the files or their reading changed"
    cert = twincert.certify(twin, twincert.Box([-1.0], [1.0]), measure="two", method="sdp")
    assert attained <= cert.upper**2 * (1 + 1e-15)  # squaring rounds
    assert np.sqrt(attained) <= cert.upper
    assert cert.upper**2 <= 1.015 * limit
    assert cert.check(twin).valid
