"""The suite on which the SDP is measured: twins of many kinds, one linear objective each, the output and side that
propagation bounds most loosely. Those made of ../shared/data are left out where that is absent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import twincert
from twincert import _core
from twincert.sdp import ChordalProblem, relaxation

from .comparison import SHARED
from .shared_twins import acas_box, acas_twin, har_box, har_twin, mnist_box, mnist_twin

DATA = SHARED / "data"
Question = tuple[twincert.Twin, twincert.Box]


def random_twin(widths: tuple[int, ...], radius: float, **compression: Any) -> Question:
    """Random ReLU network, weights N(0, 1.96 / inputs), quantised or pruned, around a random centre; seed 0."""
    random = np.random.default_rng(0)
    weights = [random.standard_normal((m, n)) / np.sqrt(n) * 1.4 for n, m in pairwise(widths)]
    biases = [0.1 * random.standard_normal(m) for m in widths[1:]]
    reference = twincert.Network.from_arrays(list(zip(weights, biases, strict=True)), activation="relu")
    return compressed(reference, **compression), twincert.Box.around(random.uniform(-1, 1, widths[0]), radius)


def compressed(reference: twincert.Network, **compression: Any) -> twincert.Twin:
    if "sparsity" in compression:
        return twincert.prune(reference, structure="magnitude", **compression)
    return twincert.quantize(reference, **compression)


def digits(radius: float, **compression: Any) -> Question:
    """The packaged network for 8 x 8 digits and its digit; radius in grey levels of 16."""
    folder = Path(twincert.__file__).parent / "data"
    box = twincert.Box.around(np.load(folder / "digit.npy"), radius / 16, clip=(0, 1))
    return compressed(twincert.load(folder / "digits.npz"), **compression), box


def nn_sdp(width: int, depth: int, bits: int) -> Question:
    """A network of the chordal DeepSDP study, over its box."""
    network = twincert.load(DATA / "nn_sdp" / f"scale-I2-O2-W{width}-D{depth}.nnet")
    return twincert.quantize(network, bits=bits), twincert.Box([0.5, 0.5], [1.5, 1.5])


GENERATED: dict[str, Callable[[], Question]] = {
    "random 5-15-15-3, 8 bits, 0.5": lambda: random_twin((5, 15, 15, 3), 0.5, bits=8),
    "random 5-15-15-3, 4 bits, 0.5": lambda: random_twin((5, 15, 15, 3), 0.5, bits=4),
    "random 5-15-15-3, 12 bits, 0.5": lambda: random_twin((5, 15, 15, 3), 0.5, bits=12),
    "random 5-15-15-3, 8 bits, 0.15": lambda: random_twin((5, 15, 15, 3), 0.15, bits=8),
    "random 5-10-10-10-3, 8 bits, 0.3": lambda: random_twin((5, 10, 10, 10, 3), 0.3, bits=8),
    "random 10-20-20-5, pruned 30 %, 0.1": lambda: random_twin((10, 20, 20, 5), 0.1, sparsity=0.3),
    "random 64-50-50-10, 8 bits, 0.02": lambda: random_twin((64, 50, 50, 10), 0.02, bits=8),
    "digits, 8 bits, 2 levels": lambda: digits(2, bits=8),
    "digits, 4 bits, 1 level": lambda: digits(1, bits=4),
    "digits, float16, 2 levels": lambda: digits(2, scheme="float16"),
    "digits, pruned 20 %, 1 level": lambda: digits(1, sparsity=0.2),
}
SHARED_TWINS: dict[str, Callable[[], Question]] = {
    "nn_sdp W10-D10, 8 bits": lambda: nn_sdp(10, 10, 8),
    "nn_sdp W20-D10, 8 bits": lambda: nn_sdp(20, 10, 8),
    "ACAS 1_1, float16, prop_3": lambda: (acas_twin(DATA, "1_1", "float16"), acas_box(DATA, 3)),
    "ACAS 1_1, float16, prop_4": lambda: (acas_twin(DATA, "1_1", "float16"), acas_box(DATA, 4)),
    "ACAS 1_1, pruned5, prop_4": lambda: (acas_twin(DATA, "1_1", "pruned5"), acas_box(DATA, 4)),
    "MNIST, float16, image 0": lambda: (mnist_twin(DATA), mnist_box(DATA, 0)),
    "HAR, float16, input 0": lambda: (har_twin(DATA), har_box(DATA, 0)),
}


def suite() -> dict[str, Callable[[], Question]]:
    """What is here, by name."""
    return {**GENERATED, **(SHARED_TWINS if DATA.exists() else {})}


@dataclass(frozen=True)
class Objective:
    """weights . (f - g) over the box, and its bounds by propagation: plain backward ("crown"), and the best one."""

    twin: twincert.Twin
    box: twincert.Box
    weights: np.ndarray
    crown: float
    propagated: float

    def problem(self, rows: dict[str, bool | str] | None = None) -> ChordalProblem:
        return relaxation(self.twin, self.box, self.weights, rows=rows)

    def stage_bounds(self) -> _core.TwinBounds:
        return _core.optimized_bounds(self.twin, self.box)


def objective(name: str) -> Objective:
    """The objective of an instance."""
    twin, box = suite()[name]()
    best = twincert.certify(twin, box, method="crown", settings={"attack_restarts": 1, "attack_steps": 1})
    sides = np.array([best.upper_per_output, -np.array(best.lower_per_output)])
    side, output = np.unravel_index(np.argmax(sides), sides.shape)
    plain = _core.crown_bounds(twin, box).stages[-1].difference
    assert plain is not None  # outputs are paired
    weights = np.zeros(twin.output_size)
    weights[output] = 1.0 - 2.0 * side
    crown = plain[1][output] if side == 0 else -plain[0][output]
    return Objective(twin, box, weights, float(crown), float(sides[side, output]))
