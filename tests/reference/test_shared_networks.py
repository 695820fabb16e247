"""Real networks: what is loaded computes what onnxruntime computes, within float32 rounding."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import scipy.io
from numpy.typing import NDArray

import twincert
import twincert.io

Array = NDArray[np.float64]
DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared data next to the repository")
POINTS = 200


def files() -> Iterator[str]:
    for pattern in ("acasxu/*.onnx", "acasxu/*.nnet", "mnist/*.nnet", "nn_sdp/*.nnet", "other_width_twins/*.onnx"):
        yield from sorted(str(path.relative_to(DATA)) for path in DATA.glob(pattern))
    for pattern in ("har/har*.npz", "qebverif/P*.npz"):
        yield from sorted(str(path.relative_to(DATA)) for path in DATA.glob(pattern))


def rounding_error(net: twincert.Network, points: Array, unit: float) -> Array:
    """Bound, to first order, of |evaluation with unit roundoff `unit` - exact| per point and output, (N, outputs).

    Layer by layer, a sum of n products and a bias is off by at most (n + 1) unit (|W| |x| + |b|), in any order (Higham,
    Accuracy and Stability of Numerical Algorithms, section 3.1); rounding the parameters to the type first adds a unit,
    another one covers the input. What a layer adds reaches the outputs through the derivative of the layers after it.
    Twice the sum covers ReLUs that the error itself switches, and the second evaluation.
    """
    values, inputs, slopes = points, [], []
    arrays = net.to_arrays()
    for k, (weight, bias) in enumerate(arrays):
        inputs.append(np.maximum(values, 0.0) if k else values)
        slopes.append((values > 0.0) if k else np.ones_like(values))
        values = inputs[-1] @ weight.T + bias
    error = np.zeros_like(values)
    derivative = np.broadcast_to(np.eye(values.shape[1]), (len(points), values.shape[1], values.shape[1]))
    for (weight, bias), x, slope in reversed(list(zip(arrays, inputs, slopes, strict=True))):
        local = (weight.shape[1] + 3) * unit * (np.abs(x) @ np.abs(weight).T + np.abs(bias))
        error += np.einsum("noi,ni->no", np.abs(derivative), local)
        derivative = (derivative @ weight) * slope[:, None, :]
    return 2.0 * error


def run(path: Path, points: Array) -> tuple[Array, float]:
    """onnxruntime, one point at a time, each in the shape that the model asks for; and its unit roundoff."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in source.shape]
    dtype = np.float64 if source.type == "tensor(double)" else np.float32
    values = [session.run(None, {source.name: x.reshape(shape).astype(dtype)})[0].ravel() for x in points]
    return np.array(values, dtype=np.float64), float(np.finfo(dtype).eps) / 2.0


@pytest.mark.parametrize("name", list(files()))
def test_agrees_with_onnxruntime(name: str, tmp_path: Path) -> None:
    net = twincert.load(DATA / name)
    model = DATA / name
    if model.suffix != ".onnx":
        model = tmp_path / "net.onnx"
        twincert.io.save(net, model)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (POINTS, net.input_size))
    values = net(points)
    assert values.shape == (POINTS, net.output_size)
    expected, unit = run(model, points)
    tolerance = rounding_error(net, points, unit)
    assert np.all(np.abs(expected - values) <= tolerance)
    # The comparison means something: it would see an error of a few thousandths, in float64 of far less.
    assert np.median(tolerance) < 5e4 * unit * np.abs(values).max()


@pytest.mark.parametrize("name", list(files()))
def test_round_trips_are_exact(name: str, tmp_path: Path) -> None:
    net = twincert.load(DATA / name)
    for suffix in (".onnx", ".npz"):
        twincert.io.save(net, tmp_path / f"net{suffix}")
        again = twincert.load(tmp_path / f"net{suffix}")
        assert [layer.name for layer in again.layers] == [layer.name for layer in net.layers]
        for (w, b), (v, c) in zip(net.to_arrays(), again.to_arrays(), strict=True):
            np.testing.assert_array_equal(w, v)
            np.testing.assert_array_equal(b, c)


def acas(suffix: str) -> list[str]:
    return sorted(path.name.removesuffix(suffix) for path in DATA.glob(f"acasxu/*{suffix}"))


@pytest.mark.parametrize("name", acas("_float16.nnet"))
def test_float16_is_the_published_twin_of_acas(name: str) -> None:
    """The published twins print some values as short decimals: converted, these are the float16 values again."""
    ours = twincert.quantize(twincert.load(DATA / f"acasxu/{name}.nnet"), scheme="float16").compressed
    published = twincert.load(DATA / f"acasxu/{name}_float16.nnet")
    for (w, b), (v, c) in zip(ours.to_arrays(), published.to_arrays(), strict=True):
        np.testing.assert_array_equal(w, v.astype(np.float16).astype(np.float64))
        np.testing.assert_array_equal(b, c.astype(np.float16).astype(np.float64))


@pytest.mark.parametrize("name", acas("_pruned5.onnx"))
def test_acas_text_and_onnx_are_the_same_network(name: str) -> None:
    text, model = (twincert.load(DATA / f"acasxu/{name}{suffix}") for suffix in (".nnet", ".onnx"))
    for (w, b), (v, c) in zip(text.to_arrays(), model.to_arrays(), strict=True):
        np.testing.assert_array_equal(w.astype(np.float32), v)
        np.testing.assert_array_equal(b.astype(np.float32), c)


@pytest.mark.parametrize(
    ("file", "bits", "expected"),
    [("W_save_NN1_Q2D", 2, 14.9089), ("W_save_NN1_Q2D", 6, 0.142658), ("W_save_NN1_Q3D", 2, 14.9397)],
)
def test_fixed_point_truncation_gives_the_published_error(file: str, bits: int, expected: float) -> None:
    """Largest squared error on [-1, 1] of the truncated networks of Li, Drummond, Duncan, from the authors' weights."""
    content = scipy.io.loadmat(DATA / "li2021" / f"{file}.mat")
    weights, biases = (
        [np.atleast_2d(np.asarray(layer, dtype=np.float64)) for layer in content[key].ravel()] for key in ("W_1", "b_1")
    )
    net = twincert.Network.from_arrays([(w, b.ravel()) for w, b in zip(weights, biases, strict=True)])
    twin = twincert.quantize(net, bits=bits, scheme="fixed_point", rounding="truncate")
    points = np.linspace(-1.0, 1.0, 20001)[:, None]
    assert np.max(twin.error(points) ** 2) == pytest.approx(expected, rel=1e-3)
