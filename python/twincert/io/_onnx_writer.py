"""Writing a chain of steps as an ONNX model."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from twincert.errors import SettingsError
from twincert.io._onnx_quantize import quantize_nodes, zero_point
from twincert.io._steps import STAIRCASES, DenseStep, Step

_OPSET, _IR_VERSION = 17, 8
_OPSET_OF_16_BITS, _IR_VERSION_OF_16_BITS = 21, 10
_OPERATORS = {"identity": "Identity", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "clip": "Clip"}
# A protobuf message cannot be larger.
_LARGEST_MODEL = 2**31 - 2**20


def write_onnx(path: Path, input_size: int, steps: list[Step]) -> None:
    """Write a model of opset 17, IR version 8: input (N, inputs), output (N, outputs), a node per step, of its name
    (three for a rounded activation; with more than 8 bits opset 21, IR version 10).

    Numbers are float32 when every parameter is a float32 exactly, and float64 otherwise, so that nothing is rounded.

    Raises:
        SettingsError: the parameters do not fit into one ONNX file of 2 GiB, or a rounded activation that ONNX has no
            operators for.
    """
    exact = all(_is_float32(values) for step in steps for values in _parameters(step))
    dtype, element = (np.float32, TensorProto.FLOAT) if exact else (np.float64, TensorProto.DOUBLE)
    size = sum(values.size for step in steps for values in _parameters(step)) * np.dtype(dtype).itemsize
    if size > _LARGEST_MODEL:
        raise SettingsError(
            f"{path}: expected parameters of at most {_LARGEST_MODEL} bytes for .onnx, or .npz; found {size}"
        )
    staircases = [step for step in steps if not isinstance(step, DenseStep) and step.kind in STAIRCASES]
    if staircases and not exact:
        raise SettingsError(
            f"{path}: ONNX quantises float32 only, and the parameters are none; expected float32 numbers, or a file "
            "name ending in .npz"
        )
    wide = any(zero_point(step, str(path)).itemsize > 1 for step in staircases)
    nodes, constants = [], []
    current, outputs = "input", input_size
    for k, step in enumerate(steps):
        result = "output" if k + 1 == len(steps) else f"value{k}"
        if not isinstance(step, DenseStep) and step.kind in STAIRCASES:
            more, numbers = quantize_nodes(step, current, result, f"step{k}", str(path))
            nodes += more
            constants += numbers
            current = result
            continue
        operands = [current]
        for label, values in zip(("a", "b"), _operands(step, exact), strict=False):
            operands.append(f"step{k}_{label}" if values is not None else "")
            if values is not None:
                constants.append(numpy_helper.from_array(values.astype(dtype), operands[-1]))
        nodes.append(_node(step, operands, result, exact))
        outputs = step.bias.size if isinstance(step, DenseStep) else outputs
        current = result
    graph = helper.make_graph(
        nodes,
        "twincert",
        [helper.make_tensor_value_info("input", element, ["N", input_size])],
        [helper.make_tensor_value_info("output", element, ["N", outputs])],
        constants,
    )
    opset = helper.make_opsetid("", _OPSET_OF_16_BITS if wide else _OPSET)
    version = _IR_VERSION_OF_16_BITS if wide else _IR_VERSION
    model = helper.make_model(graph, producer_name="twincert", opset_imports=[opset], ir_version=version)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _node(step: Step, operands: list[str], result: str, float32: bool) -> onnx.NodeProto:
    if isinstance(step, DenseStep):
        return helper.make_node("Gemm", operands, [result], step.name, transB=1)
    if step.kind != "leaky_relu":
        return helper.make_node(_OPERATORS[step.kind], operands, [result], step.name)
    # LeakyRelu stores its slope as float32; PRelu has it as a tensor of the model's own type.
    if float32:
        return helper.make_node("LeakyRelu", operands, [result], step.name, alpha=step.slope)
    return helper.make_node("PRelu", operands, [result], step.name)


def _operands(step: Step, float32: bool) -> list[np.ndarray | None]:
    """The constants that the step's node reads after its input."""
    if isinstance(step, DenseStep):
        return [step.weight, step.bias]
    if step.kind == "leaky_relu":
        return [] if float32 else [np.array([step.slope])]
    if step.kind != "clip":
        return []
    bounds = [None if math.isinf(bound) else np.array(bound) for bound in (step.lower, step.upper)]
    return bounds[:1] if bounds[1] is None else bounds


def _parameters(step: Step) -> list[np.ndarray]:
    if isinstance(step, DenseStep):
        return [step.weight, step.bias]
    if step.kind in STAIRCASES:  # the limits are multiples of the step, and read as such
        return [np.array([step.step])]
    return [np.array([step.slope, step.lower, step.upper])]


def _is_float32(values: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.array_equal(values.astype(np.float32).astype(np.float64), values))
