"""ONNX files that are damaged, hostile or not read: each gives an error that names file, node and expectation."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import twincert
from twincert.errors import ParseError, TwincertError, UnsupportedLayerError

Change = Callable[[onnx.ModelProto], None]


def tensor(name: str, values: object, dtype: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=dtype), name)


def model() -> onnx.ModelProto:
    """x (N, 3) -> Gemm -> Relu -> MatMul -> Add -> y (N, 2)."""
    nodes = [
        helper.make_node("Gemm", ["x", "W0", "b0"], ["h"], "first", transB=1),
        helper.make_node("Relu", ["h"], ["r"], "rectifier"),
        helper.make_node("MatMul", ["r", "W1"], ["m"], "second"),
        helper.make_node("Add", ["m", "b1"], ["y"], "shift"),
    ]
    constants = [
        tensor("W0", np.arange(12).reshape(4, 3)),
        tensor("b0", [1, 2, 3, 4]),
        tensor("W1", np.ones((4, 2))),
        tensor("b1", [5, 6]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def replace_node(m: onnx.ModelProto, index: int, *arguments: object, **attributes: object) -> None:
    m.graph.node[index].CopyFrom(helper.make_node(*arguments, **attributes))  # type: ignore[arg-type]


def replace_constant(m: onnx.ModelProto, index: int, values: object, dtype: type = np.float32) -> None:
    m.graph.initializer[index].CopyFrom(tensor(m.graph.initializer[index].name, values, dtype))


def set_input(m: onnx.ModelProto, shape: list[int | str] | None, element: int = TensorProto.FLOAT) -> None:
    m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", element, shape))


def external(m: onnx.ModelProto, **entries: str) -> None:
    stored = m.graph.initializer[0]
    stored.ClearField("raw_data")
    stored.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        stored.external_data.add(key=key, value=value)


def insert(m: onnx.ModelProto, index: int, node: onnx.NodeProto) -> None:
    nodes = list(m.graph.node)
    del m.graph.node[:]
    m.graph.node.extend([*nodes[:index], node, *nodes[index:]])


def change_claimed_shape(m: onnx.ModelProto) -> None:
    m.graph.initializer[0].dims[:] = [2**40, 2**40]


def negative_size(m: onnx.ModelProto) -> None:
    m.graph.initializer[0].dims[:] = [-4, -3]


def short_typed_data(m: onnx.ModelProto) -> None:
    stored = m.graph.initializer[1]
    stored.ClearField("raw_data")
    stored.float_data.extend([1.0, 2.0])


def float16_out_of_range(m: onnx.ModelProto) -> None:
    stored = m.graph.initializer[1]
    stored.ClearField("raw_data")
    stored.data_type = TensorProto.FLOAT16
    stored.int32_data.extend([1, 2, 3, 70000])


def segmented(m: onnx.ModelProto) -> None:
    m.graph.initializer[0].segment.begin = 1


def two_outputs(m: onnx.ModelProto) -> None:
    m.graph.output.append(helper.make_tensor_value_info("r", TensorProto.FLOAT, ["N", 4]))


def two_inputs(m: onnx.ModelProto) -> None:
    m.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", 4]))


def sparse(m: onnx.ModelProto) -> None:
    m.graph.sparse_initializer.add()


def foreign_domain(m: onnx.ModelProto) -> None:
    m.graph.node[1].domain = "com.example"


def attribute_type(m: onnx.ModelProto) -> None:
    replace_node(m, 0, "Gemm", ["x", "W0", "b0"], ["h"], "first", transB=1, alpha="one")


def inexact_alpha(m: onnx.ModelProto) -> None:
    replace_constant(m, 0, np.full((4, 3), 0.1), np.float64)
    replace_node(m, 0, "Gemm", ["x", "W0", "b0"], ["h"], "first", transB=1, alpha=0.3)


def other_size(m: onnx.ModelProto) -> None:
    m.graph.initializer.append(tensor("s", [1, 7], np.int64))
    insert(m, 2, helper.make_node("Reshape", ["r", "s"], ["r2"], "fold"))


ONNX_CASES: dict[str, tuple[Change, type[TwincertError], str]] = {
    "unsupported operator": (
        lambda m: replace_node(m, 1, "Softplus", ["h"], ["r"], "rectifier"),
        UnsupportedLayerError,
        r"node 1 'rectifier' \(Softplus\): expected one of .*Relu",
    ),
    "nameless unsupported operator": (
        lambda m: replace_node(m, 1, "Conv", ["h", "W1"], ["r"]),
        UnsupportedLayerError,
        r"node 1 'Conv_1' \(Conv\)",
    ),
    "foreign domain": (foreign_domain, UnsupportedLayerError, "node 1 'rectifier'.*domain 'com.example'"),
    "unknown attribute": (
        lambda m: replace_node(m, 1, "Relu", ["h"], ["r"], "rectifier", negative_slope=0.5),
        UnsupportedLayerError,
        "rectifier.*negative_slope",
    ),
    "attribute of another type": (attribute_type, ParseError, "first.*a number as attribute alpha; found b'one'"),
    "branch": (
        lambda m: replace_node(m, 3, "Add", ["m", "r"], ["y"], "shift"),
        UnsupportedLayerError,
        "node 3 'shift'.*a branch that reads 'r'",
    ),
    "same tensor twice": (
        lambda m: replace_node(m, 3, "Add", ["m", "m"], ["y"], "shift"),
        UnsupportedLayerError,
        "node 3 'shift'.*found it 2 times",
    ),
    "dead branch": (
        lambda m: insert(m, 1, helper.make_node("Relu", ["h"], ["unused"], "dead")),
        UnsupportedLayerError,
        "node 2 'rectifier'.*a branch that reads 'h'",
    ),
    "operation on constants": (
        lambda m: insert(m, 0, helper.make_node("Relu", ["W0"], ["unused"], "folded")),
        UnsupportedLayerError,
        "node 0 'folded'.*Fold constants",
    ),
    "missing initializer": (
        lambda m: m.graph.initializer.pop(2) and None,
        ParseError,
        "node 2 'second'.*found 'W1', which nothing makes",
    ),
    "cycle": (
        lambda m: replace_node(m, 1, "Relu", ["y"], ["r"], "rectifier"),
        ParseError,
        "node 1 'rectifier'.*found 'y', which a later node",
    ),
    "own output": (
        lambda m: replace_node(m, 1, "Relu", ["r"], ["r"], "rectifier"),
        (ParseError, UnsupportedLayerError),
        "node 1 'rectifier'",
    ),
    "tensor made twice": (
        lambda m: replace_node(m, 1, "Relu", ["h"], ["h"], "rectifier"),
        ParseError,
        "node 1 'rectifier'.*'h' again",
    ),
    "several outputs": (two_outputs, UnsupportedLayerError, "expected one output; found 2"),
    "output in the middle": (
        lambda m: m.graph.output[0].CopyFrom(helper.make_tensor_value_info("r", TensorProto.FLOAT, ["N", 4])),
        UnsupportedLayerError,
        "expected the output to be 'y'.*found 'r'",
    ),
    "several inputs": (two_inputs, UnsupportedLayerError, r"expected one input; found 2 \(x, z\)"),
    "no shape": (lambda m: set_input(m, None), ParseError, "input 'x': expected a tensor of known rank"),
    "two dynamic sizes": (lambda m: set_input(m, ["N", "M"]), ParseError, "at most one of them dynamic"),
    "empty input": (lambda m: set_input(m, ["N", 0]), ParseError, "input 'x': expected positive sizes"),
    "huge input": (lambda m: set_input(m, [1, 2**50]), ParseError, "input 'x': expected at most"),
    "integer input": (
        lambda m: set_input(m, ["N", 3], TensorProto.INT64),
        UnsupportedLayerError,
        "input 'x': expected a tensor of float16, float32 or float64",
    ),
    "batch of seven": (
        lambda m: set_input(m, [7, 3]),
        UnsupportedLayerError,
        r"node 0 'first'.*a batch dimension of 1 or a dynamic one; found shape \[7, 3\]",
    ),
    "wrong input size": (
        lambda m: set_input(m, ["N", 5]),
        ParseError,
        "node 0 'first'.*expected a weight for 5 inputs; found 3",
    ),
    "NaN weight": (
        lambda m: replace_constant(m, 2, [[1, 2], [3, np.nan], [5, 6], [7, 8]]),
        ParseError,
        r"node 2 'second'.*expected finite numbers; found nan",
    ),
    "infinite bias": (
        lambda m: replace_constant(m, 1, [1, 2, np.inf, 4]),
        ParseError,
        "node 0 'first'.*expected finite numbers; found inf",
    ),
    "bias of another size": (
        lambda m: replace_constant(m, 1, [1, 2, 3]),
        ParseError,
        r"node 0 'first'.*expected C to broadcast to \[1, 4\]; found \[3\]",
    ),
    "addition that grows the tensor": (
        lambda m: replace_constant(m, 3, [[5, 6], [7, 8]]),
        UnsupportedLayerError,
        r"node 3 'shift'.*broadcasts to shape \[1, 2\]; found \[2, 2\]",
    ),
    "weight of three dimensions": (
        lambda m: replace_constant(m, 2, np.ones((1, 4, 2))),
        UnsupportedLayerError,
        r"node 2 'second'.*expected a floating-point matrix.*\[1, 4, 2\]",
    ),
    "integer weight": (
        lambda m: replace_constant(m, 2, np.ones((4, 2)), np.int64),
        UnsupportedLayerError,
        "node 2 'second'.*floating-point matrix.*int64",
    ),
    "8-bit weight": (
        lambda m: replace_constant(m, 2, np.ones((4, 2)), np.int8),
        UnsupportedLayerError,
        "node 2 'second'.*floating-point matrix.*int8",
    ),
    "32-bit weight": (
        lambda m: replace_constant(m, 2, np.ones((4, 2)), np.int32),
        UnsupportedLayerError,
        "tensor 'W1': expected element type float32.*found INT32",
    ),
    "huge claimed shape": (change_claimed_shape, ParseError, "tensor 'W0': expected [0-9]+ bytes for shape"),
    "negative size": (negative_size, ParseError, r"tensor 'W0': expected sizes of at least 0; found shape \[-4, -3\]"),
    "short typed data": (short_typed_data, ParseError, r"tensor 'b0': expected 4 numbers.*found 2"),
    "float16 bit pattern": (float16_out_of_range, ParseError, "tensor 'b0': expected float16 bit patterns.*70000"),
    "segment": (segmented, ParseError, "tensor 'W0': expected the whole tensor"),
    "sparse initializer": (sparse, UnsupportedLayerError, "expected dense initializers"),
    "external absolute": (
        lambda m: external(m, location="/etc/passwd"),
        ParseError,
        "tensor 'W0': expected external data inside the model's folder; found location '/etc/passwd'",
    ),
    "external parent": (
        lambda m: external(m, location="../outside.bin"),
        ParseError,
        "tensor 'W0': expected external data inside the model's folder",
    ),
    "external link": (
        lambda m: external(m, location="link.bin"),
        ParseError,
        "tensor 'W0': expected external data inside the model's folder; found location 'link.bin'",
    ),
    "external without location": (lambda m: external(m, offset="0"), ParseError, "tensor 'W0': expected external data"),
    "external missing": (
        lambda m: external(m, location="none.bin"),
        ParseError,
        "tensor 'W0': expected an external data file; found no file 'none.bin'",
    ),
    "external too short": (
        lambda m: external(m, location="short.bin"),
        ParseError,
        "tensor 'W0': expected 48 bytes at offset 0.*8 bytes available",
    ),
    "external offset": (
        lambda m: external(m, location="short.bin", offset="-8"),
        ParseError,
        "tensor 'W0': expected a number of bytes as external data offset; found '-8'",
    ),
    "old opset": (
        lambda m: m.opset_import[0].CopyFrom(helper.make_opsetid("", 6)),
        UnsupportedLayerError,
        "expected ONNX opset 7 or later; found 6",
    ),
    "no opset": (lambda m: m.opset_import.pop() and None, UnsupportedLayerError, "expected ONNX opset.*found none"),
    "too few operands": (
        lambda m: replace_node(m, 2, "MatMul", ["r"], ["m"], "second"),
        ParseError,
        r"node 2 'second'.*expected 2 to 2 input\(s\); found 1",
    ),
    "leaky slope": (
        lambda m: replace_node(m, 1, "LeakyRelu", ["h"], ["r"], "rectifier", alpha=2.0),
        ParseError,
        "node 1 'rectifier'.*slope between 0 and 1; found 2",
    ),
    "clip bounds": (
        lambda m: replace_node(m, 1, "Clip", ["h"], ["r"], "rectifier", min=1.0, max=0.0),
        ParseError,
        "node 1 'rectifier'.*lower < upper; found 1.0 and 0.0",
    ),
    "inexact alpha": (
        inexact_alpha,
        UnsupportedLayerError,
        "node 0 'first'.*expected alpha to scale the weights without rounding",
    ),
    "reshape to another size": (
        other_size,
        ParseError,
        r"node 2 'fold'.*expected a shape of 4 elements; found \[1, 7\]",
    ),
    "flatten axis": (
        lambda m: insert(m, 0, helper.make_node("Flatten", ["x"], ["x2"], "fold", axis=5)),
        ParseError,
        "node 0 'fold'.*expected axis from -2 to 2; found 5",
    ),
}


@pytest.mark.parametrize("case", ONNX_CASES)
def test_bad_onnx_model_is_named(case: str, tmp_path: Path) -> None:
    change, error, message = ONNX_CASES[case]
    m = model()
    change(m)
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(48))
    (folder / "short.bin").write_bytes(bytes(8))
    os.symlink(tmp_path / "outside.bin", folder / "link.bin")
    path = folder / "bad.onnx"
    path.write_bytes(m.SerializeToString())
    with pytest.raises(error, match=message) as caught:
        twincert.load(path)
    assert "bad.onnx" in str(caught.value)


def test_the_model_that_the_bad_ones_start_from_is_good(tmp_path: Path) -> None:
    (tmp_path / "good.onnx").write_bytes(model().SerializeToString())
    assert twincert.load(tmp_path / "good.onnx").output_size == 2


@pytest.mark.parametrize("content", [b"", b"\x00", b"not a model at all", b"\xff" * 64, b"\x08\x08", b"PK\x03\x04"])
def test_bytes_that_are_no_onnx_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ParseError, match=r"bad\.onnx: expected an ONNX model"):
        twincert.load(path)


def test_every_truncation_and_many_flips_end_in_an_error_or_a_network(tmp_path: Path) -> None:
    good = model().SerializeToString()
    generator = np.random.default_rng(0)
    path = tmp_path / "damaged.onnx"
    contents = [good[:length] for length in range(0, len(good), 3)]
    for _ in range(300):
        damaged = bytearray(good)
        damaged[generator.integers(len(good))] = generator.integers(256)
        contents.append(bytes(damaged))
    for content in contents:
        path.write_bytes(content)
        try:
            twincert.load(path)
        except TwincertError as error:
            assert "damaged" in str(error)


@pytest.mark.parametrize("name", ["net", "net.pt", "net.onnx.txt", ".onnx"])
def test_unknown_suffix(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    with pytest.raises(ParseError, match=r"expected a file name ending in \.nnet, \.npz or \.onnx"):
        twincert.load(path)


def test_missing_file(tmp_path: Path) -> None:
    for name in ("none.onnx", "none.nnet", "none.npz"):
        with pytest.raises(FileNotFoundError, match=name):
            twincert.load(tmp_path / name)
