"""The fixed instances that every stage is timed on, generated from seeds so that runs of different versions compare."""

from itertools import pairwise

import numpy as np

import twincert

# name: (layer widths, bits of the twin, radius of the box)
INSTANCES = {
    "5-15-15-3 8bit": ((5, 15, 15, 3), 8, 0.5),
    "5-15-15-3 4bit": ((5, 15, 15, 3), 4, 0.5),
    "5-10-10-10-3 8bit": ((5, 10, 10, 10, 3), 8, 0.3),
    "64-50-50-10 8bit": ((64, 50, 50, 10), 8, 0.02),
}
# For propagation and branching, the SDP would take long: halved by inputs, split by neurons, large matrix products.
DEEP = {"5-50-50-50-50-5 8bit": ((5, 50, 50, 50, 50, 5), 8, 0.1)}
# One hidden stage behind many inputs: quadratic bounds of pairs without a larger budget.
SHALLOW = {"500-200-6 8bit": ((500, 200, 6), 8, 0.05)}
NEURONS = {"24-20-20-5 6bit": ((24, 20, 20, 5), 6, 0.05)}
WIDE = {"256-200-200-10 8bit": ((256, 200, 200, 10), 8, 0.01)}
# Its SDP has more than 1,000 variables.
JOINT = {"700-300-100-10 4bit": ((700, 300, 100, 10), 4, 0.02)}


def instance(name: str) -> tuple[twincert.Twin, twincert.Box]:
    """Random ReLU network, weights N(0, 1.96 / inputs), its quantised twin, and a box around a random centre."""
    widths, bits, radius = {**INSTANCES, **DEEP, **SHALLOW, **NEURONS, **WIDE, **JOINT}[name]
    random = np.random.default_rng(0)
    weights = [random.standard_normal((m, n)) / np.sqrt(n) * 1.4 for n, m in pairwise(widths)]
    biases = [0.1 * random.standard_normal(m) for m in widths[1:]]
    reference = twincert.Network.from_arrays(list(zip(weights, biases, strict=True)), activation="relu")
    return twincert.quantize(reference, bits=bits), twincert.Box.around(random.uniform(-1, 1, widths[0]), radius)


def neighbours(name: str, count: int, step: float) -> tuple[twincert.Twin, list[twincert.Box]]:
    """The twin and boxes of the instance's size, their centres moved at random by at most ``step`` of the radius."""
    twin, box = instance(name)
    random = np.random.default_rng(1)
    radius = (box.upper - box.lower) / 2
    centres = [(box.lower + box.upper) / 2 + step * radius * random.uniform(-1, 1, radius.size) for _ in range(count)]
    return twin, [twincert.Box.around(centre, radius) for centre in centres]
