"""The ONNX operators that are read, each as exact steps of a chain."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twincert.errors import ParseError, UnsupportedLayerError
from twincert.io._onnx_chain import Chain
from twincert.io._steps import ActivationStep, Array, parse_activation, require_finite


@dataclass(frozen=True)
class Node:
    """One node that reads the chain: `operands` are its inputs, None the chain itself and "" an input left out."""

    name: str
    where: str
    operands: list[NDArray[Any] | str | None]
    attributes: dict[str, Any]

    @property
    def position(self) -> int:
        """Which input the chain is."""
        return next(i for i, operand in enumerate(self.operands) if operand is None)

    def constant(self, index: int) -> NDArray[Any] | None:
        """The constant at an input; None when it is left out."""
        operand = self.operands[index] if index < len(self.operands) else ""
        if operand is None:
            raise UnsupportedLayerError(
                f"{self.where}: expected a constant as input {index}; found the network's values"
            )
        return None if isinstance(operand, str) else operand

    def weight(self, index: int) -> Array:
        """The constant matrix at an input."""
        values = self.constant(index)
        if values is None:
            raise ParseError(f"{self.where}: expected a constant as input {index}; found none")
        if values.ndim != 2 or values.dtype != np.float64:
            raise UnsupportedLayerError(
                f"{self.where}: expected a floating-point matrix as input {index}; "
                f"found {values.dtype}, {list(values.shape)}"
            )
        return values

    def integer(self, name: str, fallback: int) -> int:
        """An integer attribute."""
        value = self.attributes.get(name, fallback)
        if not isinstance(value, int):
            raise ParseError(f"{self.where}: expected an integer as attribute {name}; found {value!r}")
        return value

    def number(self, name: str, fallback: float) -> float:
        """A floating-point attribute: the float32 of the file, as it is."""
        value = self.attributes.get(name, fallback)
        if not isinstance(value, float) or math.isnan(value):
            raise ParseError(f"{self.where}: expected a number as attribute {name}; found {value!r}")
        return value


def _one_row(shape: tuple[int, ...], axis: int, node: Node) -> None:
    if math.prod(shape) != shape[axis]:
        raise UnsupportedLayerError(
            f"{node.where}: expected one point, a batch dimension of 1 or a dynamic one; found shape {list(shape)}"
        )


def _matmul(node: Node, chain: Chain) -> None:
    if node.position == 0:
        weight = node.weight(1).T
        _one_row(chain.shape, -1, node)
        shape = (*chain.shape[:-1], weight.shape[0])
    else:
        weight = node.weight(0)
        axis = 0 if len(chain.shape) == 1 else -2
        _one_row(chain.shape, axis, node)
        shape = (weight.shape[0],) if axis == 0 else (*chain.shape[:-2], weight.shape[0], 1)
    chain.multiply(node.name, weight, None, shape, node.where)


def _scaled(values: Array, factor: float, what: str, node: Node) -> Array:
    """factor * values, provided that no product is rounded."""
    require_finite(values, node.where)
    if factor == 1.0:
        return values
    with np.errstate(all="ignore"):
        product = values * factor
        # The factor is a float32 (24 bits): split into two halves, the values give exact products (Dekker 1971).
        mantissa, exponent = np.frexp(values)
        high = np.ldexp(np.rint(np.ldexp(mantissa, 26)), exponent - 26)
        exact = (high * factor - product) + (values - high) * factor == 0.0
    # Below 2^-900 the halves' products could themselves be rounded.
    exact &= (product == 0.0) == ((values == 0.0) | (factor == 0.0))
    exact &= (np.abs(product) > 2.0**-900) | (product == 0.0)
    if not (math.isfinite(factor) and bool(np.all(exact))):
        raise UnsupportedLayerError(
            f"{node.where}: expected {what} to scale the weights without rounding; found {factor!r}. "
            f"Store the scaled weights, with {what} = 1"
        )
    return product


def _gemm(node: Node, chain: Chain) -> None:
    position = node.position
    if position == 2:
        raise UnsupportedLayerError(f"{node.where}: expected a constant as input C; found the network's values")
    trans_a, trans_b = node.integer("transA", 0) != 0, node.integer("transB", 0) != 0
    if len(chain.shape) != 2:
        raise ParseError(f"{node.where}: expected a matrix as input {'AB'[position]}; found shape {list(chain.shape)}")
    if position == 0:
        weight = node.weight(1) if trans_b else node.weight(1).T
        _one_row(chain.shape, 0 if trans_a else 1, node)
        shape = (1, weight.shape[0])
    else:
        weight = node.weight(0).T if trans_a else node.weight(0)
        _one_row(chain.shape, 1 if trans_b else 0, node)
        shape = (weight.shape[0], 1)
    bias = node.constant(2)
    if bias is not None:
        try:
            bias = np.broadcast_to(bias, shape).ravel()
        except ValueError:
            raise ParseError(
                f"{node.where}: expected C to broadcast to {list(shape)}; found {list(bias.shape)}"
            ) from None
        bias = _scaled(bias.astype(np.float64), node.number("beta", 1.0), "beta", node)
    chain.multiply(node.name, _scaled(weight, node.number("alpha", 1.0), "alpha", node), bias, shape, node.where)


def _add(node: Node, chain: Chain) -> None:
    constant = node.constant(1 - node.position)
    if constant is None:
        raise ParseError(f"{node.where}: expected two inputs; found one")
    chain.add(node.name, constant, node.where)


def _sub(node: Node, chain: Chain) -> None:
    constant = node.constant(1 - node.position)
    if constant is None:
        raise ParseError(f"{node.where}: expected two inputs; found one")
    if node.position == 0:
        chain.add(node.name, -constant, node.where)
    else:
        chain.add(node.name, constant, node.where, sign=-1.0)


def _leaky_relu(node: Node, chain: Chain) -> None:
    slope = node.number("alpha", float(np.float32(0.01)))
    chain.activate(parse_activation(node.name, "leaky_relu", node.where, slope, 0.0, 0.0))


def _prelu(node: Node, chain: Chain) -> None:
    slope = node.constant(1)
    if node.position != 0 or slope is None or slope.size != 1:
        raise UnsupportedLayerError(f"{node.where}: expected one constant slope for all elements; found another")
    chain.activate(parse_activation(node.name, "leaky_relu", node.where, float(slope.item()), 0.0, 0.0))


def clip_bounds(node: Node) -> tuple[float, float]:
    """The limits of a Clip node, from attributes or constants."""
    bounds = [-math.inf, math.inf]
    for i, name in enumerate(("min", "max")):
        bounds[i] = node.number(name, bounds[i])
        constant = node.constant(i + 1)
        if constant is None:
            continue
        if constant.size != 1:
            raise ParseError(f"{node.where}: expected one number as {name}; found shape {list(constant.shape)}")
        bounds[i] = float(constant.item())
    return bounds[0], bounds[1]


def _clip(node: Node, chain: Chain) -> None:
    bounds = clip_bounds(node)
    if bounds != (-math.inf, math.inf):
        chain.activate(parse_activation(node.name, "clip", node.where, 0.0, *bounds))


def _flatten(node: Node, chain: Chain) -> None:
    rank, axis = len(chain.shape), node.integer("axis", 1)
    if not -rank <= axis <= rank:
        raise ParseError(f"{node.where}: expected axis from {-rank} to {rank}; found {axis}")
    axis += rank if axis < 0 else 0
    chain.reshape((math.prod(chain.shape[:axis]), math.prod(chain.shape[axis:])))


def _reshape(node: Node, chain: Chain) -> None:
    wanted = node.constant(1) if node.position == 0 else None
    if wanted is None or wanted.dtype != np.int64 or wanted.ndim != 1:
        raise UnsupportedLayerError(
            f"{node.where}: expected a constant vector of int64 as the new shape; found another"
        )
    sizes = [int(size) for size in wanted]
    message = f"{node.where}: expected a shape of {chain.size} elements; found {sizes} from {list(chain.shape)}"
    if node.integer("allowzero", 0) == 0:
        if any(size == 0 and i >= len(chain.shape) for i, size in enumerate(sizes)):
            raise ParseError(message)
        sizes = [chain.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known > 0:
        sizes[sizes.index(-1)] = chain.size // known
    if math.prod(sizes) != chain.size or min(sizes, default=0) < 1:
        raise ParseError(message)
    chain.reshape(tuple(sizes))


def _activation(kind: str) -> Callable[[Node, Chain], None]:
    return lambda node, chain: chain.activate(ActivationStep(node.name, kind))


@dataclass(frozen=True)
class Operator:
    """How a node is read, how many inputs it may have, and the attributes that are understood."""

    read: Callable[[Node, Chain], None]
    inputs: range
    attributes: tuple[str, ...] = ()


OPERATORS: dict[str, Operator] = {
    "Gemm": Operator(_gemm, range(2, 4), ("alpha", "beta", "transA", "transB")),
    "MatMul": Operator(_matmul, range(2, 3)),
    "Add": Operator(_add, range(2, 3)),
    "Sub": Operator(_sub, range(2, 3)),
    "Relu": Operator(_activation("relu"), range(1, 2)),
    "LeakyRelu": Operator(_leaky_relu, range(1, 2), ("alpha",)),
    "PRelu": Operator(_prelu, range(2, 3)),
    "Sigmoid": Operator(_activation("sigmoid"), range(1, 2)),
    "Tanh": Operator(_activation("tanh"), range(1, 2)),
    "Clip": Operator(_clip, range(1, 4), ("min", "max")),
    "Flatten": Operator(_flatten, range(1, 2), ("axis",)),
    "Reshape": Operator(_reshape, range(2, 3), ("allowzero",)),
    "Identity": Operator(lambda node, chain: chain.identity(node.name), range(1, 2)),
}
