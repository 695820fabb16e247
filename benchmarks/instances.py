"""The fixed instances that every stage is timed on, generated from seeds so that runs of different versions compare."""

import numpy as np
import twincert

# name: (layer widths, bits of the twin, radius of the box around 0)
INSTANCES = {
    "5-15-15-3, 8 bit": ((5, 15, 15, 3), 8, 0.5),
    "5-15-15-3, 4 bit": ((5, 15, 15, 3), 4, 0.5),
    "5-10-10-10-3, 8 bit": ((5, 10, 10, 10, 3), 8, 0.3),
}


def network(widths: tuple[int, ...], seed: int = 1) -> twincert.Network:
    """A random ReLU network: weights N(0, 1.96 / fan-in), biases N(0, 0.01)."""
    random = np.random.default_rng(seed)
    layers = [
        (random.normal(size=(outputs, inputs)) * np.sqrt(1.96 / inputs), 0.1 * random.normal(size=outputs))
        for inputs, outputs in zip(widths, widths[1:], strict=False)
    ]
    return twincert.Network.from_arrays(layers, activation="relu")


def instance(name: str) -> tuple[twincert.Twin, twincert.Box]:
    """Twin and box of a named instance;"""
    widths, bits, radius = INSTANCES[name]
    reference = network(widths)
    twin = twincert.Twin(reference, twincert.quantize(reference, bits=bits))
    centre = np.zeros(widths[0])
    return twin, twincert.Box(centre - radius, centre + radius)
