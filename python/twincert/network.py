"""Feed-forward networks and twins: a reference network next to its compressed version."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from functools import cached_property
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from twincert import _core
from twincert._arrays import Array, as_array, as_number, as_real
from twincert.errors import SettingsError, ShapeError, UnsupportedLayerError


def _columns(x: ArrayLike, name: str, size: int) -> tuple[Array, bool]:
    """One point per column, and whether a single point (n,) was given."""
    points = as_real(x, name)
    if points.ndim not in (1, 2) or points.shape[-1] != size:
        raise ShapeError(f"{name}: expected shape ({size},) or (N, {size}), found {points.shape}")
    return np.atleast_2d(points).T, points.ndim == 1


def _describe(operation: _core.Dense | _core.Activation) -> str:
    if isinstance(operation, _core.Dense):
        return "dense"
    if operation.kind == "leaky_relu":
        return f"leaky_relu({operation.slope!r})"
    if operation.kind == "clip":
        return f"clip({operation.lower!r}, {operation.upper!r})"
    if operation.step:
        return f"{operation.kind}({operation.step!r}, {operation.lower!r}, {operation.upper!r})"
    return operation.kind


class Network(_core.Network):
    """An immutable feed-forward network in float64.

    Build one with `Network.from_arrays` or `twincert.load`, or from layers: each `Layer(name, operation, inputs)` holds
    a `Dense(weight, bias)` or an `Activation(kind, slope, lower, upper, step)` and the indices of its input layers (-1
    is the network's input). Raises ShapeError, ParseError (NaN, infinity) or SettingsError (activation parameters),
    naming the layer.
    """

    @classmethod
    def from_arrays(  # type: ignore[override]  # arrays instead of the core's Dense layers
        cls, layers: Iterable[tuple[ArrayLike, ArrayLike]], activation: str = "relu", slope: float = 0.01
    ) -> Self:
        """The chain W0 x + b0, activation, W1 x + b1, ..., without an activation after the last pair.

        Each weight has shape (outputs, inputs), each bias (outputs,). `activation` is one of identity, relu,
        leaky_relu, sigmoid, tanh; `slope` is leaky_relu's, between 0 and 1.
        """
        if activation in ("clip", "quantize", "quantize_even"):
            raise SettingsError(
                f"activation: {activation} has limits; build the network from layers, Activation('{activation}', ...)"
            )
        dense = []
        for k, pair in enumerate(layers):
            if not isinstance(pair, Sequence) or len(pair) != 2:
                raise ShapeError(f"layers[{k}]: expected a (weight, bias) pair, found {type(pair).__name__}")
            weight = as_array(pair[0], f"layers[{k}]: weight", 2)
            dense.append(_core.Dense(weight, as_array(pair[1], f"layers[{k}]: bias", 1)))
        slope = as_number(slope, "slope") if activation == "leaky_relu" else 0.0
        return cls.from_core(_core.Network.from_arrays(dense, _core.Activation(activation, slope)))

    @classmethod
    def from_core(cls, network: _core.Network) -> Self:
        """The same network as an instance of this class."""
        return cls(network.input_size, network.layers)

    def to_arrays(self) -> list[tuple[Array, Array]]:
        """Copies of the (weight, bias) pairs, the inverse of from_arrays.

        UnsupportedLayerError when the layers between input and output are not such a chain with one kind of activation.
        """
        stages = self.stages
        activations = {stage.activation for stage in stages[:-1]}
        chained = [layer.operation for layer in self.layers if isinstance(layer.operation, _core.Dense)]
        if len(activations) > 1 or len(chained) != len(stages):
            raise UnsupportedLayerError(
                "to_arrays: the network is not a chain of dense layers with one activation between them; use .layers"
            )
        return [(np.array(stage.weight), np.array(stage.bias)) for stage in stages]

    def __call__(self, x: ArrayLike) -> Array:
        """Outputs in float64: shape (outputs,) for x of shape (n,), (N, outputs) for (N, n). ShapeError, ParseError."""
        points, single = _columns(x, "x", self.input_size)
        outputs: Array = self.evaluate(points).T
        return outputs[0] if single else np.ascontiguousarray(outputs)

    def summary(self) -> str:
        """A table of the layers: index, name, kind, output size, parameters."""
        rows = [("", "name", "kind", "size", "parameters")]
        sizes: list[int] = []
        for index, layer in enumerate(self.layers):
            operation = layer.operation
            source = layer.inputs[0]
            if isinstance(operation, _core.Dense):
                sizes.append(operation.weight.shape[0])
                parameters = operation.weight.size + operation.bias.size
            else:
                sizes.append(self.input_size if source < 0 else sizes[source])
                parameters = 0
            rows.append((str(index), layer.name, _describe(operation), str(sizes[-1]), str(parameters)))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, "><<>>", widths, strict=True))
            for row in rows
        ]
        total = f"inputs {self.input_size}, outputs {self.output_size}, parameters {self.parameter_count}"
        return "\n".join([*lines, total])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the network to a file whose suffix names the format, as `twincert.load` reads it."""
        from twincert import io

        io.save(self, path)

    @cached_property
    def _digest(self) -> str:
        content = hashlib.sha256(b"twincert-network-1\n")
        content.update(struct.pack("<QQ", self.input_size, len(self.stages)))
        for stage in self.stages:
            rows, columns = stage.weight.shape
            kind = stage.activation.kind.encode()
            content.update(struct.pack("<QQ", rows, columns))
            # Adding zero turns -0.0, which computes the same, into 0.0.
            content.update((np.ascontiguousarray(stage.weight) + 0.0).astype("<f8").tobytes())
            content.update((stage.bias + 0.0).astype("<f8").tobytes())
            content.update(struct.pack("<Q", len(kind)) + kind)
            # Only a leaky_relu has a slope, only a staircase a step.
            first = stage.activation.slope + stage.activation.step
            parameters = (first, stage.activation.lower, stage.activation.upper)
            content.update(struct.pack("<3d", *(value + 0.0 for value in parameters)))
        return content.hexdigest()

    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the function the network computes; certificates refer to networks by it.

        The bytes hashed, all little-endian: "twincert-network-1" and a line feed; input size and number of stages
        (uint64); per stage of the normal form its rows and columns (uint64), weight row by row and bias (float64), the
        length of the activation's name (uint64), the name, and slope (step of a staircase), lower, upper (float64).
        Negative zeros count as zeros. Names and dead branches do not count.
        """
        return self._digest

    def __eq__(self, other: object) -> bool:
        """True when both have the same digest."""
        return self.digest() == other.digest() if isinstance(other, Network) else NotImplemented

    def __hash__(self) -> int:
        """Equal networks have equal hashes."""
        return hash(self.digest())

    def __repr__(self) -> str:
        """Sizes at a glance."""
        return f"<Network {self.input_size} -> {self.output_size}, {len(self.layers)} layers>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as plain arrays, for executors in other processes."""
        return _network_from_state, (self.input_size, [_layer_state(layer) for layer in self.layers])


def _layer_state(layer: _core.Layer) -> tuple[Any, ...]:
    operation = layer.operation
    if isinstance(operation, _core.Dense):
        return layer.name, layer.inputs, (np.array(operation.weight), np.array(operation.bias))
    parameters = (operation.kind, operation.slope, operation.lower, operation.upper, operation.step)
    return layer.name, layer.inputs, parameters


def _network_from_state(input_size: int, states: list[tuple[Any, ...]]) -> Network:
    layers = []
    for name, inputs, content in states:
        operation = _core.Activation(*content) if isinstance(content[0], str) else _core.Dense(*content)
        layers.append(_core.Layer(name, operation, inputs))
    return Network(input_size, layers)


class Twin(_core.Twin):
    """A reference network f and its compressed twin g, with equal input and output sizes (ShapeError otherwise)."""

    def __init__(self, reference: Network, compressed: Network) -> None:
        """Pair two networks; inner widths and depths may differ."""
        for name, network in (("reference", reference), ("compressed", compressed)):
            if not isinstance(network, Network):
                raise SettingsError(f"{name}: expected a twincert.Network, found {type(network).__name__}")
        super().__init__(reference, compressed)
        self._reference = reference
        self._compressed = compressed

    @property
    def reference(self) -> Network:
        """The network f."""
        return self._reference

    @property
    def compressed(self) -> Network:
        """The network g."""
        return self._compressed

    def error(self, x: ArrayLike, y: ArrayLike | None = None) -> Array:
        """f(x) - g(y) in float64, y = x unless given; shape (outputs,) for a point (n,), (N, outputs) for (N, n)."""
        reference, single = _columns(x, "x", self.input_size)
        compressed, single_y = (reference, single) if y is None else _columns(y, "y", self.input_size)
        if reference.shape != compressed.shape or single != single_y:
            raise ShapeError("error: x and y differ in shape")
        outputs: Array = super().error(reference, compressed).T
        return outputs[0] if single else np.ascontiguousarray(outputs)

    def __repr__(self) -> str:
        """Sizes at a glance."""
        return f"<Twin {self.input_size} -> {self.output_size}, {len(self.stages)} stages>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the two networks."""
        return Twin, (self._reference, self._compressed)
