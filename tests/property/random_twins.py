"""Random twins with their input sets, drawn from a seed: everything a user may certify, small enough to certify
thousands.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import twincert

Array = NDArray[np.float64]
Layers = list[tuple[Array, Array, Any]]  # weight, bias, activation after it (None after the last)

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "clip", "quantize", "mixed")
COMPRESSIONS = (
    "symmetric",
    "symmetric",
    "symmetric",
    "affine",
    "fixed_point",
    "float16",
    "bfloat16",
    "magnitude",
    "row",
    "n:m",
    "narrower",
    "deeper",
    "noise",
    "activations",
    "activations",
    "unrelated",
    "same",
)
SETS = ("box", "box", "box", "degenerate", "point", "ball", "polytope")


@dataclass(frozen=True)
class Scenario:
    """A twin, the set, and what it took to make them (for the message of a failing test)."""

    label: str
    twin: Any
    input_set: Any
    piecewise_linear: bool


def draw_scenario(seed: int) -> Scenario:
    """The scenario of a seed; always the same."""
    rng = np.random.default_rng([20, seed])
    activation = ACTIVATIONS[seed % len(ACTIVATIONS)]
    compression = str(rng.choice(COMPRESSIONS))
    hidden = int(rng.choice([0, 1, 1, 2, 2, 3]))
    widths = [int(rng.integers(1, 5)), *(int(rng.integers(1, 7)) for _ in range(hidden)), int(rng.integers(1, 4))]
    scale = float(rng.choice([1.0, 1.0, 1.0, 1.0, 1e-3, 30.0, 1e-7, 1e-160, 1e5]))
    if compression == "row" and hidden == 0:
        compression = "magnitude"
    if scale > 1e3 and compression == "float16":
        compression = "bfloat16"
    layers = _layers(widths, activation, scale, rng)
    reference = _network(layers)
    twin, detail = _compressed(reference, layers, compression, rng)
    kind = str(rng.choice(SETS))
    input_set, where = _input_set(kind, widths[0], rng)
    sizes = "-".join(map(str, widths))
    label = f"seed {seed}: {sizes} {activation}, weights of size {scale:g}, {compression} {detail}, {kind} {where}"
    smooth = any(layer[2] is not None and layer[2].kind in ("tanh", "sigmoid") for layer in layers)
    return Scenario(label, twin, input_set, not smooth)


def _activation(kind: str, rng: np.random.Generator) -> Any:
    if kind == "mixed":
        kind = str(rng.choice(["relu", "leaky_relu", "tanh", "sigmoid", "clip", "quantize", "identity"]))
    if kind == "leaky_relu":
        return twincert.Activation(kind, float(rng.choice([0.01, 0.1, 0.5, 0.999])))
    if kind == "clip":
        lower, upper = [(0.0, 6.0), (-1.0, 1.0), (0.0, 0.3), (-0.2, np.inf), (-np.inf, 0.5)][rng.integers(5)]
        return twincert.Activation(kind, 0.0, lower, upper)
    if kind == "quantize":
        # A power of two, a float32 and the largest number of digits that 100 levels leave.
        step = float(rng.choice([1.0, 0.25, 2.0**-7, float(np.float32(0.1)), 3.0, 2.0**-40, 2.0**-10 * (1 + 2.0**-45)]))
        first, last = [(0, 15), (-8, 7), (0, 1), (-1, 1), (-100, 100), (2, 3)][rng.integers(6)]
        kind = str(rng.choice(["quantize", "quantize_even"]))
        return twincert.Activation(kind, lower=first * step, upper=last * step, step=step)
    return twincert.Activation(kind)


def _layers(widths: list[int], activation: str, scale: float, rng: np.random.Generator) -> Layers:
    layers: Layers = []
    style = rng.choice(["normal", "normal", "normal", "integer", "sparse"])
    for k, (n, m) in enumerate(itertools.pairwise(widths)):
        size = scale if k == 0 else float(rng.choice([1.0, scale]))
        weight = rng.standard_normal((m, n)) * 1.4 / np.sqrt(n)
        if style == "integer":  # ties, exact zeros, boundaries of stability hit exactly
            weight = rng.integers(-2, 3, (m, n)).astype(float)
        if style == "sparse":
            weight *= rng.random((m, n)) < 0.5
        bias = rng.standard_normal(m) * float(rng.choice([0.0, 0.1, 1.0]))
        layers.append((weight * size, bias * size, _activation(activation, rng) if k < len(widths) - 2 else None))
    return layers


def _network(layers: Layers) -> Any:
    chain: list[Any] = []
    for k, (weight, bias, activation) in enumerate(layers):
        chain.append(twincert.Layer(f"dense {k}", twincert.Dense(weight, bias), [len(chain) - 1]))
        if activation is not None:
            chain.append(twincert.Layer(f"activation {k}", activation, [len(chain) - 1]))
    return twincert.Network(layers[0][0].shape[1], chain)


def _compressed(reference: Any, layers: Layers, compression: str, rng: np.random.Generator) -> tuple[Any, str]:
    if compression in ("symmetric", "affine", "fixed_point", "float16", "bfloat16"):
        bits = int(rng.integers(2, 17))
        options = {
            "per_channel": bool(rng.integers(2)) if compression in ("symmetric", "affine") else True,
            "rounding": str(rng.choice(["nearest", "truncate"])),
        }
        return twincert.quantize(reference, bits=bits, scheme=compression, **options), f"{bits} bits {options}"
    if compression in ("magnitude", "row"):
        sparsity = float(rng.choice([0.1, 0.3, 0.5, 1.0]))
        return twincert.prune(reference, sparsity=sparsity, structure=compression), f"{sparsity:g}"
    if compression == "n:m":
        return twincert.prune(reference, structure="2:4"), ""
    if compression == "same":
        return twincert.Twin(reference, reference), ""
    return twincert.Twin(reference, _network(_changed(layers, compression, rng))), ""


def _changed(layers: Layers, compression: str, rng: np.random.Generator) -> Layers:
    if compression == "noise":
        size = 10.0 ** rng.integers(-12, 0)
        return [
            (w * (1 + size * rng.standard_normal(w.shape)), b * (1 + size * rng.standard_normal(b.shape)), a)
            for w, b, a in layers
        ]
    if compression == "activations":  # rounded weights, and other functions between them
        grid = 2.0 ** -int(rng.integers(2, 12))
        kinds = ["relu", "leaky_relu", "clip", "quantize", "quantize", "identity"]
        return [
            (np.rint(w / grid) * grid, np.rint(b / grid) * grid, a and _activation(str(rng.choice(kinds)), rng))
            for w, b, a in layers
        ]
    if compression == "unrelated":
        return [(rng.standard_normal(w.shape) * np.abs(w).max(), rng.standard_normal(b.shape), a) for w, b, a in layers]
    if compression == "deeper":  # a rotation split off the last layer, with the first one's activation in between
        weight, bias, _ = layers[-1]
        middle = rng.standard_normal((int(rng.integers(1, 5)), weight.shape[1]))
        last = weight @ np.linalg.pinv(middle)
        return [
            *layers[:-1],
            (middle, np.zeros(len(middle)), layers[0][2] or _activation("relu", rng)),
            (last, bias, None),
        ]
    narrow = list(layers)
    for k in range(len(layers) - 1):
        keep = np.sort(rng.permutation(len(narrow[k][1]))[: max(1, len(narrow[k][1]) - int(rng.integers(0, 3)))])
        narrow[k] = (narrow[k][0][keep], narrow[k][1][keep], narrow[k][2])
        narrow[k + 1] = (narrow[k + 1][0][:, keep], narrow[k + 1][1], narrow[k + 1][2])
    return narrow


def _input_set(kind: str, size: int, rng: np.random.Generator) -> tuple[Any, str]:
    far = float(rng.choice([0.0, 1.0, 1.0, 1.0, 1e6, 1e-9]))
    center = rng.standard_normal(size) * far
    radius = float(rng.choice([0.3, 1.0, 3.0, 1e-5, 1e4]))
    difference = np.zeros(size)
    if rng.random() < 0.25:
        difference = radius * float(rng.choice([1.0, 0.1, 1e-4])) * (rng.random(size) < 0.7)
    where = f"around {far:g}, radius {radius:g}, difference {difference.max():g}"
    if kind == "ball":
        return twincert.Ball(center, 0.0 if rng.random() < 0.1 else radius, difference=difference), where
    reach = radius * rng.random(size)
    if kind == "degenerate":
        reach *= rng.random(size) < 0.5
    if kind == "point":
        reach *= 0.0
    lower, upper = center - reach, center + reach
    if kind != "polytope":
        return twincert.Box(lower, upper, difference=difference), where
    rows = int(rng.integers(1, 4))
    normals = rng.standard_normal((rows, size))
    offsets = normals @ center + np.abs(normals) @ reach * rng.uniform(0.05, 0.8, rows)
    return twincert.Polytope(normals, offsets, box=(lower, upper), difference=difference), where
