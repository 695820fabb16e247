"""The state of reading an ONNX graph: one tensor travels through a chain of nodes, everything else is constant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twincert.errors import ParseError, UnsupportedLayerError
from twincert.io._steps import ActivationStep, Array, DenseStep, Step, require_finite

# An elementwise addition becomes a dense layer with an identity weight; 2^27 entries are 1 GiB.
_LARGEST_IDENTITY = 2**27


@dataclass(frozen=True)
class Quantized:
    """What a QuantizeLinear node does together with the DequantizeLinear that must follow it.

    `own`: the node's name says that this package wrote it, so that a Clip of the step's name belongs to it.
    """

    step: ActivationStep
    zero: NDArray[np.integer]
    own: bool


class Chain:
    """The steps so far, and the name and shape (for one point) of the tensor that the next node must read.

    Its elements in row-major order are the vector that the steps compute.
    """

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        """Start at the graph's input."""
        self.name = name
        self.shape = shape
        self.steps: list[Step] = []
        self.quantized: Quantized | None = None  # integers travel now
        self.limits_follow = False
        self._takes_bias = False

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def reshape(self, shape: tuple[int, ...]) -> None:
        """The same elements in another shape."""
        self.shape = shape

    def activate(self, step: ActivationStep) -> None:
        """Append an elementwise function."""
        self.limits_follow = False
        self.steps.append(step)
        self._takes_bias = False

    def identity(self, name: str) -> None:
        """Append an Identity node; between a weight and its bias it would part them, so it vanishes there."""
        if not self._takes_bias:
            self.activate(ActivationStep(name, "identity"))

    def multiply(self, name: str, weight: Array, bias: Array | None, shape: tuple[int, ...], where: str) -> None:
        """Append weight x + bias, of the given shape; without bias, a following constant addition becomes the bias."""
        require_finite(weight, f"{where}: weight")
        if 0 in weight.shape:
            raise ParseError(f"{where}: expected a weight without empty sides; found shape {list(weight.shape)}")
        if weight.shape[1] != self.size:
            raise ParseError(f"{where}: expected a weight for {self.size} inputs; found {weight.shape[1]}")
        if bias is not None:
            require_finite(bias, f"{where}: bias")
        full = np.zeros(weight.shape[0]) if bias is None else bias
        self.limits_follow = False
        self.steps.append(DenseStep(name, np.ascontiguousarray(weight), full))
        self._takes_bias = bias is None
        self.shape = shape

    def add(self, name: str, constant: NDArray[Any], where: str, sign: float = 1.0) -> None:
        """Append sign x + constant, not rounded: as the bias of the weight before it, or with an identity weight."""
        if constant.dtype != np.float64:
            raise UnsupportedLayerError(f"{where}: expected a floating-point constant; found {constant.dtype}")
        require_finite(constant, f"{where}: constant")
        try:
            shape = np.broadcast_shapes(self.shape, constant.shape)
        except ValueError:
            shape = ()
        if math.prod(shape) != self.size or len(shape) < len(self.shape):
            raise UnsupportedLayerError(
                f"{where}: expected a constant that broadcasts to shape {list(self.shape)}; "
                f"found {list(constant.shape)}"
            )
        self.shape = shape
        if sign > 0.0 and not constant.any():
            return
        last = self.steps[-1] if self.steps else None
        if not (self._takes_bias and isinstance(last, DenseStep)) and self.size**2 > _LARGEST_IDENTITY:
            raise UnsupportedLayerError(
                f"{where}: expected an elementwise operation on at most {math.isqrt(_LARGEST_IDENTITY)} elements, "
                f"as it becomes a dense layer; found {self.size}. Fold it into the next layer's bias before exporting"
            )
        bias = np.broadcast_to(constant, shape).ravel().copy()
        if self._takes_bias and isinstance(last, DenseStep):
            self.steps[-1] = DenseStep(last.name, last.weight if sign > 0.0 else -last.weight, bias)
        else:
            self.steps.append(DenseStep(name, sign * np.eye(self.size), bias))
        self._takes_bias = False
