"""The pairs of Li, Drummond, Duncan (arXiv 2012.00138) from the authors' weight files, which are not part of the
repository.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from twincert._reference.network import Array

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "li2021"
Arrays = list[tuple[Array, Array]]

# name: sampled maximum of |f - g|^2, value of the SDP with same-layer products and intervals (the relaxation note,
# section 7)
ROWS = {
    "pruned": (4.8167, 4.8198),
    "comparison": (111.285, 112.28),
    "Q2D, q = 2": (14.9089, 14.909),
    "Q2D, q = 6": (0.142658, 0.1428),
    "Q3D, q = 2": (14.9397, 14.940),
}


def _arrays(name: str, suffix: str) -> tuple[list[Array], list[Array]]:
    content = loadmat(str(DATA / f"W_save_{name}.mat"))
    weights = [np.array(w, dtype=float) for w in content[f"W_{suffix}"].ravel()]
    biases = (
        [np.array(b, dtype=float).ravel() for b in content[f"b_{suffix}"].ravel()] if f"b_{suffix}" in content else []
    )
    return weights, biases


def truncate(values: Array, bits: int) -> Array:
    """Fixed point with ``bits`` fractional bits, towards zero."""
    return np.asarray(np.trunc(values * 2.0**bits) / 2.0**bits)


def load_pair(row: str) -> tuple[Arrays, Arrays]:
    """The two networks 1-10-10-1 of a row."""
    if row == "pruned":
        weights, biases = _arrays("NN1_Original", "1")
        return list(zip(weights, biases, strict=True)), list(zip(_arrays("NN1_pruned", "2")[0], biases, strict=True))
    if row == "comparison":
        return tuple(
            list(zip(*_arrays(n, s), strict=True)) for n, s in (("NN1_Comparison", "1"), ("NN2_Comparison", "2"))
        )  # type: ignore[return-value]
    name, bits = row.split(", q = ")
    f = list(zip(*_arrays(f"NN1_{name}", "1"), strict=True))
    return f, [(truncate(w, int(bits)), truncate(b, int(bits))) for w, b in f]
