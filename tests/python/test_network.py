"""Networks, twins, their digests and their refusals."""

import itertools
import pickle

import numpy as np
import pytest

import twincert
from twincert import (
    Activation,
    Dense,
    Layer,
    Network,
    ParseError,
    SettingsError,
    ShapeError,
    Twin,
    UnsupportedLayerError,
)
from twincert._core import Network as CoreNetwork


def arrays(sizes: list[int], seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(m, n)), rng.normal(size=m)) for n, m in itertools.pairwise(sizes)]


FUNCTIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z >= 0, z, 0.2 * z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_evaluation_matches_numpy(activation: str) -> None:
    layers = arrays([4, 7, 6, 3])
    net = Network.from_arrays(layers, activation, slope=0.2)
    x = np.random.default_rng(1).normal(size=(1100, 4))
    values = x.T
    for k, (weight, bias) in enumerate(layers):
        values = weight @ values + bias[:, None]
        if k < 2:
            values = FUNCTIONS[activation](values)
    assert np.allclose(net(x), values.T, rtol=1e-13, atol=1e-13)
    assert net(x[0]).shape == (3,)
    assert np.allclose(net(x[0]), values.T[0], rtol=1e-13)
    assert net(np.zeros((0, 4))).shape == (0, 3)
    assert (net.input_size, net.output_size, net.parameter_count) == (4, 3, 35 + 48 + 21)


def test_arrays_round_trip_and_equality() -> None:
    layers = arrays([3, 5, 2])
    net = Network.from_arrays(layers)
    back = net.to_arrays()
    assert all(
        np.array_equal(a, b) for pair, other in zip(layers, back, strict=True) for a, b in zip(pair, other, strict=True)
    )
    same = Network.from_arrays(back)
    assert same == net
    assert hash(same) == hash(net)
    assert pickle.loads(pickle.dumps(net)) == net
    back[1][1][0] = np.nextafter(back[1][1][0], 9)
    assert Network.from_arrays(back) != net
    assert Network.from_arrays(layers, "tanh") != net
    assert net != "net"


def test_digest_is_frozen_and_ignores_what_does_not_compute() -> None:
    weight, bias = np.array([[1.0, -2.0]]), np.array([0.5])
    net = Network(2, [Layer("a", Dense(weight, bias), [-1])])
    assert net.digest() == "0cb4c94b1c0d282c1bad01b7376d834503fd43856f040ab3a9e090a8d7c2cc2d"
    renamed = Network(2, [Layer("", Dense(weight, bias), [-1]), Layer("", Activation("identity"), [0])])
    assert renamed == net
    assert Network.from_arrays([(weight, -0.0 * bias)]) == Network.from_arrays([(weight, 0.0 * bias)])


def test_normal_form_inserts_identities() -> None:
    weight, bias = np.array([[2.0, 0.0], [0.0, 3.0]]), np.zeros(2)
    layers = [
        Layer("first", Activation("relu"), [-1]),
        Layer("dead", Dense(np.ones((5, 2)), np.zeros(5)), [0]),
        Layer("w", Dense(weight, bias), [0]),
        Layer("v", Dense(weight, bias), [2]),
        Layer("t", Activation("tanh"), [3]),
        Layer("s", Activation("leaky_relu", slope=0.5), [4]),
    ]
    net = Network(2, layers)
    kinds = [stage.activation.kind for stage in net.stages]
    assert kinds == ["relu", "identity", "tanh", "leaky_relu", "identity"]
    assert np.array_equal(net.stages[0].weight, np.eye(2))
    assert np.array_equal(net.stages[4].weight, np.eye(2))
    assert len(net.layers) == 6
    assert net.output_size == 2
    x = np.array([0.3, -0.4])
    assert np.allclose(net(x), np.tanh(weight @ weight @ np.maximum(x, 0)))
    with pytest.raises(UnsupportedLayerError, match="to_arrays"):
        net.to_arrays()


def test_summary_lists_every_layer() -> None:
    text = Network.from_arrays(arrays([3, 5, 2]), "leaky_relu", slope=0.25).summary()
    assert [line.split() for line in text.splitlines()[1:4]] == [
        ["0", "dense_0", "dense", "5", "20"],
        ["1", "leaky_relu_0", "leaky_relu(0.25)", "5", "0"],
        ["2", "dense_1", "dense", "2", "12"],
    ]
    assert text.endswith("inputs 3, outputs 2, parameters 32")


W, B = np.ones((2, 3)), np.zeros(2)
BAD = {
    "no layers": (lambda: Network.from_arrays([]), ShapeError, "at least one"),
    "no graph": (lambda: Network(3, []), ShapeError, "at least one layer"),
    "not a pair": (lambda: Network.from_arrays([(W,)]), ShapeError, r"layers\[0\]"),
    "input size": (lambda: Network(0, [Layer("a", Dense(W, B), [-1])]), ShapeError, "input size"),
    "NaN": (lambda: Network.from_arrays([(W * np.nan, B)]), ParseError, r"layers\[0\]: weight\[0, 0\] is nan"),
    "NaN in a graph": (
        lambda: Network(3, [Layer("a", Dense(W * np.nan, B), [-1])]),
        ParseError,
        r'layer 0 \("a"\).*nan',
    ),
    "infinite bias": (lambda: Network.from_arrays([(W, B + np.inf)]), ParseError, r"bias\[0\] is inf"),
    "complex": (lambda: Network.from_arrays([(W + 1j, B)]), ParseError, "complex"),
    "object": (lambda: Network.from_arrays([(np.array([[None]]), B)]), ParseError, "object"),
    "text": (lambda: Network.from_arrays([([["1", "2"]], B)]), ParseError, "real numbers"),
    "ragged": (lambda: Network.from_arrays([([[1.0], [1.0, 2.0]], B)]), ShapeError, "rectangular"),
    "bool": (lambda: Network.from_arrays([(W > 0, B)]), ParseError, "bool"),
    "inexact integer": (lambda: Network.from_arrays([(np.full((2, 3), 2**60), B)]), ParseError, "exactly"),
    "weight a vector": (lambda: Network.from_arrays([(B, B)]), ShapeError, "a matrix"),
    "bias a matrix": (lambda: Network.from_arrays([(W, W)]), ShapeError, "a vector"),
    "bias too long": (lambda: Network.from_arrays([(W, np.zeros(3))]), ShapeError, "3 entries.*2 rows"),
    "empty weight": (lambda: Network.from_arrays([(np.zeros((0, 3)), np.zeros(0))]), ShapeError, "empty"),
    "sizes do not chain": (lambda: Network.from_arrays([(W, B), (W, B)]), ShapeError, "layer 2 .*3 columns.*size 2"),
    "activation": (lambda: Network.from_arrays([(W, B)], "gelu"), SettingsError, '"gelu"; known are identity, relu'),
    "clip": (lambda: Network.from_arrays([(W, B)], "clip"), SettingsError, "limits"),
    "slope": (
        lambda: Network.from_arrays([(W, B), (np.ones((1, 2)), [0])], "leaky_relu", slope=1.5),
        SettingsError,
        "slope",
    ),
    "clip limits": (lambda: Network(1, [Layer("", Activation("clip", lower=1), [-1])]), SettingsError, "lower < upper"),
    "cycle": (lambda: Network(3, [Layer("a", Dense(W, B), [0])]), ShapeError, "earlier layer"),
    "two inputs": (lambda: Network(3, [Layer("a", Dense(W, B), [-1, -1])]), ShapeError, "exactly one"),
    "point size": (lambda: Network.from_arrays([(W, B)])(np.zeros(4)), ShapeError, r"\(3,\) or \(N, 3\)"),
    "point dimensions": (lambda: Network.from_arrays([(W, B)])(np.zeros((1, 1, 3))), ShapeError, "found"),
    "point NaN": (lambda: Network.from_arrays([(W, B)])([0, np.nan, 0]), ParseError, r"x\[1\] is nan"),
    "core point size": (
        lambda: CoreNetwork.from_arrays([Dense(W, B)], Activation("relu")).evaluate(B),
        ShapeError,
        "size 3",
    ),
    "twin input": (lambda: Twin(net_of(3, 2), net_of(4, 2)), ShapeError, "input sizes.* 3.* 4"),
    "twin output": (lambda: Twin(net_of(3, 2), net_of(3, 1)), ShapeError, "output sizes"),
    "twin type": (lambda: Twin(net_of(3, 2), "g.onnx"), SettingsError, "compressed: .*str"),
    "twin points": (
        lambda: Twin(net_of(3, 2), net_of(3, 2)).error(np.zeros((2, 3)), np.zeros(3)),
        ShapeError,
        "differ",
    ),
}


def net_of(inputs: int, outputs: int) -> Network:
    return Network.from_arrays([(np.ones((outputs, inputs)), np.zeros(outputs))])


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str) -> None:
    build, error, message = BAD[case]
    with pytest.raises(error, match=message) as caught:
        build()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, twincert.TwincertError)


def test_error_hierarchy() -> None:
    assert issubclass(UnsupportedLayerError, NotImplementedError)
    assert issubclass(twincert.BackendUnavailableError, RuntimeError)


def test_twin_pads_the_shallower_chain() -> None:
    f, g = Network.from_arrays(arrays([3, 5, 4, 2])), Network.from_arrays(arrays([3, 5, 2], 1))
    for twin in (Twin(f, g), Twin(g, f)):
        assert len(twin.stages) == 3
        assert [stage.paired for stage in twin.stages] == [True, False, True]
        x = np.random.default_rng(0).normal(size=(9, 3))
        assert np.allclose(twin.error(x), twin.reference(x) - twin.compressed(x))
    padded = Twin(f, g).stages[1].compressed
    assert np.array_equal(padded.weight, np.eye(5))
    assert padded.activation.kind == "identity"
    chained = Network.from_arrays(arrays([3, 5, 4, 2]), "relu")
    assert all(stage.paired for stage in Twin(f, chained).stages)
    assert not Twin(f, Network.from_arrays(arrays([3, 5, 4, 2]), "tanh")).stages[0].paired


def test_twin_of_two_inputs_and_pickling() -> None:
    twin = Twin(Network.from_arrays(arrays([3, 5, 2])), Network.from_arrays(arrays([3, 5, 2], 4)))
    x, y = np.random.default_rng(0).normal(size=(2, 3))
    assert np.allclose(twin.error(x, y), twin.reference(x) - twin.compressed(y))
    copy = pickle.loads(pickle.dumps(twin))
    assert copy.reference == twin.reference
    assert copy.compressed == twin.compressed


def test_arrays_handed_out_cannot_change_the_network() -> None:
    net = Network.from_arrays(arrays([3, 2]))
    with pytest.raises(ValueError, match="read-only"):
        net.stages[0].weight[0, 0] = 5.0
