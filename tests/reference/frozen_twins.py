"""Small twins generated from fixed seeds, and the frozen values (brackets.json) that bound them; made by
make_brackets.py.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twincert._reference.network import Array, random_layers, round_symmetric

BRACKETS = Path(__file__).with_name("brackets.json")
Arrays = list[tuple[Array, Array]]


@dataclass(frozen=True)
class FrozenTwin:
    name: str
    reference: Arrays
    compressed: Arrays
    lower: Array
    upper: Array
    slope: float = 0.0

    @property
    def digest(self) -> str:
        """SHA-256 of every float: tells a changed random stream from a changed bound."""
        state = hashlib.sha256()
        for array in (
            *(a for layers in (self.reference, self.compressed) for pair in layers for a in pair),
            self.lower,
            self.upper,
        ):
            state.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return state.hexdigest()


def _drop_small(layers: Arrays, share: float) -> Arrays:
    result = []
    for weight, bias in layers:
        small = np.abs(weight) < np.quantile(np.abs(weight), share)
        result.append((np.where(small, 0.0, weight), bias.copy()))
    return result


def _drop_neurons(layers: Arrays, count: int) -> Arrays:
    """Remove the ``count`` neurons of smallest outgoing weight from every hidden layer."""
    layers = [(w.copy(), b.copy()) for w, b in layers]
    for k in range(len(layers) - 1):
        keep = np.sort(np.argsort(np.linalg.norm(layers[k + 1][0], axis=0))[count:])
        layers[k] = (layers[k][0][keep], layers[k][1][keep])
        layers[k + 1] = (layers[k + 1][0][:, keep], layers[k + 1][1])
    return layers


def _make(name: str, dims: list[int], radius: float, compress: object, slope: float = 0.0, seed: int = 0) -> FrozenTwin:
    rng = np.random.default_rng(seed)
    weights = random_layers(dims, rng)
    compressed = compress(weights)  # type: ignore[operator]
    centre = rng.uniform(-1, 1, dims[0])
    return FrozenTwin(name, weights, compressed, centre - radius, centre + radius, slope)


def frozen_twins() -> list[FrozenTwin]:
    """All of them; the three 5-input ones are the instances of the prototype."""
    return [
        _make("2-6-6-2, 4 bits", [2, 6, 6, 2], 1.0, lambda w: round_symmetric(w, 4)),
        _make("2-8-8-2, 8 bits", [2, 8, 8, 2], 0.5, lambda w: round_symmetric(w, 8), seed=1),
        _make("5-15-15-3, 8 bits", [5, 15, 15, 3], 0.5, lambda w: round_symmetric(w, 8)),
        _make("5-15-15-3, 4 bits", [5, 15, 15, 3], 0.5, lambda w: round_symmetric(w, 4)),
        _make("5-10-10-10-3, 8 bits", [5, 10, 10, 10, 3], 0.3, lambda w: round_symmetric(w, 8)),
        _make("3-8-8-2, leaky 0.1, 6 bits", [3, 8, 8, 2], 0.5, lambda w: round_symmetric(w, 6), slope=0.1, seed=2),
        _make("3-8-8-2, pruned 30 %", [3, 8, 8, 2], 0.5, lambda w: _drop_small(w, 0.3), seed=3),
        _make("2-8-8-2 against 2-6-6-2", [2, 8, 8, 2], 0.5, lambda w: _drop_neurons(w, 2), seed=4),
        _make("1-10-10-1, 4 bits", [1, 10, 10, 1], 1.0, lambda w: round_symmetric(w, 4), seed=5),
    ]


def load_brackets() -> dict[str, dict[str, object]]:
    """Per twin: digest, truth (upper and lower maxima of every output), and the SDP bracket of output 0."""
    return dict(json.loads(BRACKETS.read_text()))
