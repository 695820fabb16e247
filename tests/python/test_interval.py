"""Interval arithmetic and activation enclosures against exact rational arithmetic and high-precision decimals."""

import math
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest

from twincert import _core
from twincert._core import Activation, Interval

getcontext().prec = 150
ACTIVATIONS = {
    "identity": Activation("identity"),
    "relu": Activation("relu"),
    "leaky_relu": Activation("leaky_relu", slope=0.1),
    "sigmoid": Activation("sigmoid"),
    "tanh": Activation("tanh"),
    "clip": Activation("clip", lower=-0.5, upper=0.7),
    "clip_below": Activation("clip", lower=0.0, upper=math.inf),
    "clip_above": Activation("clip", lower=-math.inf, upper=0.3),
}
SCALES = (1.0, 1e-3, 1e12, 1e150, 1e-150, 1e-300, 5e-324)


def exact(activation: Activation, x: float) -> Fraction:
    """act(x) to 150 digits (exactly for piecewise linear kinds)."""
    if activation.kind == "sigmoid":
        return Fraction(1 / (1 + (-Decimal(x)).exp()))
    if activation.kind == "tanh":
        # 1 - e^-2x cancels at tiny x, where the next term of the series is below what is compared.
        if abs(x) < 1e-40:
            return Fraction(x) - Fraction(x) ** 3 / 3
        e = (-2 * abs(Decimal(x))).exp()
        return Fraction(((1 - e) / (1 + e)).copy_sign(Decimal(x)))
    value = Fraction(x)
    if activation.kind == "relu":
        return max(value, Fraction(0))
    if activation.kind == "leaky_relu":
        return value if value >= 0 else Fraction(activation.slope) * value
    if activation.kind == "clip":
        return Fraction(min(max(x, activation.lower), activation.upper))
    return value


def ordered(a: float, b: float) -> Interval:
    return Interval(min(a, b), max(a, b))


def encloses(interval: Interval, value: Fraction) -> bool:
    above = interval.upper == math.inf or value <= Fraction(interval.upper)
    return above and (interval.lower == -math.inf or Fraction(interval.lower) <= value)


def draws(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.normal(size=count) * rng.choice(SCALES, size=count)


@pytest.mark.parametrize("seed", range(5))
def test_operators_enclose_the_exact_result(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(300):
        a, b = ordered(*draws(rng, 2)), ordered(*draws(rng, 2))
        factor = float(draws(rng, 1)[0])
        for x in map(Fraction, (a.lower, a.upper)):
            assert encloses(-a, -x)
            assert encloses(factor * a, Fraction(factor) * x)
            for y in map(Fraction, (b.lower, b.upper)):
                assert encloses(a + b, x + y)
                assert encloses(a - b, x - y)
                assert encloses(a * b, x * y)
        assert Fraction(a.width) >= Fraction(a.upper) - Fraction(a.lower)
        assert a.magnitude == max(abs(a.lower), abs(a.upper))


def test_exact_results_stay_exact() -> None:
    assert (Interval(1.0, 2.0) + Interval(0.5, 0.25)).upper == 2.25
    product = Interval(-3.0, 2.0) * Interval(-1.0, 4.0)
    assert (product.lower, product.upper) == (-12.0, 8.0)
    zero = 0.0 * Interval(-math.inf, math.inf)
    assert (zero.lower, zero.upper) == (0.0, 0.0)
    third = Interval(1.0, 1.0) - Interval(1.0, 1.0)
    assert (third.lower, third.upper) == (0.0, 0.0)


def test_overflow_keeps_both_sides_valid() -> None:
    huge = Interval(1.7e308, 1.7e308)
    total, product = huge + huge, huge * huge
    assert total.lower <= 1.8e308
    assert total.upper == math.inf
    assert math.isfinite(product.lower)
    assert product.upper == math.inf


def test_next_and_gamma() -> None:
    assert _core.next_up(1.0) == 1.0 + 2.0**-52
    assert _core.next_down(0.0) == -5e-324
    assert _core.next_up(math.inf) == math.inf
    for n in (1, 3, 1000, 10**9):
        nu = Fraction(n) / 2**53
        assert nu / (1 - nu) <= Fraction(_core.gamma(n)) <= nu * (1 + 2 * nu) * (1 + Fraction(1, 2**50))
    assert _core.gamma(2**53) == math.inf


def test_round_up_sum_covers_every_order() -> None:
    rng = np.random.default_rng(1)
    for scale in SCALES:
        a, b = np.abs(rng.normal(size=200)) * math.sqrt(scale), np.abs(rng.normal(size=200)) * math.sqrt(scale)
        true = sum((Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)), Fraction(0))
        for computed in (float(a @ b), float(np.cumsum(a * b)[-1]), float(np.cumsum((a * b)[::-1])[-1])):
            assert true <= Fraction(_core.round_up_sum(computed, 200))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("width", [0.0, 1e-12, 1.0])
def test_affine_image_encloses_exactly_and_tightly(scale: float, width: float) -> None:
    rng = np.random.default_rng(7)
    m, n = 5, 12
    weight, bias = (
        rng.normal(size=(m, n)) * rng.choice([1.0, 1e-160, 0.0], size=(m, n), p=[0.7, 0.1, 0.2]),
        rng.normal(size=m),
    )
    bias *= scale
    center = rng.normal(size=n) * scale
    lower, upper = center - width * scale * rng.uniform(size=n), center + width * scale * rng.uniform(size=n)
    low, high = _core.affine_image(weight, bias, lower, upper)
    greatest = _core.linear_maximum(weight, lower, upper)
    for i in range(m):
        ends = [
            sorted((Fraction(w) * Fraction(a), Fraction(w) * Fraction(b)))
            for w, a, b in zip(weight[i], lower, upper, strict=True)
        ]
        smallest = sum((e[0] for e in ends), Fraction(bias[i]))
        largest = sum((e[1] for e in ends), Fraction(bias[i]))
        size = sum((max(abs(e[0]), abs(e[1])) for e in ends), abs(Fraction(bias[i])))
        slack = size * Fraction(1, 2**46) + 100 * Fraction(5e-324)
        assert smallest - slack <= Fraction(low[i]) <= smallest
        assert largest <= Fraction(high[i]) <= largest + slack
        assert largest - Fraction(bias[i]) <= Fraction(greatest[i]) <= largest - Fraction(bias[i]) + slack


def test_identity_and_zero_rows_are_exact() -> None:
    x = np.array([0.1, -3e-310, 7e200])
    low, high = _core.affine_image(np.eye(3), np.zeros(3), x, x)
    assert np.array_equal(low, x)
    assert np.array_equal(high, x)
    low, high = _core.affine_image(np.zeros((2, 3)), np.zeros(2), x, x)
    assert not low.any()
    assert not high.any()


def test_affine_image_of_unbounded_and_overflowing_boxes() -> None:
    weight = np.array([[0.0, 1.0], [1.0, 0.0], [1e200, 1e200]])
    low, high = _core.affine_image(weight, np.zeros(3), np.array([-np.inf, -1.0]), np.array([np.inf, 2.0]))
    assert (low[0], high[0]) == (-1.0, 2.0)
    assert (low[1], high[1]) == (-np.inf, np.inf)
    low, high = _core.affine_image(weight, np.zeros(3), np.array([1e200, 1.0]), np.array([1e200, 2.0]))
    assert high[2] == np.inf
    assert 0.0 < low[2] <= 1.7976931348623157e308


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_image_and_evaluation_error(name: str) -> None:
    activation = ACTIVATIONS[name]
    rng = np.random.default_rng(3)
    points = [
        *(rng.normal(size=150) * rng.choice([1e-300, 1e-20, 1e-3, 1.0, 20.0, 400.0], size=150)),
        0.0,
        -745.0,
        745.0,
        -0.5,
        0.7,
    ]
    for x in map(float, points):
        true = exact(activation, x)
        image = activation.image(Interval(x, x))
        assert encloses(image, true)
        assert Fraction(image.upper) - Fraction(image.lower) <= abs(true) * Fraction(1, 2**47) + 64 * Fraction(5e-324)
        error = activation.evaluation_error(Interval(x, x))
        assert abs(Fraction(activation(x)) - true) <= Fraction(error)
    for kind in ("relu", "identity", "clip", "tanh"):
        assert ACTIVATIONS[kind].image(Interval(0.0, 0.0)).magnitude == 0.0


def test_images_touching_and_straddling_kinks() -> None:
    relu = ACTIVATIONS["relu"]
    for interval, image, slopes in (
        ((-2.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
        ((0.0, 2.0), (0.0, 2.0), (1.0, 1.0)),
        ((-1.0, 2.0), (0.0, 2.0), (0.0, 1.0)),
    ):
        found, range_ = relu.image(Interval(*interval)), relu.slope_range(Interval(*interval))
        assert (found.lower, found.upper) == image
        assert (range_.lower, range_.upper) == slopes
    clip = ACTIVATIONS["clip"]
    for interval, slopes in (((-0.5, 0.7), (1.0, 1.0)), ((0.7, 2.0), (0.0, 0.0)), ((-3.0, 0.0), (0.0, 1.0))):
        range_ = clip.slope_range(Interval(*interval))
        assert (range_.lower, range_.upper) == slopes


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_difference_quotients_and_differences_are_enclosed(name: str) -> None:
    activation = ACTIVATIONS[name]
    rng = np.random.default_rng(11)
    for _ in range(250):
        scale = float(rng.choice([1e-9, 1e-2, 1.0, 30.0]))
        s, t = float(scale * rng.normal()), float(scale * rng.normal())
        if rng.uniform() < 0.5:
            s = t + 1e-6 * float(rng.normal()) * scale
        grow = [float(g) for g in scale * rng.exponential(size=6) * rng.choice([0.0, 1e-3, 1.0], size=6)]
        a, b = Interval(s - grow[0], s + grow[1]), Interval(t - grow[2], t + grow[3])
        point = Interval(s, s) - Interval(t, t)
        d = Interval(point.lower - grow[4], point.upper + grow[5])
        rise = exact(activation, s) - exact(activation, t)
        assert encloses(activation.difference_image(a, b, d), rise)
        if s != t:
            assert encloses(activation.slope_range(a.hull(b)), rise / (Fraction(s) - Fraction(t)))


def test_difference_image_is_exact_for_relu() -> None:
    relu = ACTIVATIONS["relu"]
    cases = {
        ((1.0, 2.0), (1.0, 2.0), (-0.25, 0.5)): (-0.25, 0.5),  # both active
        ((-2.0, -1.0), (-2.0, -1.0), (-0.25, 0.5)): (0.0, 0.0),  # both inactive
        ((-1.0, 1.0), (-1.0, 1.0), (-0.25, 0.5)): (-0.25, 0.5),
        ((-1.0, 0.125), (-1.0, 1.0), (-0.25, 0.5)): (-0.25, 0.125),  # the reference can rise by 1/8 only
        ((-2.0, 2.0), (-1.0, -0.25), (-0.25, 0.5)): (0.0, 0.25),  # the twin is inactive
    }
    for (a, b, d), expected in cases.items():
        found = relu.difference_image(Interval(*a), Interval(*b), Interval(*d))
        assert (found.lower, found.upper) == expected
    same = ACTIVATIONS["sigmoid"].difference_image(Interval(-1.0, 1.0), Interval(-1.0, 1.0), Interval(0.0, 0.0))
    assert (same.lower, same.upper) == (0.0, 0.0)


def test_difference_image_of_sigmoid_uses_its_shape() -> None:
    # A difference of 10 changes sigmoid by tanh(10 / 4) at most, by less far from zero.
    found = ACTIVATIONS["sigmoid"].difference_image(Interval(-50.0, 50.0), Interval(-50.0, 50.0), Interval(0.0, 10.0))
    assert found.lower == 0.0
    assert math.tanh(2.5) <= found.upper <= math.tanh(2.5) * (1 + 1e-12)
    far = ACTIVATIONS["sigmoid"].difference_image(Interval(3.0, 6.0), Interval(3.0, 6.0), Interval(-0.5, 0.5))
    true = 1 / (1 + math.exp(-3.5)) - 1 / (1 + math.exp(-3.0))
    assert true * (1 - 1e-12) <= far.upper <= true * (1 + 1e-12)
