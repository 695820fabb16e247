"""Twins and boxes made of the shared data, and the bounds that other tools published for them."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import twincert

# auto_LiRPA on the difference network: CROWN and alpha-CROWN with 20 steps, the largest abs(f_i - g_i). From the README
# of the shared data; HAR's from its design note on bounds, which has alpha-CROWN only.
LIRPA: dict[str, tuple[float | None, float]] = {
    "ACAS 1_1, float16, prop_1": (2958, 504),
    "ACAS 1_1, float16, prop_3": (2.34, 0.937),
    "ACAS 1_1, float16, prop_4": (0.936, 0.333),
    "ACAS 1_1, float16, prop_5": (115, 26.4),
    "ACAS 1_1, pruned5, prop_1": (3624, 494),
    "ACAS 1_1, pruned5, prop_3": (2.27, 0.856),
    "ACAS 1_1, pruned5, prop_4": (0.861, 0.352),
    "ACAS 1_1, pruned5, prop_10": (7.46, 0.234),
    "MNIST, float16, image 0": (1.36, 1.27),
    "MNIST, float16, image 1": (1.52, 1.42),
    "MNIST, float16, image 2": (2.18, 2.06),
    "HAR, float16, input 0": (None, 3.04),
    "HAR, float16, input 1": (None, 1.82),
}


def acas_twin(data: Path, net: str, kind: str) -> twincert.Twin:
    """ACAS Xu; ``kind`` of compression: float16 or pruned5."""
    suffix = "nnet" if kind == "float16" else "onnx"
    names = (f"{net}.{suffix}", f"{net}_{kind}.{suffix}")
    return twincert.Twin(*(twincert.load(data / "acasxu" / name) for name in names))


def _acas_property(data: Path, prop: int) -> dict[str, Any]:
    properties: dict[str, dict[str, Any]] = json.loads((data / "acasxu" / "boxes_normalised.json").read_text())
    return properties[f"prop_{prop}"]


def acas_output(data: Path, prop: int) -> int:
    """The output of a property that NeuroDiff looks at."""
    return int(_acas_property(data, prop)["neurodiff_target"])


def acas_box(data: Path, prop: int) -> twincert.Box:
    corners = _acas_property(data, prop)
    return twincert.Box(corners["lower"], corners["upper"])


def mnist_twin(data: Path) -> twincert.Twin:
    """784-100-100-10 in float16; it reads pixels divided by 255."""
    names = ("relu_3_100.nnet", "relu_3_100_float16.nnet")
    return twincert.Twin(*(twincert.load(data / "mnist" / name) for name in names))


def mnist_box(data: Path, image: int, radius: float = 3.0) -> twincert.Box:
    """Every pixel within ``radius`` of 255."""
    pixels = np.load(data / "mnist" / "images.npz")["pixels"][image].astype(float)
    return twincert.Box(np.clip(pixels - radius, 0, 255) / 255, np.clip(pixels + radius, 0, 255) / 255)


def mnist_pixels_box(data: Path, image: int, count: int = 3) -> twincert.Box:
    """The first ``count`` random pixels of the image range over [0, 1], the others are as they are."""
    content = np.load(data / "mnist" / "images.npz")
    lower = content["pixels"][image].astype(float) / 255
    upper = lower.copy()
    free = content["random_pixels"][image][:count]
    lower[free], upper[free] = 0.0, 1.0
    return twincert.Box(lower, upper)


def har_twin(data: Path) -> twincert.Twin:
    """561-500-6 in float16."""
    content = np.load(data / "har" / "har_561_500_6.npz")
    layers = [(content[f"W{k}"], content[f"b{k}"]) for k in (0, 1)]
    half = [tuple(part.astype(np.float16).astype(float) for part in layer) for layer in layers]
    return twincert.Twin(*(twincert.Network.from_arrays(side, activation="relu") for side in (layers, half)))


def har_box(data: Path, sample: int) -> twincert.Box:
    centre = np.load(data / "har" / "har_561_500_6.npz")["inputs"][sample]
    return twincert.Box(np.clip(centre - 0.1, -1, 1), np.clip(centre + 0.1, -1, 1))


@dataclass(frozen=True)
class Published:
    """What a tool certified before splitting: f_i - g_i lies in [lower_i, upper_i], printed with six decimals."""

    lower: np.ndarray
    upper: np.ndarray
    seconds: float  # NaN when it ran out of time

    @property
    def largest(self) -> float:
        return float(max(np.abs(self.lower).max(), np.abs(self.upper).max()))


def published_intervals(data: Path, tool: str) -> dict[tuple[str, str], Published]:
    """Of one tool, NeuroDiff, ReluDiff or ReluDiff+, by network (such as 1_1, mnist_relu_3_100, HAR) and region.

    The logs bound g_i - f_i; the signs are turned here. The same instance with several thresholds has the same
    interval; its first row is taken.
    """
    found: dict[tuple[str, str], Published] = {}
    with (data / "published" / "neurodiff_reludiff.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["tool"] == tool:
                lower, upper = (-np.array(row[end].split(), dtype=float) for end in ("hi", "lo"))
                key = row["net"].removeprefix("ACASXU_run2a_"), row["region"]
                found.setdefault(key, Published(lower, upper, float(row["time"] or "nan")))
    return found


def verydiff_roots(data: Path) -> dict[tuple[str, str], float]:
    """VeryDiff's bound of the largest abs(f_i - g_i) at the root of its search, by network and property."""
    with (data / "published" / "verydiff_acas_pruned5.csv").open(newline="") as file:
        return {(row["net"], row["prop"]): float(row["initial_delta_bound"]) for row in csv.DictReader(file)}
