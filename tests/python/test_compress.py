"""Quantisation and pruning against definitions written out in NumPy, Fraction and struct."""

import itertools
import math
import re
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import twincert
from twincert.errors import SettingsError

Array = NDArray[np.float64]


def network(seed: int = 0, sizes: tuple[int, ...] = (5, 8, 7, 3), activation: str = "relu") -> twincert.Network:
    generator = np.random.default_rng(seed)
    arrays = [(generator.normal(size=(m, n)), generator.normal(size=m)) for n, m in itertools.pairwise(sizes)]
    return twincert.Network.from_arrays(arrays, activation=activation)


def single(weight: Any, bias: Any = None) -> twincert.Network:
    weight = np.array(weight, dtype=np.float64)
    return twincert.Network.from_arrays([(weight, np.zeros(len(weight)) if bias is None else np.array(bias, float))])


def quantized(values: Any, **options: Any) -> Array:
    """The weights of one layer after quantisation."""
    return np.asarray(twincert.quantize(single(values), **options).compressed.to_arrays()[0][0])


def specified_group(w: Array, bits: int, scheme: str, rounding: str) -> Array:
    round_ = np.rint if rounding == "nearest" else np.trunc
    if not w.any():
        return np.zeros_like(w)
    if scheme == "symmetric":
        largest = 2 ** (bits - 1) - 1
        scale = np.abs(w).max() / largest
        return np.asarray(scale * np.clip(round_(w / scale), -largest, largest))
    levels = 2**bits - 1
    low, high = min(w.min(), 0.0), max(w.max(), 0.0)
    scale = high / levels - low / levels
    zero = np.rint(-low / scale)
    return np.asarray(scale * (np.clip(round_(w / scale) + zero, 0, levels) - zero))


@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 12, 16])
def test_integer_schemes_follow_their_definition(bits: int, scheme: str, per_channel: bool, rounding: str) -> None:
    net = network(bits)
    twin = twincert.quantize(net, bits=bits, scheme=scheme, per_channel=per_channel, rounding=rounding)
    for (w, b), (v, c) in zip(net.to_arrays(), twin.compressed.to_arrays(), strict=True):
        groups = w if per_channel else w.reshape(1, -1)
        expected = np.array([specified_group(row, bits, scheme, rounding) for row in groups]).reshape(w.shape)
        np.testing.assert_array_equal(v, expected)
        np.testing.assert_array_equal(b, c)


@pytest.mark.parametrize("bits", [2, 5, 8, 16])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
def test_integer_schemes_stay_within_half_a_step_and_their_levels(bits: int, scheme: str) -> None:
    w = np.random.default_rng(bits).normal(size=(4, 400))
    v = quantized(w, bits=bits, scheme=scheme)
    for row, values in zip(w, v, strict=True):
        steps = 2 * (2 ** (bits - 1) - 1) if scheme == "symmetric" else 2**bits - 1
        step = (2 * np.abs(row).max() if scheme == "symmetric" else row.max() - row.min()) / steps
        assert len(np.unique(values)) <= steps + 1
        # Affine: the rounded zero point shifts the range by up to half a step more at its ends.
        assert np.abs(row - values).max() <= (0.5 if scheme == "symmetric" else 1.0) * step * (1 + 1e-12)
        assert np.abs(row - values).max() >= 0.2 * step


def test_two_bits_symmetric_is_ternary() -> None:
    np.testing.assert_array_equal(quantized([[-4.0, -1.9, 0.0, 1.9, 2.1, 4.0]], bits=2), [[-4, 0, 0, 0, 4, 4]])


def test_ties_go_to_even_codes() -> None:
    # The scale is 1: the codes are the weights.
    np.testing.assert_array_equal(quantized([[127.0, 0.5, 1.5, 2.5, -0.5, -1.5]]), [[127, 0, 2, 2, 0, -2]])
    np.testing.assert_array_equal(
        quantized([[127.0, 0.9, 1.5, 2.5, -0.9, -1.5]], rounding="truncate"), [[127, 0, 1, 2, 0, -1]]
    )


@pytest.mark.parametrize("scheme", ["symmetric", "affine", "fixed_point", "float16", "bfloat16"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_degenerate_groups(scheme: str, per_channel: bool) -> None:
    options = {"scheme": scheme, "per_channel": per_channel}
    np.testing.assert_array_equal(quantized(np.zeros((2, 3)), **options), np.zeros((2, 3)))
    np.testing.assert_array_equal(quantized([[0.0]], **options), [[0.0]])
    for value in (3.0, -3.0):
        np.testing.assert_allclose(quantized(np.full((2, 3), value), **options), np.full((2, 3), value), rtol=1e-15)
        np.testing.assert_allclose(quantized([[value]], **options), [[value]], rtol=1e-15)
    mixed = quantized([[0.0, 0.0], [1.0, -1.0]], **options)
    np.testing.assert_array_equal(mixed[0], [0.0, 0.0])
    tiny = quantized([[5e-324, -5e-324], [1e-310, 2e-310]], **options)
    assert np.all(np.abs(tiny) <= 2.1e-310)


@pytest.mark.parametrize("scheme", ["symmetric", "affine", "fixed_point"])
def test_huge_weights_do_not_overflow(scheme: str) -> None:
    w = np.array([[1.7e308, -1.7e308, 1e300]])
    v = quantized(w, scheme=scheme)
    assert np.all(np.isfinite(v))
    np.testing.assert_allclose(v[0, :2], w[0, :2], rtol=0.01)


def exact_fixed_point(value: float, bits: int, rounding: str) -> float:
    scaled = Fraction(value) * 2**bits
    return float(Fraction(round(scaled) if rounding == "nearest" else math.trunc(scaled), 2**bits))


@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
@pytest.mark.parametrize("bits", [2, 5, 16])
def test_fixed_point_is_exact(bits: int, rounding: str) -> None:
    generator = np.random.default_rng(bits)
    w = np.concatenate(
        [generator.normal(size=200), generator.integers(-99, 99, 100) / 2 ** (bits + 1), [1e17, -0.1, 1e-9]]
    )
    b = generator.normal(size=1)
    twin = twincert.quantize(single([w], b), bits=bits, scheme="fixed_point", rounding=rounding)
    weight, bias = twin.compressed.to_arrays()[0]
    np.testing.assert_array_equal(weight[0], [exact_fixed_point(v, bits, rounding) for v in w])
    assert bias[0] == exact_fixed_point(b[0], bits, rounding)
    if rounding == "truncate":
        assert np.all(np.abs(weight[0]) <= np.abs(w))
        assert np.all(np.abs(weight[0] - w) < 2.0**-bits)


def interesting_numbers(generator: np.random.Generator, precision: int, low: int, high: int) -> Array:
    """Numbers of every exponent, exact ties, neighbours of ties, and subnormals of a format."""
    mantissas = generator.integers(2 ** (precision - 1), 2**precision, 4000).astype(np.float64)
    exponents = generator.integers(low - precision, high - precision + 1, 4000)
    offsets = generator.choice([0.0, 0.5, 0.5 + 2.0**-30, 0.5 - 2.0**-30, 0.25, 0.75, 2.0**-40], 4000)
    signs = generator.choice([-1.0, 1.0], 4000)
    values = signs * np.ldexp(mantissas + offsets, exponents)
    # Some thousands of numbers below the format's overflow threshold, as a matrix.
    return values[np.abs(values) < np.ldexp(1 - 2.0 ** -(precision + 1), high + 1)][:3000].reshape(50, 60)


def test_float16_is_the_ieee_conversion() -> None:
    every = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float64)
    every = every[np.isfinite(every)]
    every = every.reshape(248, 256)
    np.testing.assert_array_equal(quantized(every, scheme="float16"), every)
    values = interesting_numbers(np.random.default_rng(1), 11, -28, 15)
    values[0, :5] = [65519.99, -65519.99, 5.9e-8, 2.9e-8, 2.0**-25]
    np.testing.assert_array_equal(quantized(values, scheme="float16"), values.astype(np.float16).astype(np.float64))
    nearest = values.astype(np.float16)
    beyond = np.abs(nearest.astype(np.float64)) > np.abs(values)
    towards_zero = np.where(beyond, np.nextafter(nearest, np.float16(0)), nearest).astype(np.float64)
    np.testing.assert_array_equal(quantized(values, scheme="float16", rounding="truncate"), towards_zero)


def bfloat16_by_bits(value: float, nearest: bool) -> float:
    """For a value that is a float32: rounding of its bit pattern."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    upper, rest = bits >> 16, bits & 0xFFFF
    if nearest and (rest > 0x8000 or (rest == 0x8000 and upper & 1)):
        upper += 1
    return float(struct.unpack("<f", struct.pack("<I", upper << 16))[0])


@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
def test_bfloat16_is_the_upper_half_of_float32(rounding: str) -> None:
    generator = np.random.default_rng(2)
    values = interesting_numbers(generator, 8, -140, 127).astype(np.float32).astype(np.float64)
    expected = [[bfloat16_by_bits(v, rounding == "nearest") for v in row] for row in values]
    np.testing.assert_array_equal(quantized(values, scheme="bfloat16", rounding=rounding), expected)


def test_bfloat16_rounds_once() -> None:
    # Through float32 this would become a tie and fall to 1.
    assert quantized([[1 + 2.0**-8 + 2.0**-40]], scheme="bfloat16")[0, 0] == 1 + 2.0**-7


@pytest.mark.parametrize(
    ("scheme", "value"), [("float16", 65520.0), ("float16", -1e5), ("bfloat16", 3.4e38), ("bfloat16", 1e300)]
)
def test_overflow_names_layer_and_value(scheme: str, value: float) -> None:
    net = twincert.Network.from_arrays([(np.eye(2), np.zeros(2)), (np.array([[1.0, value]]), np.zeros(1))])
    found = re.escape(f"{value:.17g}")
    with pytest.raises(
        SettingsError, match=rf"{scheme}.*found {found}.*weight of layer 2 \('.*row 0, column 1"
    ) as caught:
        twincert.quantize(net, scheme=scheme)
    assert "expected values of size at most" in str(caught.value)
    net = twincert.Network.from_arrays([(np.eye(2), np.array([0.0, value]))])
    with pytest.raises(SettingsError, match=r"bias of layer 0.*row 1"):
        twincert.quantize(net, scheme=scheme)


@pytest.mark.parametrize(
    ("scheme", "kept"), [("symmetric", True), ("affine", True), ("fixed_point", False), ("float16", False)]
)
def test_biases(scheme: str, kept: bool) -> None:
    twin = twincert.quantize(single([[1.0]], [0.1]), scheme=scheme)
    assert bool(twin.compressed.to_arrays()[0][1][0] == 0.1) is kept


def test_a_twin_has_the_network_as_its_reference_and_the_same_layers() -> None:
    net = network(activation="tanh")
    for twin in (twincert.quantize(net), twincert.prune(net)):
        for (w, b), (v, c) in zip(net.to_arrays(), twin.reference.to_arrays(), strict=True):
            np.testing.assert_array_equal(w, v)
            np.testing.assert_array_equal(b, c)
        assert [layer.name for layer in twin.compressed.layers] == [layer.name for layer in net.layers]
        x = np.random.default_rng(3).normal(size=(4, 5))
        np.testing.assert_array_equal(twin.error(x), twin.reference(x) - twin.compressed(x))


def zero_smallest(scores: Array, sparsity: float) -> NDArray[np.bool_]:
    order = np.argsort(scores.ravel(), kind="stable")
    mask = np.zeros(scores.size, dtype=bool)
    mask[order[: round(sparsity * scores.size)]] = True
    return mask.reshape(scores.shape)


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.3, 0.5, 0.97, 1.0])
def test_magnitude_pruning_per_layer(sparsity: float) -> None:
    net = network(1)
    for (w, b), (v, c) in zip(
        net.to_arrays(), twincert.prune(net, sparsity=sparsity).compressed.to_arrays(), strict=True
    ):
        np.testing.assert_array_equal(v, np.where(zero_smallest(np.abs(w), sparsity), 0.0, w))
        np.testing.assert_array_equal(b, c)


@pytest.mark.parametrize("structure", ["magnitude", "row"])
def test_global_pruning_compares_all_layers(structure: str) -> None:
    net = network(2)
    arrays = net.to_arrays()
    pruned = twincert.prune(net, sparsity=0.4, structure=structure, scope="global").compressed.to_arrays()
    if structure == "magnitude":
        scores = [np.abs(w).ravel() for w, _ in arrays]
    else:
        scores = [np.sqrt((w * w).sum(axis=1)) for w, _ in arrays[:-1]] + [np.full(3, np.inf)]
    candidates = np.concatenate([s[np.isfinite(s)] for s in scores])
    threshold = np.sort(candidates)[round(0.4 * len(candidates)) - 1]
    for (w, b), (v, c), s in zip(arrays, pruned, scores, strict=True):
        keep = (s > threshold).reshape(w.shape if structure == "magnitude" else (-1, 1))
        np.testing.assert_array_equal(v, np.where(keep, w, 0.0))
        np.testing.assert_array_equal(b, c)


def test_row_pruning_spares_the_outputs_and_keeps_biases() -> None:
    net = network(3)
    arrays = net.to_arrays()
    pruned = twincert.prune(net, sparsity=0.5, structure="row").compressed.to_arrays()
    for (w, b), (v, c) in zip(arrays[:-1], pruned[:-1], strict=True):
        gone = zero_smallest(np.linalg.norm(w, axis=1), 0.5)
        np.testing.assert_array_equal(v, np.where(gone[:, None], 0.0, w))
        np.testing.assert_array_equal(b, c)
    np.testing.assert_array_equal(pruned[-1][0], arrays[-1][0])


def test_ties_fall_to_the_first_index() -> None:
    ones = np.ones((2, 3))
    net = twincert.Network.from_arrays([(ones, np.zeros(2)), (np.ones((3, 2)), np.zeros(3))])
    pruned = twincert.prune(net, sparsity=0.5).compressed.to_arrays()
    np.testing.assert_array_equal(pruned[0][0], [[0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(pruned[1][0], [[0, 0], [0, 1], [1, 1]])
    pruned = twincert.prune(net, sparsity=0.5, scope="global").compressed.to_arrays()
    np.testing.assert_array_equal(pruned[0][0], np.zeros((2, 3)))
    np.testing.assert_array_equal(pruned[1][0], np.ones((3, 2)))
    pruned = twincert.prune(net, sparsity=0.5, structure="row").compressed.to_arrays()
    np.testing.assert_array_equal(pruned[0][0], [[0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4), (1, 2), (3, 8)])
def test_n_of_m_pruning(n: int, m: int) -> None:
    net = network(4, (10, 9, 6))
    for (w, _), (v, _) in zip(
        net.to_arrays(), twincert.prune(net, structure=f"{n}:{m}").compressed.to_arrays(), strict=True
    ):
        for start in range(0, w.shape[1], m):
            group, left = w[:, start : start + m], v[:, start : start + m]
            kept = min(n, group.shape[1])
            assert np.all(np.count_nonzero(left, axis=1) == kept)
            threshold = np.sort(np.abs(group), axis=1)[:, -kept][:, None]
            np.testing.assert_array_equal(left, np.where(np.abs(group) >= threshold, group, 0.0))


def test_norms_of_huge_and_tiny_rows_are_compared() -> None:
    weight = np.array([[1e300, 1e300], [1e200, 0.0], [1e-300, 1e-300], [1e-200, 0.0]])
    net = twincert.Network.from_arrays([(weight, np.zeros(4)), (np.ones((1, 4)), np.zeros(1))])
    pruned = twincert.prune(net, sparsity=0.75, structure="row").compressed.to_arrays()[0][0]
    np.testing.assert_array_equal(pruned[1:], np.zeros((3, 2)))
    pruned = twincert.prune(net, sparsity=0.25, structure="row").compressed.to_arrays()[0][0]
    np.testing.assert_array_equal(np.flatnonzero(~pruned.any(axis=1)), [2])


BAD_QUANTIZE: list[tuple[dict[str, Any], str]] = [
    ({"bits": 1}, "bits: expected an integer from 2 to 16; found 1"),
    ({"bits": 17}, "bits: expected an integer from 2 to 16; found 17"),
    ({"bits": -(10**30)}, "bits: expected an integer from 2 to 16; found -1000"),
    ({"bits": 8.5}, "bits: expected an integer from 2 to 16; found 8.5"),
    ({"bits": "8"}, "bits: expected an integer from 2 to 16; found '8'"),
    ({"bits": None}, "bits: expected an integer from 2 to 16; found None"),
    ({"bits": True}, "bits: expected an integer from 2 to 16; found True"),
    ({"scheme": "int8"}, "scheme: expected one of symmetric, affine, fixed_point, float16, bfloat16; found 'int8'"),
    ({"scheme": 8}, "scheme: expected one of symmetric.*found '8'"),
    ({"rounding": "up"}, "rounding: expected one of nearest, truncate; found 'up'"),
    ({"rounding": None}, "rounding: expected one of nearest, truncate; found 'None'"),
    ({"per_channel": "yes"}, "per_channel: expected True or False; found 'yes'"),
    ({"per_channel": 1}, "per_channel: expected True or False; found 1"),
]


@pytest.mark.parametrize(("options", "message"), BAD_QUANTIZE)
def test_bad_quantize_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        twincert.quantize(network(), **options)


BAD_PRUNE: list[tuple[dict[str, Any], str]] = [
    ({"sparsity": -0.1}, "sparsity: expected a number from 0 to 1; found -0.1"),
    ({"sparsity": 1.5}, "sparsity: expected a number from 0 to 1; found 1.5"),
    ({"sparsity": math.nan}, "sparsity: expected a number from 0 to 1; found nan"),
    ({"sparsity": "half"}, "sparsity: expected a number from 0 to 1; found 'half'"),
    ({"sparsity": None}, "sparsity: expected a number from 0 to 1; found None"),
    ({"structure": "column"}, "structure: expected magnitude, row, or n:m.*found 'column'"),
    ({"structure": "n:m"}, "structure: expected magnitude, row, or n:m with integers.*found 'n:m'"),
    ({"structure": "4:2"}, "structure n:m: expected 1 <= n < m <= 1024; found 4:2"),
    ({"structure": "0:4"}, "structure n:m: expected 1 <= n < m <= 1024; found 0:4"),
    ({"structure": "-1:4"}, "structure n:m: expected 1 <= n < m <= 1024; found -1:4"),
    ({"structure": "2:4:8"}, "structure: expected.*found '2:4:8'"),
    ({"structure": "2: 4"}, "structure: expected.*found '2: 4'"),
    ({"structure": "2:99999999999999999999"}, "structure: expected.*found '2:9+'"),
    ({"structure": 2}, "structure: expected magnitude, row, or n:m.*found '2'"),
    ({"scope": "network"}, "scope: expected one of layer, global; found 'network'"),
    ({"scope": None}, "scope: expected one of layer, global; found 'None'"),
    ({"structure": "2:4", "scope": "global"}, "scope: expected layer for structure n:m"),
]


@pytest.mark.parametrize(("options", "message"), BAD_PRUNE)
def test_bad_prune_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        twincert.prune(network(), **options)


def test_row_pruning_needs_a_hidden_layer() -> None:
    with pytest.raises(SettingsError, match=r"structure row: expected a network with at least 2 dense layers.*found 1"):
        twincert.prune(single([[1.0, 2.0]]), structure="row")


@pytest.mark.parametrize("compress", [twincert.quantize, twincert.prune])
@pytest.mark.parametrize("value", [None, [(np.eye(2), np.zeros(2))], "f.onnx"])
def test_only_a_network_can_be_compressed(compress: Any, value: Any) -> None:
    with pytest.raises(SettingsError, match=r"net: expected a twincert.Network; found"):
        compress(value)
