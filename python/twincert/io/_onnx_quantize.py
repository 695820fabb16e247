"""Rounded activations in ONNX: QuantizeLinear and DequantizeLinear, read and written as one staircase."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from twincert.errors import ParseError, SettingsError, UnsupportedLayerError
from twincert.io._onnx_chain import Chain, Quantized
from twincert.io._onnx_nodes import OPERATORS, Node, Operator, clip_bounds
from twincert.io._steps import ActivationStep, parse_activation

_TYPES = (np.uint8, np.int8, np.uint16, np.int16)
_QUANTIZE, _DEQUANTIZE = "/quantize", "/dequantize"


def _scale_and_zero(node: Node) -> tuple[float, NDArray[np.integer]]:
    """One positive scale for all elements, and the zero point (by default 0 as uint8) with its type."""
    if node.position != 0:
        raise UnsupportedLayerError(f"{node.where}: expected constant scale and zero point; found the network's values")
    scale, zero = node.constant(1), node.constant(2)
    zero = np.zeros((), np.uint8) if zero is None else zero
    if scale is None or scale.size != 1 or zero.size != 1:
        raise UnsupportedLayerError(f"{node.where}: expected one scale and one zero point for all elements")
    if zero.dtype.type not in _TYPES:
        known = ", ".join(kind.__name__ for kind in _TYPES)
        raise UnsupportedLayerError(f"{node.where}: expected a zero point of type {known}; found {zero.dtype}")
    value = float(scale.item())
    if not 0.0 < value < math.inf:
        raise ParseError(f"{node.where}: expected a positive scale; found {value}")
    return value, zero.reshape(())


def _quantize(node: Node, chain: Chain) -> None:
    scale, zero = _scale_and_zero(node)
    limits = np.iinfo(zero.dtype)
    lower, upper = ((int(limit) - int(zero)) * scale for limit in (limits.min, limits.max))
    name = node.name.removesuffix(_QUANTIZE)
    chain.quantized = Quantized(
        parse_activation(name, "quantize_even", node.where, 0.0, lower, upper, scale), zero, name != node.name
    )


def _dequantize(node: Node, chain: Chain) -> None:
    quantized = chain.quantized
    if quantized is None:
        raise UnsupportedLayerError(
            f"{node.where}: expected a QuantizeLinear right before it; found another node. "
            "Store quantised weights as the floating-point numbers that they stand for"
        )
    scale, zero = _scale_and_zero(node)
    if (scale, int(zero), zero.dtype) != (quantized.step.step, int(quantized.zero), quantized.zero.dtype):
        raise UnsupportedLayerError(
            f"{node.where}: expected the scale and zero point of the QuantizeLinear before it, "
            f"{quantized.step.step} and {quantized.zero} ({quantized.zero.dtype}); "
            f"found {scale} and {zero} ({zero.dtype})"
        )
    chain.quantized = None
    chain.activate(quantized.step)
    chain.limits_follow = quantized.own


def _level(limit: float, step: float) -> float | None:
    """The multiple of the step that a float32 stands for; None when it is no rounded multiple."""
    if not abs(limit) < 2.0**24 * step:
        return None
    level = round(limit / step) * step
    return level if float(np.float32(level)) == limit else None


def _clip(node: Node, chain: Chain) -> None:
    last = chain.steps[-1] if chain.steps else None
    if chain.limits_follow and isinstance(last, ActivationStep) and last.name == node.name:
        lower, upper = (_level(limit, last.step) for limit in clip_bounds(node))
        if lower is not None and upper is not None:
            chain.steps[-1] = replace(last, lower=max(last.lower, lower), upper=min(last.upper, upper))
            chain.limits_follow = False
            return
    OPERATORS["Clip"].read(node, chain)


WITH_QUANTIZATION: dict[str, Operator] = {
    **OPERATORS,
    "Clip": replace(OPERATORS["Clip"], read=_clip),
    "QuantizeLinear": Operator(_quantize, range(2, 4), ("axis", "saturate")),
    "DequantizeLinear": Operator(_dequantize, range(2, 4), ("axis",)),
}


def zero_point(step: ActivationStep, where: str) -> NDArray[np.integer]:
    """A zero point whose type holds all levels.

    Raises:
        SettingsError: ties rounded away from zero, or levels that do not fit into 16 bits.
    """
    if step.kind != "quantize_even":
        raise SettingsError(
            f"{where}: ONNX rounds ties to even, '{step.name}' ({step.kind}) rounds them away from zero; "
            "expected quantize_even, or a file name ending in .npz"
        )
    low, high = round(step.lower / step.step), round(step.upper / step.step)
    for kind in (np.uint8, np.uint16):
        largest = int(np.iinfo(kind).max)
        zero = min(max(-low, 0), largest)
        if low >= -zero and high <= largest - zero:
            return np.array(zero, kind)
    raise SettingsError(
        f"{where}: expected levels that fit into 16 bits for .onnx, or .npz; '{step.name}' has those from {low} to "
        f"{high} times {step.step}"
    )


def quantize_nodes(
    step: ActivationStep, source: str, result: str, prefix: str, where: str
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """QuantizeLinear, DequantizeLinear and Clip: always all three, so that a Clip of a layer of its own is no part."""
    zero = zero_point(step, where)
    constants = {f"{prefix}_scale": np.array(step.step, np.float32), f"{prefix}_zero": zero}
    limits = {f"{prefix}_a": np.array(step.lower, np.float32), f"{prefix}_b": np.array(step.upper, np.float32)}
    integers, rounded = f"{prefix}_integers", f"{prefix}_rounded"
    nodes = [
        helper.make_node("QuantizeLinear", [source, *constants], [integers], step.name + _QUANTIZE),
        helper.make_node("DequantizeLinear", [integers, *constants], [rounded], step.name + _DEQUANTIZE),
        helper.make_node("Clip", [rounded, *limits], [result], step.name),
    ]
    return nodes, [numpy_helper.from_array(values, name) for name, values in (constants | limits).items()]
