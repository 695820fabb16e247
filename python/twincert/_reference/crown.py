"""Backward linear bounds (CROWN, Zhang et al., arXiv 1811.00866) for (leaky) ReLU, without outward rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twincert._reference.network import RELU, Activation, Array, Layers


@dataclass(frozen=True)
class TwinIntervals:
    """Per stage (lower, upper) of a_f, a_g and a_f - a_g; ``difference[k]`` is None where the widths differ."""

    lower: Array
    upper: Array
    input_difference: Array
    reference: list[tuple[Array, Array]]
    compressed: list[tuple[Array, Array]]
    difference: list[tuple[Array, Array] | None]


def image(weight: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """The range of W x over a box, coordinate by coordinate."""
    positive, negative = np.maximum(weight, 0), np.minimum(weight, 0)
    return positive @ lower + negative @ upper, positive @ upper + negative @ lower


def interval_bounds(
    layers: Layers, lower: Array, upper: Array, activation: Activation = RELU
) -> list[tuple[Array, Array]]:
    """Forward intervals of the values before each activation."""
    result = []
    for weight, bias in layers:
        low, high = image(weight, lower, upper)
        result.append((low + bias, high + bias))
        lower, upper = activation(low + bias), activation(high + bias)
    return result


def backward_bounds(layers: Layers, lower: Array, upper: Array, slope: float = 0.0) -> list[tuple[Array, Array]]:
    """Backward bounds of every stage; ``slope`` is that of the negative side (0 for ReLU)."""
    before: list[tuple[Array, Array]] = []

    def upper_bound(k: int, rows: Array, constant: Array) -> Array:
        coefficients, constant = rows @ layers[k][0], constant + rows @ layers[k][1]
        for j in range(k - 1, -1, -1):
            low, high = before[j]
            unstable = (low < 0) & (high > 0)
            chord = np.where(
                unstable, (high - slope * low) / np.where(unstable, high - low, 1.0), np.where(low >= 0, 1.0, slope)
            )
            offset = np.where(unstable, (chord - 1.0) * -high, 0.0)
            chosen = np.where(unstable, np.where(high > -low, 1.0, slope), chord)
            positive, negative = np.maximum(coefficients, 0), np.minimum(coefficients, 0)
            coefficients = positive * chord + negative * chosen
            constant = constant + positive @ offset + coefficients @ layers[j][1]
            coefficients = coefficients @ layers[j][0]
        return np.asarray(constant + image(coefficients, lower, upper)[1])

    for k, (weight, _) in enumerate(layers):
        unit, zero = np.eye(len(weight)), np.zeros(len(weight))
        before.append((-upper_bound(k, -unit, zero), upper_bound(k, unit, zero)))
    return before


def twin_intervals(
    reference: Layers,
    compressed: Layers,
    lower: Array,
    upper: Array,
    slope: float = 0.0,
    input_difference: Array | None = None,
) -> TwinIntervals:
    """CROWN intersected with intervals for f and g, and differential intervals for a_f - a_g (as in
    ``intervals.forward``).
    """
    activation = Activation("leaky_relu", slope) if slope else RELU
    gap = np.zeros_like(lower) if input_difference is None else input_difference
    sides = []
    for layers, low, high in ((reference, lower, upper), (compressed, lower - gap, upper + gap)):
        both = zip(
            backward_bounds(layers, low, high, slope), interval_bounds(layers, low, high, activation), strict=True
        )
        sides.append([(np.maximum(p[0], q[0]), np.minimum(p[1], q[1])) for p, q in both])
    f, g = sides
    x, y, d = (lower, upper), (lower - gap, upper + gap), (-gap, gap)
    difference: list[tuple[Array, Array] | None] = []
    paired = True
    for k, ((wf, bf), (wg, bg)) in enumerate(zip(reference, compressed, strict=True)):
        if len(wf) != len(wg):
            difference.append(None)
            paired = False
            continue
        low, high = f[k][0] - g[k][1], f[k][1] - g[k][0]
        if paired:
            for weight, side in ((wf, y), (wg, x)):
                through, direct = image(weight, *d), image(wf - wg, *side)
                low = np.maximum(low, through[0] + direct[0] + bf - bg)
                high = np.minimum(high, through[1] + direct[1] + bf - bg)
        difference.append((low, high))
        paired = True
        x, y = (activation(f[k][0]), activation(f[k][1])), (activation(g[k][0]), activation(g[k][1]))
        d = activation_difference(f[k], g[k], (low, high), slope)
    return TwinIntervals(lower, upper, gap, f, g, difference)


def activation_difference(
    a: tuple[Array, Array], b: tuple[Array, Array], delta: tuple[Array, Array], slope: float
) -> tuple[Array, Array]:
    """Enclose act(a_f) - act(a_g) elementwise: quotients lie in [slope, 1], are 1 where both are positive, slope where
    both negative.
    """
    activation = Activation("leaky_relu", slope) if slope else RELU
    least = np.where((a[0] >= 0) & (b[0] >= 0), 1.0, slope)
    most = np.where((a[1] <= 0) & (b[1] <= 0), slope, 1.0)
    low = np.where(delta[0] < 0, most, least) * delta[0]
    high = np.where(delta[1] > 0, most, least) * delta[1]
    return np.maximum(low, activation(a[0]) - activation(b[1])), np.minimum(high, activation(a[1]) - activation(b[0]))
