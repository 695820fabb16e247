"""Networks as lists of ``(W, b)`` arrays, evaluated in float64."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Layers = Sequence[tuple[Array, Array]]


@dataclass(frozen=True)
class Activation:
    """Piecewise linear: ``identity``, ``relu``, ``leaky_relu`` (0 < slope < 1), ``clip`` to [lower, upper], or a
    staircase: ``quantize`` to multiples of ``step`` (ties away from zero; ``quantize_even``: to even), then clip.
    """

    kind: str = "relu"
    slope: float = 0.0
    lower: float = 0.0
    upper: float = 0.0
    step: float = 0.0

    def __call__(self, a: Array) -> Array:
        """Apply elementwise in float64."""
        if self.kind == "identity":
            return a
        if self.kind == "relu":
            return np.maximum(a, 0.0)
        if self.kind == "leaky_relu":
            return np.maximum(a, self.slope * a)
        if self.kind == "clip":
            return np.clip(a, self.lower, self.upper)
        if self.kind == "quantize":
            return np.clip(np.copysign(np.floor(np.abs(a) / self.step + 0.5), a) * self.step, self.lower, self.upper)
        if self.kind == "quantize_even":
            return np.clip(np.rint(a / self.step) * self.step, self.lower, self.upper)
        raise ValueError(f"expected a piecewise-linear activation, found {self.kind!r}")


RELU = Activation()


def evaluate(layers: Layers, points: Array, activation: Activation = RELU) -> Array:
    """Outputs, shape (N, outputs), of the network at points of shape (N, inputs)."""
    values = points
    for k, (weight, bias) in enumerate(layers):
        values = values @ weight.T + bias
        if k < len(layers) - 1:
            values = activation(values)
    return values


def round_symmetric(layers: Layers, bits: int) -> list[tuple[Array, Array]]:
    """Round each weight matrix to the symmetric grid of ``2^(bits-1) - 1`` steps a side, as the prototype does; biases
    stay.
    """
    levels = 2 ** (bits - 1) - 1
    rounded = []
    for weight, bias in layers:
        top = float(np.abs(weight).max())
        rounded.append((np.round(weight / top * levels) / levels * top, bias.copy()))
    return rounded


def random_layers(dims: Sequence[int], rng: np.random.Generator) -> list[tuple[Array, Array]]:
    """Gaussian weights of variance 1.96 / fan-in and biases of standard deviation 0.1, drawn weights first (prototype's
    order).
    """
    weights = [rng.standard_normal((m, n)) / np.sqrt(n) * 1.4 for n, m in itertools.pairwise(dims)]
    return [(w, 0.1 * rng.standard_normal(len(w))) for w in weights]
