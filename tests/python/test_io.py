"""Networks written and read again; ONNX models made here, against onnxruntime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import twincert
import twincert.io

Array = NDArray[np.float64]
RANDOM = np.random.default_rng(5)
TENTH = float(np.float32(0.1))


def describe(net: twincert.Network) -> list[tuple[Any, ...]]:
    """Everything that a round trip must keep."""
    described: list[tuple[Any, ...]] = []
    for layer in net.layers:
        operation = layer.operation
        if hasattr(operation, "weight"):
            described.append((layer.name, operation.weight.tolist(), operation.bias.tolist()))
        else:
            parameters = (operation.slope, operation.lower, operation.upper, operation.step)
            described.append((layer.name, operation.kind, *parameters))
    return described


def onnx_model(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, Any],
    shape: Sequence[int | str],
    *,
    dtype: type = np.float32,
    opset: int = 17,
    stored: bool = True,
) -> onnx.ModelProto:
    """A model of input x and output y; integer lists are int64, the rest has `dtype`."""
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    tensors = []
    for name, values in constants.items():
        array = np.asarray(values)
        array = array.astype(np.int64 if name.startswith("i_") else dtype)
        if stored:
            tensors.append(numpy_helper.from_array(array, name))
        else:
            flat = array.ravel()
            typed = flat.view(np.uint16) if dtype is np.float16 and not name.startswith("i_") else flat
            kind = TensorProto.INT64 if name.startswith("i_") else element
            tensors.append(onnx.TensorProto(name=name, data_type=kind, dims=array.shape))
            field = {
                TensorProto.FLOAT: "float_data",
                TensorProto.DOUBLE: "double_data",
                TensorProto.INT64: "int64_data",
            }
            getattr(tensors[-1], field.get(kind, "int32_data")).extend(typed.tolist())
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", element, list(shape))],
        [helper.make_tensor_value_info("y", element, None)],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run(model: onnx.ModelProto, x: Array) -> Array:
    """onnxruntime on one point, the graph as it stands: optimised, it quantises weights beside QuantizeLinear too."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in source.shape]
    dtypes = {"tensor(double)": np.float64, "tensor(float16)": np.float16}
    value = session.run(None, {source.name: x.reshape(shape).astype(dtypes.get(source.type, np.float32))})[0]
    return np.asarray(value, dtype=np.float64).ravel()


def node(kind: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), [output], name=f"{kind} {output}", **attributes)


W3 = RANDOM.normal(size=(4, 3))
B4 = RANDOM.normal(size=4)
W4 = RANDOM.normal(size=(2, 4))
B2 = RANDOM.normal(size=2)

# Nodes, constants, input shape, extra options of onnx_model, and the numbers of dense layers and activations expected.
MODELS: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], list[int | str], dict[str, Any], tuple[int, int]]] = {
    "gemm": ([node("Gemm", "x w b", "y", transB=1)], {"w": W3, "b": B4}, ["N", 3], {}, (1, 0)),
    "gemm without bias": ([node("Gemm", "x w", "y")], {"w": W3.T}, ["N", 3], {}, (1, 0)),
    "gemm then add": ([node("Gemm", "x w", "h"), node("Add", "h b", "y")], {"w": W3.T, "b": B4}, [1, 3], {}, (1, 0)),
    "gemm with bias then add": (
        [node("Gemm", "x w b", "h"), node("Add", "h b", "y")],
        {"w": W3.T, "b": B4},
        [1, 3],
        {},
        (2, 0),
    ),
    "gemm alpha beta": (
        [node("Gemm", "x w b", "y", alpha=0.3, beta=-1.7, transB=1)],
        {"w": W3, "b": B4},
        ["N", 3],
        {},
        (1, 0),
    ),
    "gemm alpha zero": ([node("Gemm", "x w b", "y", alpha=0.0, transB=1)], {"w": W3, "b": B4}, ["N", 3], {}, (1, 0)),
    "gemm scalar bias": ([node("Gemm", "x w b", "y", transB=1)], {"w": W3, "b": [2.5]}, ["N", 3], {}, (1, 0)),
    "gemm transposed input": ([node("Gemm", "x w b", "y", transA=1)], {"w": W3.T, "b": B4}, [3, 1], {}, (1, 0)),
    "gemm constant first": ([node("Gemm", "w x b", "y")], {"w": W3, "b": B4[:, None]}, [3, 1], {}, (1, 0)),
    "gemm constant first, both transposed": (
        [node("Gemm", "w x b", "y", transA=1, transB=1)],
        {"w": W3.T, "b": B4[:, None]},
        [1, 3],
        {},
        (1, 0),
    ),
    "matmul left": ([node("MatMul", "w x", "h"), node("Add", "h b", "y")], {"w": W3, "b": B4}, [3], {}, (1, 0)),
    "matmul left column": ([node("MatMul", "w x", "y")], {"w": W3}, [3, 1], {}, (1, 0)),
    "matmul right": ([node("MatMul", "x w", "h"), node("Add", "b h", "y")], {"w": W3.T, "b": B4}, ["N", 3], {}, (1, 0)),
    "matmul vector": ([node("MatMul", "x w", "y")], {"w": W3.T}, [3], {}, (1, 0)),
    "matmul minus": ([node("MatMul", "x w", "h"), node("Sub", "h b", "y")], {"w": W3.T, "b": B4}, ["N", 3], {}, (1, 0)),
    "minus matmul": ([node("MatMul", "x w", "h"), node("Sub", "b h", "y")], {"w": W3.T, "b": B4}, ["N", 3], {}, (1, 0)),
    "shifted input": (
        [node("Sub", "x m", "h"), node("Gemm", "h w b", "y", transB=1)],
        {"m": [0.5, -1.0, 2.0], "w": W3, "b": B4},
        ["N", 3],
        {},
        (2, 0),
    ),
    "unshifted input": (
        [node("Sub", "x m", "h"), node("Add", "h m", "k"), node("Gemm", "k w b", "y", transB=1)],
        {"m": [0.0, 0.0, 0.0], "w": W3, "b": B4},
        ["N", 3],
        {},
        (1, 0),
    ),
    "reversed input": ([node("Sub", "m x", "y")], {"m": 0.0}, ["N", 3], {}, (1, 0)),
    "scalar shift": ([node("Add", "x m", "y")], {"m": 1.5}, ["N", 3], {}, (1, 0)),
    "image": (
        [
            node("Sub", "x m", "a"),
            node("Flatten", "a", "b"),
            node("Gemm", "b w c", "d", transB=1),
            node("Relu", "d", "e"),
            node("Reshape", "e i_s", "f"),
            node("Tanh", "f", "g"),
            node("Reshape", "g i_t", "h"),
            node("MatMul", "h v", "y"),
        ],
        {
            "m": [[[0.5]], [[-0.5]]],
            "w": RANDOM.normal(size=(4, 12)),
            "c": B4,
            "i_s": [0, 2, -1],
            "i_t": [-1, 4],
            "v": W4.T,
        },
        ["N", 2, 2, 3],
        {},
        (3, 2),
    ),
    "every activation": (
        [
            node("Gemm", "x w b", "a", transB=1),
            node("LeakyRelu", "a", "c", alpha=0.2),
            node("Sigmoid", "c", "d"),
            node("Gemm", "d v e", "f", transB=1),
            node("Clip", "f lo hi", "g"),
            node("LeakyRelu", "g", "h"),
            node("Identity", "h", "i"),
            node("PRelu", "i s", "y"),
        ],
        {"w": W3, "b": B4, "v": W4, "e": B2, "lo": -0.5, "hi": 0.75, "s": [0.125]},
        ["N", 3],
        {},
        (2, 6),
    ),
    "clip attributes": ([node("Clip", "x", "y", min=-0.25, max=0.5)], {}, ["N", 3], {"opset": 10}, (0, 1)),
    "clip below": ([node("Clip", "x lo", "y")], {"lo": 0.25}, ["N", 3], {}, (0, 1)),
    "clip above": (
        [helper.make_node("Clip", ["x", "", "hi"], ["y"], "Clip y")],
        {"hi": 0.25},
        ["N", 3],
        {},
        (0, 1),
    ),
    "flatten everything": ([node("Flatten", "x", "h", axis=0), node("Relu", "h", "y")], {}, [1, 3], {}, (0, 1)),
    "flatten from the end": ([node("Flatten", "x", "h", axis=-1), node("Relu", "h", "y")], {}, [1, 3], {}, (0, 1)),
    "constant node": (
        [
            helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(W3.T.astype(np.float32))),
            helper.make_node("Identity", ["w"], ["w2"]),
            helper.make_node("Constant", [], ["b"], value_floats=[1.0, 2.0, 3.0, 4.0]),
            helper.make_node("Constant", [], ["s"], value_ints=[1, -1]),
            node("MatMul", "x w2", "h"),
            node("Reshape", "h s", "k"),
            node("Add", "k b", "y"),
        ],
        {},
        ["N", 3],
        {},
        (1, 0),
    ),
    "double": ([node("Gemm", "x w b", "y", transB=1)], {"w": W3, "b": B4}, ["N", 3], {"dtype": np.float64}, (1, 0)),
    "half": (
        [node("MatMul", "x w", "h"), node("Add", "h b", "y")],
        {"w": W3.T, "b": B4},
        ["N", 3],
        {"dtype": np.float16},
        (1, 0),
    ),
}


@pytest.mark.parametrize("stored", [True, False], ids=["raw", "typed"])
@pytest.mark.parametrize("case", MODELS)
def test_models_agree_with_onnxruntime(case: str, stored: bool, tmp_path: Path) -> None:
    nodes, constants, shape, options, (dense, activations) = MODELS[case]
    model = onnx_model(nodes, constants, shape, stored=stored, **options)
    onnx.save(model, tmp_path / "m.onnx")
    net = twincert.load(tmp_path / "m.onnx")
    operations = [layer.operation for layer in net.layers]
    assert sum(hasattr(operation, "weight") for operation in operations) == dense
    assert sum(hasattr(operation, "slope") for operation in operations) == activations
    dtype = options.get("dtype", np.float32)
    # At most four layers of sums of at most 13 terms, all of size about 10: 100 units in the last place.
    tolerance = 1000 * float(np.finfo(dtype).eps)
    for _ in range(20):
        x = RANDOM.normal(size=net.input_size).astype(dtype).astype(np.float64)
        np.testing.assert_allclose(net(x), run(model, x), rtol=tolerance, atol=tolerance)


def test_conversion_to_float64_is_exact(tmp_path: Path) -> None:
    nodes, constants, shape, _, _ = MODELS["gemm alpha beta"]
    for dtype in (np.float32, np.float16):
        onnx.save(onnx_model(nodes, constants, shape, dtype=dtype), tmp_path / "m.onnx")
        (weight, bias), *_ = twincert.load(tmp_path / "m.onnx").to_arrays()
        np.testing.assert_array_equal(weight, W3.astype(dtype).astype(np.float64) * float(np.float32(0.3)))
        np.testing.assert_array_equal(bias, B4.astype(dtype).astype(np.float64) * float(np.float32(-1.7)))


def test_names_come_from_the_nodes(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "multiplication"),
        helper.make_node("Add", ["h", "b"], ["k"], "addition"),
        helper.make_node("Relu", ["k"], ["y"]),
    ]
    onnx.save(onnx_model(nodes, {"w": W3.T, "b": B4}, ["N", 3]), tmp_path / "m.onnx")
    assert [layer.name for layer in twincert.load(tmp_path / "m.onnx").layers] == ["multiplication", "Relu_2"]


def test_initializers_among_the_inputs(tmp_path: Path) -> None:
    nodes, constants, shape, _, _ = MODELS["gemm"]
    model = onnx_model(nodes, constants, shape)
    for tensor in model.graph.initializer:
        model.graph.input.insert(0, helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.save(model, tmp_path / "m.onnx")
    assert twincert.load(tmp_path / "m.onnx").input_size == 3


def test_external_data(tmp_path: Path) -> None:
    nodes, constants, shape, _, _ = MODELS["gemm"]
    model = onnx_model(nodes, constants, shape)
    onnx.save(model, tmp_path / "inside.onnx")
    onnx.save(model, tmp_path / "outside.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").exists()
    inside, outside = (twincert.load(tmp_path / name) for name in ("inside.onnx", "outside.onnx"))
    assert describe(inside) == describe(outside)


ACTIVATIONS: dict[str, dict[str, Any]] = {
    "identity": {"kind": "identity"},
    "relu": {"kind": "relu"},
    "leaky_relu": {"kind": "leaky_relu", "slope": 0.01},
    "leaky_relu float32": {"kind": "leaky_relu", "slope": 0.125},
    "sigmoid": {"kind": "sigmoid"},
    "tanh": {"kind": "tanh"},
    "clip": {"kind": "clip", "lower": -0.1, "upper": 1.0},
    "clip below": {"kind": "clip", "lower": 0.0, "upper": np.inf},
    "clip above": {"kind": "clip", "lower": -np.inf, "upper": 0.5},
    "quantize": {"kind": "quantize", "lower": 0.0, "upper": 3.75, "step": 0.25},
    "quantize to uint8": {"kind": "quantize_even", "lower": 0.0, "upper": 63.75, "step": 0.25},
    "quantize to int8": {"kind": "quantize_even", "lower": -2.0, "upper": 127 / 64, "step": 1 / 64},
    "quantize and clip": {"kind": "quantize_even", "lower": 0.0, "upper": 3.75, "step": 0.25},
    "quantize, odd step": {"kind": "quantize_even", "lower": -5 * TENTH, "upper": 9 * TENTH, "step": TENTH},
    "quantize above zero": {"kind": "quantize_even", "lower": 1.0, "upper": 2.0, "step": 0.25},
    "quantize to uint16": {"kind": "quantize_even", "lower": -1.0, "upper": 1.0, "step": 2.0**-10},
    "quantize to 20 bits": {"kind": "quantize_even", "lower": -1.0, "upper": 1.0, "step": 2.0**-19},
}
NOT_IN_ONNX = {"quantize": "ties to even.*away", "quantize to 20 bits": "16 bits for .onnx, or .npz"}


def chain(arrays: list[tuple[Array, Array]], options: dict[str, Any]) -> twincert.Network:
    """A network with the given activation between its dense layers, and after the last one."""
    layers = []
    for k, (weight, bias) in enumerate(arrays):
        layers.append(twincert.Layer(f"dense {k}", twincert.Dense(weight, bias), [2 * k - 1]))
        layers.append(twincert.Layer(f"activation {k}", twincert.Activation(**options), [2 * k]))
    return twincert.Network(arrays[0][0].shape[1], layers)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("suffix", [".onnx", ".npz"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_round_trip(name: str, suffix: str, precision: type, tmp_path: Path) -> None:
    arrays = [
        (RANDOM.normal(size=(6, 3)).astype(precision).astype(np.float64), RANDOM.normal(size=6).astype(precision)),
        (RANDOM.normal(size=(5, 6)).astype(precision).astype(np.float64), np.zeros(5)),
        (RANDOM.normal(size=(2, 5)).astype(precision).astype(np.float64), RANDOM.normal(size=2).astype(precision)),
    ]
    net = chain([(w, b.astype(np.float64)) for w, b in arrays], ACTIVATIONS[name])
    path = tmp_path / f"net{suffix}"
    if suffix == ".onnx" and name.startswith("quantize") and (name in NOT_IN_ONNX or precision is np.float64):
        message = "float32 only.*npz" if precision is np.float64 else NOT_IN_ONNX[name]
        with pytest.raises(twincert.SettingsError, match=f"net.onnx: .*{message}"):
            twincert.io.save(net, path)
        return
    twincert.io.save(net, path)
    assert describe(twincert.load(path)) == describe(net)
    if suffix == ".npz":
        return
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    version, opset = (10, 21) if name == "quantize to uint16" else (8, 17)
    assert (model.ir_version, [(found.domain, found.version) for found in model.opset_import]) == (
        version,
        [("", opset)],
    )
    # onnxruntime sums in float32, which may change a stair now and then.
    close = [np.allclose(net(x), run(model, x), rtol=1e-4, atol=1e-5) for x in RANDOM.normal(size=(50, 3))]
    assert sum(close) >= (45 if name.startswith("quantize") else 50)


def test_saved_numbers_are_float32_only_when_nothing_is_lost(tmp_path: Path) -> None:
    for value, expected in ((0.5, TensorProto.FLOAT), (0.1, TensorProto.DOUBLE), (1e39, TensorProto.DOUBLE)):
        net = twincert.Network.from_arrays([(np.array([[value]]), np.zeros(1))])
        twincert.io.save(net, tmp_path / "net.onnx")
        model = onnx.load(tmp_path / "net.onnx")
        assert model.graph.input[0].type.tensor_type.elem_type == expected
        assert {tensor.data_type for tensor in model.graph.initializer} == {expected}


def test_saved_models_take_batches(tmp_path: Path) -> None:
    net = twincert.Network.from_arrays([(W3, B4), (W4, B2)], activation="tanh")
    net.save(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    points = RANDOM.normal(size=(7, 3))
    np.testing.assert_allclose(session.run(None, {"input": points})[0], net(points), rtol=1e-12, atol=1e-12)


def test_saving_refuses_other_suffixes(tmp_path: Path) -> None:
    net = twincert.Network.from_arrays([(W3, B4)])
    for name in ("net.nnet", "net", "net.pt"):
        with pytest.raises(twincert.SettingsError, match=r"expected a file name ending in \.npz or \.onnx"):
            twincert.io.save(net, tmp_path / name)
    assert not list(tmp_path.iterdir())


NNET = """// a comment
//another

2, 3, 2, 3,
3,2,2
0,
-1,-1,-1,
1,1,1,
0,0,0,5,
1,1,1,9,
0.5,-1,2.5e-1,
1,0,-1
0.125,
-0.5
2,-3,
// between
1,1
0,
1e-3,
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_nnet_is_read_in_its_normalised_inputs(end: str, tmp_path: Path) -> None:
    (tmp_path / "net.nnet").write_bytes(NNET.replace("\n", end).encode())
    net = twincert.load(tmp_path / "net.nnet")
    first = np.array([[0.5, -1, 0.25], [1, 0, -1]]), np.array([0.125, -0.5])
    second = np.array([[2.0, -3.0], [1.0, 1.0]]), np.array([0.0, 1e-3])
    for x in RANDOM.normal(size=(20, 3)):
        expected = second[0] @ np.maximum(first[0] @ x + first[1], 0.0) + second[1]
        np.testing.assert_allclose(net(x), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("kind", ["relu", "tanh", "leaky_relu"])
def test_plain_npz(kind: str, tmp_path: Path) -> None:
    arrays = {"W0": W3.astype(np.float32), "b0": B4, "W1": np.asfortranarray(W4), "b1": np.array([1, 2]), "extra": B2}
    if kind != "relu":
        arrays["activation"] = np.array(kind)
    np.savez(tmp_path / "net.npz", **arrays)
    np.savez_compressed(tmp_path / "small.npz", **arrays)
    net = twincert.load(tmp_path / "net.npz")
    assert describe(net) == describe(twincert.load(tmp_path / "small.npz"))
    function = {"relu": lambda v: np.maximum(v, 0), "tanh": np.tanh, "leaky_relu": lambda v: np.maximum(v, 0.01 * v)}[
        kind
    ]
    for x in RANDOM.normal(size=(20, 3)):
        expected = W4 @ function(W3.astype(np.float32).astype(np.float64) @ x + B4) + [1, 2]
        np.testing.assert_allclose(net(x), expected, rtol=1e-13, atol=1e-13)


def test_paths_may_be_text(tmp_path: Path) -> None:
    net = twincert.Network.from_arrays([(W3, B4)])
    twincert.io.save(net, str(tmp_path / "net.npz"))
    assert describe(twincert.load(str(tmp_path / "net.npz"))) == describe(net)
