"""Rounded activations in files: QuantizeLinear and DequantizeLinear against onnxruntime, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import twincert
from twincert.errors import ParseError, SettingsError, TwincertError, UnsupportedLayerError

Nodes = Sequence[onnx.NodeProto]
LINEAR = ("QuantizeLinear", "DequantizeLinear")


def write(path: Path, nodes: Nodes, constants: dict[str, Any], opset: int = 17) -> onnx.ModelProto:
    """A model of the input x (N, 2) and the output y."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in ("x", "y")]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset < 21 else 10)
    path.write_bytes(model.SerializeToString())
    return model


def rounding(scale: str = "s", zero: str = "z", after: tuple[str, str] | None = None) -> list[onnx.NodeProto]:
    """x -> QuantizeLinear -> q -> DequantizeLinear -> y."""
    first, second = (
        [name for name in names if name] for names in ((scale, zero), (scale, zero) if after is None else after)
    )
    return [
        helper.make_node(LINEAR[0], ["x", *first], ["q"], "to integers"),
        helper.make_node(LINEAR[1], ["q", *second], ["y"], "back"),
    ]


def ort(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x.astype(np.float32)})[0])


@pytest.mark.parametrize("scale", [0.5, 0.0078125, 2.0])
@pytest.mark.parametrize(
    ("kind", "zero"), [("uint8", 0), ("uint8", 128), ("int8", -3), ("int8", 0), ("int16", 5), ("uint16", 9), ("", 0)]
)
def test_models_agree_with_onnxruntime_to_the_last_bit(kind: str, zero: int, scale: float, tmp_path: Path) -> None:
    constants = {"s": np.float32(scale)} | ({"z": np.array(zero, kind)} if kind else {})
    wide = kind.endswith("16")
    model = write(tmp_path / "m.onnx", rounding(zero="z" if kind else ""), constants, 21 if wide else 17)
    net = twincert.load(tmp_path / "m.onnx")
    assert [layer.operation.kind for layer in net.layers] == ["quantize_even"]
    rng = np.random.default_rng(1)
    halves = rng.integers(-600, 600, (400, 2)) * scale / 2  # half of them ties
    np.testing.assert_array_equal(net(halves), ort(model, halves))
    twincert.io.save(net, tmp_path / "again.onnx")
    assert twincert.load(tmp_path / "again.onnx") == net
    np.testing.assert_array_equal(net(halves), ort(onnx.load(tmp_path / "again.onnx"), halves))


def test_a_clip_of_its_own_stays(tmp_path: Path) -> None:
    """Two layers come back as two, although the first one alone is written with a Clip."""
    operations = [("quantize_even", 0.0, 0.0, 63.75, 0.25), ("clip", 0.0, 0.5, 1.125)]
    for count, second in itertools.product((1, 2), ("a", "b")):
        names = ("a", second)[:count]
        layers = [
            twincert.Layer(name, twincert.Activation(*arguments), [k - 1])
            for k, (name, arguments) in enumerate(zip(names, operations, strict=False))
        ]
        twincert.io.save(twincert.Network(2, layers), tmp_path / "net.onnx")
        found = [(layer.name, layer.operation) for layer in twincert.load(tmp_path / "net.onnx").layers]
        assert found == [(layer.name, layer.operation) for layer in layers]


def test_a_clip_between_levels_is_no_part_of_the_staircase(tmp_path: Path) -> None:
    nodes = [
        helper.make_node(LINEAR[0], ["x", "s"], ["q"], "a/quantize"),
        helper.make_node(LINEAR[1], ["q", "s"], ["r"], "a/dequantize"),
        helper.make_node("Clip", ["r", "", "hi"], ["y"], "a"),
    ]
    for limit in (0.6, np.inf):
        write(tmp_path / "m.onnx", nodes, {"s": S, "hi": np.float32(limit)})
        net = twincert.load(tmp_path / "m.onnx")
        assert net([0.3, 0.9]).tolist() == [0.5, min(1.0, float(np.float32(limit)))]


S, Z = np.float32(0.5), np.uint8(3)
RELU = helper.make_node("Relu", ["q"], ["r"], "between")
BAD: dict[str, tuple[Nodes, dict[str, Any], type[TwincertError], str]] = {
    "no DequantizeLinear": (
        [rounding()[0], RELU, helper.make_node(LINEAR[1], ["r", "s", "z"], ["y"])],
        {"s": S, "z": Z},
        UnsupportedLayerError,
        "node 1 'between'.*expected a DequantizeLinear after QuantizeLinear 'to integers'; found Relu",
    ),
    "integers as output": (
        [helper.make_node(LINEAR[0], ["x", "s", "z"], ["y"], "to integers")],
        {"s": S, "z": Z},
        UnsupportedLayerError,
        "expected a DequantizeLinear after QuantizeLinear 'to integers'; found the output",
    ),
    "no QuantizeLinear": (
        [helper.make_node(LINEAR[1], ["x", "s", "z"], ["y"], "back")],
        {"s": S, "z": Z},
        UnsupportedLayerError,
        "node 0 'back'.*expected a QuantizeLinear right before it",
    ),
    "a scale per channel": (
        rounding(),
        {"s": np.full(2, S), "z": np.full(2, Z)},
        UnsupportedLayerError,
        "expected one scale and one zero point",
    ),
    "another scale": (
        rounding(after=("t", "z")),
        {"s": S, "z": Z, "t": 2 * S},
        UnsupportedLayerError,
        "node 1 'back'.*scale and zero point of the QuantizeLinear before it, 0.5 and 3.*found 1.0 and 3",
    ),
    "another zero point": (
        rounding(after=("s", "w")),
        {"s": S, "z": Z, "w": np.int8(3)},
        UnsupportedLayerError,
        "found 0.5 and 3 .int8",
    ),
    "zero point of another type": (
        rounding(),
        {"s": S, "z": np.float32(0)},
        UnsupportedLayerError,
        "type uint8.*float64",
    ),
    "scale zero": (rounding(), {"s": np.float32(0), "z": Z}, ParseError, "'to integers'.*positive scale; found 0.0"),
    "scale NaN": (rounding(), {"s": np.float32(np.nan), "z": Z}, ParseError, "positive scale; found nan"),
    "scale infinite": (rounding(), {"s": np.float32(np.inf), "z": Z}, ParseError, "positive scale; found inf"),
    "scale of many digits": (rounding(), {"s": np.float64(0.1), "z": Z}, SettingsError, "m.onnx: layer 0.*multiple"),
    "scale that is missing": (
        [helper.make_node(LINEAR[0], ["x", "", "z"], ["q"]), rounding()[1]],
        {"s": S, "z": Z},
        UnsupportedLayerError,
        "expected one scale",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_models_are_named(case: str, tmp_path: Path) -> None:
    nodes, constants, error, message = BAD[case]
    write(tmp_path / "m.onnx", nodes, constants)
    with pytest.raises(error, match=message) as caught:
        twincert.load(tmp_path / "m.onnx")
    assert "m.onnx" in str(caught.value)


def test_plain_npz_names_a_staircase(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"W0": np.eye(2), "b0": np.zeros(2), "W1": np.eye(2), "b1": np.zeros(2)}
    limits = {"activation": "quantize", "lower": 0.0, "upper": 2.0}
    np.savez(tmp_path / "net.npz", **arrays, **limits, step=0.5)
    assert twincert.load(tmp_path / "net.npz")([0.8, -3.0]).tolist() == [1.0, 0.0]
    np.savez(tmp_path / "bad.npz", **arrays, **limits)
    with pytest.raises(ParseError, match=r"bad\.npz.*positive step.*found 0.0"):
        twincert.load(tmp_path / "bad.npz")
    np.savez(tmp_path / "ragged.npz", **arrays, **limits, step=0.75)
    with pytest.raises(SettingsError, match=r"ragged\.npz.*limit 2, expected a multiple of its step 0.75"):
        twincert.load(tmp_path / "ragged.npz")
