"""Small twins that the tests of this folder share."""

from itertools import pairwise
from typing import Any

import numpy as np

import twincert
from twincert._certificate_format import content_digest

QUICK = {"max_iterations": 200, "attack_restarts": 8, "attack_steps": 10}


def network(widths: tuple[int, ...] = (3, 6, 6, 2), seed: int = 0, activation: str = "relu") -> twincert.Network:
    random = np.random.default_rng(seed)
    layers = [
        (random.normal(size=(outputs, inputs)) * np.sqrt(2 / inputs), 0.1 * random.normal(size=outputs))
        for inputs, outputs in pairwise(widths)
    ]
    return twincert.Network.from_arrays(layers, activation=activation)


def twin(widths: tuple[int, ...] = (3, 6, 6, 2), seed: int = 0, bits: int = 5) -> twincert.Twin:
    return twincert.quantize(network(widths, seed), bits=bits)


def box(size: int = 3, radius: float = 0.4) -> twincert.Box:
    return twincert.Box(np.full(size, -radius), np.full(size, radius))


def redigested(content: dict[str, Any]) -> twincert.Certificate:
    """A certificate whose content was changed by hand."""
    return twincert.Certificate.from_dict({**content, "digest": content_digest(content)})
