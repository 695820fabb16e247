"""The chain of operations that readers make and writers take, between file formats and `Network`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twincert import _core
from twincert.errors import ParseError
from twincert.network import Network

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DenseStep:
    """x -> weight x + bias; weight (outputs, inputs), bias (outputs,)."""

    name: str
    weight: Array
    bias: Array


@dataclass(frozen=True)
class ActivationStep:
    """An elementwise function; the parameters that its kind does not use are 0."""

    name: str
    kind: str
    slope: float = 0.0
    lower: float = 0.0
    upper: float = 0.0
    step: float = 0.0


Step = DenseStep | ActivationStep


def require_finite(values: NDArray[np.generic], where: str) -> None:
    """Raise ParseError naming the first entry of `values` that is NaN or infinite."""
    bad = np.argwhere(~np.isfinite(values))
    if bad.size:
        index = tuple(int(i) for i in bad[0])
        raise ParseError(f"{where}: expected finite numbers; found {values[index]} at index {list(index)}")


def parse_activation(
    name: str, kind: str, where: str, slope: float, lower: float, upper: float, step: float = 0.0
) -> ActivationStep:
    """An activation from numbers of a file; ParseError when they are outside its range.

    A staircase's numbers are only looked at for NaN and order here; the network checks that its limits are multiples.
    """
    if kind == "leaky_relu":
        if not 0.0 < slope < 1.0:
            raise ParseError(f"{where}: expected a leaky_relu slope between 0 and 1; found {slope}")
        return ActivationStep(name, kind, slope=slope)
    if kind == "clip":
        if not lower < upper:
            raise ParseError(f"{where}: expected clip bounds lower < upper; found {lower} and {upper}")
        return ActivationStep(name, kind, lower=lower, upper=upper)
    if kind in STAIRCASES:
        if not (step > 0.0 and lower < upper):
            raise ParseError(
                f"{where}: expected a positive step and limits lower < upper for {kind}; found {step}, {lower}, {upper}"
            )
        return ActivationStep(name, kind, lower=lower, upper=upper, step=step)
    if kind not in KINDS:
        raise ParseError(f"{where}: expected an activation among {', '.join(KINDS)}; found '{kind}'")
    return ActivationStep(name, kind)


STAIRCASES: Sequence[str] = ("quantize", "quantize_even")
KINDS: Sequence[str] = ("identity", "relu", "leaky_relu", "sigmoid", "tanh", "clip", *STAIRCASES)


def hidden_layers(arrays: Iterable[tuple[Array, Array]], activation: ActivationStep) -> list[Step]:
    """The chain dense, activation, dense, ..., dense of a file that lists weights and biases only."""
    steps: list[Step] = []
    for k, (weight, bias) in enumerate(arrays):
        if k:
            steps.append(replace(activation, name=f"{activation.kind}{k - 1}"))
        steps.append(DenseStep(f"dense{k}", weight, bias))
    return steps


def network_from_steps(input_size: int, steps: Sequence[Step]) -> Network:
    """The network of a chain; ShapeError naming the layer when sizes do not fit."""
    layers = []
    for k, step in enumerate(steps):
        operation = (
            _core.Dense(step.weight, step.bias)
            if isinstance(step, DenseStep)
            else _core.Activation(step.kind, step.slope, step.lower, step.upper, step.step)
        )
        layers.append(_core.Layer(step.name, operation, [k - 1]))
    return Network(input_size, layers)


def steps_of_network(network: Network) -> list[Step]:
    """The layers from input to output; those that the output does not depend on are left out."""
    layers = network.layers
    steps: list[Step] = []
    index = len(layers) - 1
    while index >= 0:
        layer = layers[index]
        operation = layer.operation
        if isinstance(operation, _core.Dense):
            steps.append(DenseStep(layer.name, operation.weight, operation.bias))
        else:
            parameters = (operation.slope, operation.lower, operation.upper, operation.step)
            steps.append(ActivationStep(layer.name, operation.kind, *parameters))
        index = layer.inputs[0]
    return steps[::-1]
