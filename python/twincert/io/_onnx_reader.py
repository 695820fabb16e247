"""Reading an ONNX model that is a chain of supported nodes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from twincert.errors import ParseError, UnsupportedLayerError
from twincert.io._onnx_chain import Chain
from twincert.io._onnx_nodes import Node
from twincert.io._onnx_quantize import WITH_QUANTIZATION
from twincert.io._steps import Step
from twincert.io._tensors import read_tensor

# Before opset 7 a node had to ask for broadcasting with attributes.
_OLDEST_OPSET = 7
_LARGEST_INPUT = 2**24
_INPUT_TYPES = (onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)


def read_onnx(path: Path) -> tuple[int, list[Step]]:
    """The input size and the steps of an ONNX model.

    The model must have one input and one output and be a chain: every node reads the one before it and constants. A
    dynamic dimension of the input is the batch and read as 1: the steps are the function of one point, its elements in
    row-major order. Constants are converted to float64 exactly and nothing is folded that would round: a constant
    addition becomes the bias of the MatMul before it, an addition of zero vanishes, any other becomes a dense layer
    with an identity weight.

    Raises:
        ParseError: not an ONNX model, damaged, or not a valid graph; names file and node.
        UnsupportedLayerError: a valid graph with something else than the supported chain; names file and node.
    """
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
        return _Reader(path, model).read()
    except (DecodeError, UnicodeDecodeError) as error:
        raise ParseError(f"{path}: expected an ONNX model; found bytes that are none ({error})") from None


class _Reader:
    def __init__(self, path: Path, model: onnx.ModelProto) -> None:
        self._path = path
        self._graph = model.graph
        if model.ir_version < 1 or not model.graph.node:
            raise ParseError(
                f"{path}: expected an ONNX model with nodes; found IR version {model.ir_version} and no nodes"
            )
        versions = [opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")]
        if not versions or versions[0] < _OLDEST_OPSET:
            found = versions[0] if versions else "none"
            raise UnsupportedLayerError(f"{path}: expected ONNX opset {_OLDEST_OPSET} or later; found {found}")
        if model.graph.sparse_initializer:
            raise UnsupportedLayerError(f"{path}: expected dense initializers; found sparse ones")
        self._made: set[str] = set()
        self._constants: dict[str, NDArray[Any]] = {}
        for tensor in model.graph.initializer:
            self._define(tensor.name, str(path))
            self._constants[tensor.name] = read_tensor(tensor, path.parent, str(path))
        self._chain = self._start()
        self._made_later = {output for node in model.graph.node for output in node.output}

    def read(self) -> tuple[int, list[Step]]:
        size = self._chain.size
        for index, node in enumerate(self._graph.node):
            self._read_node(node, index)
        names = [output.name for output in self._graph.output]
        if len(names) != 1:
            raise UnsupportedLayerError(f"{self._path}: expected one output; found {len(names)} ({', '.join(names)})")
        if names[0] != self._chain.name:
            raise UnsupportedLayerError(
                f"{self._path}: expected the output to be '{self._chain.name}', where the chain of nodes ends; "
                f"found '{names[0]}'"
            )
        if self._chain.quantized is not None:
            raise UnsupportedLayerError(
                f"{self._path}: expected a DequantizeLinear after QuantizeLinear '{self._chain.quantized.step.name}'; "
                "found the output"
            )
        if not self._chain.steps:
            raise ParseError(f"{self._path}: expected at least one layer that computes; found none")
        return size, self._chain.steps

    def _start(self) -> Chain:
        # Older exporters list the initializers among the inputs.
        inputs = [value for value in self._graph.input if value.name not in self._constants]
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs)
            raise UnsupportedLayerError(f"{self._path}: expected one input; found {len(inputs)} ({names})")
        where = f"{self._path}: input '{inputs[0].name}'"
        self._define(inputs[0].name, where)
        tensor = inputs[0].type.tensor_type
        if tensor.elem_type not in _INPUT_TYPES:
            raise UnsupportedLayerError(
                f"{where}: expected a tensor of float16, float32 or float64; found another type"
            )
        if not tensor.HasField("shape") or not tensor.shape.dim:
            raise ParseError(f"{where}: expected a tensor of known rank, at least 1; found no shape")
        sizes = [size.dim_value if size.HasField("dim_value") else -1 for size in tensor.shape.dim]
        if any(size < 1 and size != -1 for size in sizes) or sizes.count(-1) > 1:
            raise ParseError(
                f"{where}: expected positive sizes, at most one of them dynamic; found {sizes} (dynamic: -1)"
            )
        shape = tuple(1 if size == -1 else size for size in sizes)
        if math.prod(shape) > _LARGEST_INPUT:
            raise ParseError(f"{where}: expected at most {_LARGEST_INPUT} elements; found {math.prod(shape)}")
        return Chain(inputs[0].name, shape)

    def _define(self, name: str, where: str) -> None:
        if not name:
            raise ParseError(f"{where}: expected a name for every tensor; found an empty one")
        if name in self._made:
            raise ParseError(f"{where}: expected every tensor to be made once; found '{name}' again")
        self._made.add(name)

    def _read_node(self, proto: onnx.NodeProto, index: int) -> None:
        name = proto.name or f"{proto.op_type}_{index}"
        where = f"{self._path}: node {index} '{name}' ({proto.op_type})"
        if len(proto.output) != 1:
            raise UnsupportedLayerError(f"{where}: expected one output; found {len(proto.output)}")
        self._define(proto.output[0], where)
        if proto.domain not in ("", "ai.onnx"):
            raise UnsupportedLayerError(f"{where}: expected an operator of ONNX itself; found domain '{proto.domain}'")
        if proto.op_type == "Constant":
            self._constants[proto.output[0]] = self._constant(proto, where)
            return
        if proto.op_type not in WITH_QUANTIZATION:
            known = ", ".join(sorted((*WITH_QUANTIZATION, "Constant")))
            raise UnsupportedLayerError(f"{where}: expected one of {known}; found {proto.op_type}")
        if self._chain.quantized is not None and proto.op_type != "DequantizeLinear":
            raise UnsupportedLayerError(
                f"{where}: expected a DequantizeLinear after QuantizeLinear '{self._chain.quantized.step.name}'; "
                f"found {proto.op_type}"
            )
        operator = WITH_QUANTIZATION[proto.op_type]
        operands = [self._operand(tensor, where) for tensor in proto.input]
        if len(operands) not in operator.inputs:
            raise ParseError(
                f"{where}: expected {operator.inputs.start} to {operator.inputs.stop - 1} input(s); "
                f"found {len(operands)}"
            )
        readings = sum(operand is None for operand in operands)
        if readings == 0 and proto.op_type == "Identity" and not isinstance(operands[0], str):
            self._constants[proto.output[0]] = operands[0]  # type: ignore[assignment]
            return
        if readings != 1:
            raise UnsupportedLayerError(
                f"{where}: expected the chain's tensor '{self._chain.name}' as exactly one input; "
                f"found it {readings} times. Fold constants before exporting; branches are not supported"
            )
        attributes = {attribute.name: _value(attribute, where) for attribute in proto.attribute}
        unknown = attributes.keys() - set(operator.attributes)
        if unknown:
            raise UnsupportedLayerError(
                f"{where}: expected attributes among {operator.attributes}; found {sorted(unknown)}"
            )
        operator.read(Node(name, where, operands, attributes), self._chain)
        self._chain.name = proto.output[0]

    def _operand(self, name: str, where: str) -> NDArray[Any] | str | None:
        if name == self._chain.name:
            return None
        if name == "" or name in self._constants:
            return self._constants.get(name, "")
        if name in self._made:
            raise UnsupportedLayerError(
                f"{where}: expected a chain, every node reading the one before ('{self._chain.name}'); "
                f"found a branch that reads '{name}'"
            )
        reason = "which a later node or the node itself makes" if name in self._made_later else "which nothing makes"
        raise ParseError(f"{where}: expected inputs made by earlier nodes or initializers; found '{name}', {reason}")

    def _constant(self, proto: onnx.NodeProto, where: str) -> NDArray[Any]:
        if len(proto.attribute) == 1 and not proto.input:
            attribute = proto.attribute[0]
            value = _value(attribute, where)
            if attribute.name == "value" and isinstance(value, onnx.TensorProto):
                return read_tensor(value, self._path.parent, where)
            if attribute.name in ("value_float", "value_floats"):
                return np.asarray(value, dtype=np.float64)
            if attribute.name in ("value_int", "value_ints"):
                return np.asarray(value, dtype=np.int64)
        raise UnsupportedLayerError(
            f"{where}: expected one attribute: value, value_float(s) or value_int(s); found another"
        )


def _value(attribute: onnx.AttributeProto, where: str) -> Any:
    try:
        return onnx.helper.get_attribute_value(attribute)
    except ValueError as error:
        raise ParseError(f"{where}: expected a value for attribute '{attribute.name}'; found {error}") from None
