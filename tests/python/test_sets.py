"""Input sets: membership, sampling, projection, rigorous maxima, JSON, refusals."""

import json
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from twincert import Ball, Box, InputSet, ParseError, Polytope, SettingsError, ShapeError
from twincert.sets import input_set_from_dict

HALF_SPACE = Polytope([[1.0, 1.0, 1.0], [-1.0, 0.5, 0.0]], [1.2, 0.1], box=([0, 0, 0], [1, 1, 1]))
SETS: dict[str, InputSet] = {
    "box": Box([-1.0, 0.0, 2.0], [1.0, 0.5, 2.0]),
    "point": Box([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]),
    "huge box": Box([-1e308, 0, 0], [1e308, 1, 1]),
    "ball": Ball([0.1, -0.2, 0.3], 0.7),
    "point ball": Ball([0.1, -0.2, 0.3], 0.0),
    "tiny ball": Ball([0.1, -0.2, 0.3], 1e-17),
    "denormal ball": Ball([0.0, 0.0, 0.0], 5e-324),
    "huge ball": Ball([0.1, -0.2, 0.3], 1e200),
    "polytope": HALF_SPACE,
    "polytope without rows": Polytope(np.zeros((0, 3)), [], box=Box([0, 0, 0], [1, 1, 1])),
}


@pytest.mark.parametrize("name", SETS)
def test_samples_and_projections_lie_inside(name: str) -> None:
    region = SETS[name]
    points = region.sample(60, seed=5)
    assert points.shape == (60, 3)
    assert all(region.contains(x) for x in points)
    assert np.array_equal(points, region.sample(60, seed=5))
    rng = np.random.default_rng(0)
    for x in (*rng.normal(size=(30, 3)) * 10, *points):
        projected = region.project(x)
        assert region.contains(projected)
        if region.contains(x):
            assert np.array_equal(projected, x)
    assert np.all(region.lower <= points.min(axis=0))
    assert np.all(points.max(axis=0) <= region.upper)


def test_samples_reach_the_boundary() -> None:
    box = SETS["box"].sample(40)
    vertices = np.all((box == SETS["box"].lower) | (box == SETS["box"].upper), axis=1)
    assert vertices[::2].all()
    assert not vertices[1::2].any()
    distance = np.linalg.norm(SETS["ball"].sample(40) - [0.1, -0.2, 0.3], axis=1)
    assert np.all(distance[::2] > 0.7 * (1 - 1e-12))
    assert np.all(distance <= 0.7)
    slack = [1.2, 0.1] - HALF_SPACE.sample(200) @ HALF_SPACE.A.T
    assert (np.abs(slack).min(axis=1) < 1e-9).any()
    assert np.all(slack >= 0)


def test_ball_projection_is_the_nearest_point() -> None:
    ball = Ball([1.0, 2.0], 0.5)
    assert np.allclose(ball.project([4.0, 6.0]), [1.3, 2.4], atol=1e-14)


def test_contains_has_no_tolerance() -> None:
    box = Box([0.0], [1.0], difference=0.25)
    assert box.contains([1.0])
    assert not box.contains([math.nextafter(1.0, 2.0)])
    assert box.contains([0.5], [0.75])
    assert not box.contains([0.5], [math.nextafter(0.75, 1.0)])
    # y may leave the box, x may not.
    assert box.contains([1.0], [1.25])
    assert not box.contains([1.25], [1.0])
    # 1 - 1e-17 rounds to 1, but the exact distance exceeds the bound.
    assert not Box([0.0], [2.0], difference=1.0).contains([1.0], [-1e-17])
    ball = Ball([0.0, 0.0], 1.0)
    assert ball.contains([0.6, 0.79])
    assert not ball.contains([0.6, 0.8 + 1e-12])
    assert Ball([0.1], 0.0).contains([0.1])
    assert not HALF_SPACE.contains([0.5, 0.5, 0.3])
    assert HALF_SPACE.contains([0.5, 0.4, 0.2])


def test_around_is_rounded_outwards_and_clipped() -> None:
    x = np.random.default_rng(0).uniform(size=50)
    box = Box.around(x, 0.1)
    for center, low, high in zip(x, box.lower, box.upper, strict=True):
        assert Fraction(low) <= Fraction(center) - Fraction(0.1)
        assert Fraction(high) >= Fraction(center) + Fraction(0.1)
        assert high - low < 0.2 + 1e-15
    clipped = Box.around([0.05, 0.5], [0.1, 0.25], clip=(0.0, 1.0))
    assert clipped.lower.tolist() == [0.0, 0.25]
    assert clipped.upper[1] == 0.75
    assert np.array_equal(Box.around([0.5], 0.0).lower, [0.5])


def exact_maximum(region: InputSet, row: np.ndarray) -> Fraction:
    """Over a box, exactly."""
    ends = zip(row, region.lower, region.upper, strict=True)
    return sum((max(Fraction(c) * Fraction(a), Fraction(c) * Fraction(b)) for c, a, b in ends), Fraction(0))


@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e150, 1e-310])
def test_maximum_over_box_and_ball(scale: float) -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(20, 6)) * scale
    center = rng.normal(size=6)
    box = Box(center - rng.uniform(size=6), center + rng.uniform(size=6))
    for row, found in zip(rows, box.maximum(rows), strict=True):
        true = exact_maximum(box, row)
        assert true <= Fraction(found) <= true + Fraction(20 * scale) / 2**48 + 500 * Fraction(5e-324)
    ball = Ball(center, 0.25)
    for row, found in zip(rows, ball.maximum(rows), strict=True):
        dot = sum((Fraction(c) * Fraction(x) for c, x in zip(row, center, strict=True)), Fraction(0))
        squares = sum((Fraction(c) ** 2 for c in row), Fraction(0))
        room = Fraction(found) - dot
        assert room >= 0
        assert room**2 >= squares / 16
        assert room <= Fraction(np.linalg.norm(row / scale) * 0.25 * scale) + Fraction(
            100 * scale
        ) / 2**48 + 500 * Fraction(5e-324)


def test_maximum_of_pairs_lets_coefficients_cancel() -> None:
    rng = np.random.default_rng(4)
    P = rng.normal(size=(30, 5))
    Q = -P + rng.normal(size=(30, 5)) * 1e-3
    for difference in (0.0, rng.uniform(size=5)):
        box = Box(-np.ones(5), 2 * np.ones(5), difference=difference)
        found = box.maximum(P, Q)
        for p, q, bound in zip(P, Q, found, strict=True):
            true = Fraction(0)
            for j in range(5):
                total = Fraction(p[j]) + Fraction(q[j])
                true += max(-total, 2 * total) + abs(Fraction(q[j])) * Fraction(box.difference[j])
            assert true <= Fraction(bound) <= true * (1 + Fraction(1, 2**40))
    # Coefficients that cancel exactly leave nothing.
    assert Box(-np.ones(5), np.ones(5)).maximum(P, -P).max() == 0.0
    tiny = np.full((1, 5), 1e-30)
    # 1 + 1e-30 is rounded to 1: the lost part must still be counted.
    assert Fraction(Box(np.ones(5), np.ones(5)).maximum(np.ones((1, 5)), tiny)[0]) >= 5 + 5 * Fraction(1e-30)


def test_compressed_bounding_box() -> None:
    box = Box([0.1, 0.2], [0.3, 0.2], difference=[0.1, 0.0])
    low, high = box.compressed_bounding_box
    assert Fraction(low[0]) <= 0
    assert Fraction(high[0]) >= Fraction(0.3) + Fraction(0.1)
    assert high[0] < 0.4 + 1e-15
    assert low[1] == high[1] == 0.2
    assert not box.shared_input
    assert Box([0.0], [1.0]).shared_input


@pytest.mark.parametrize("seed", range(6))
def test_polytope_maximum_is_valid_and_near_the_linear_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = 6, 4
    A = rng.normal(size=(m, n))
    b = A @ rng.uniform(-0.5, 0.5, size=n) + rng.uniform(0.05, 0.5, size=m)
    region = Polytope(A, b, box=(-np.ones(n), np.ones(n)))
    rows = np.vstack([rng.normal(size=(10, n)), A, -A])
    found, box = region.maximum(rows), Box(-np.ones(n), np.ones(n)).maximum(rows)
    true = np.array([-linprog(-row, A_ub=A, b_ub=b, bounds=(-1, 1)).fun for row in rows])
    assert np.all(found >= true - 1e-9)
    assert np.all(found <= box)
    points = region.sample(300)
    assert np.all((points @ rows.T).max(axis=0) <= found)
    # The bound on the constraints' own rows is their right-hand side, where it can be reached.
    assert np.all(found[10 : 10 + m] <= b + 1e-12)
    assert np.mean(found - true) <= 0.25 * np.mean(box - true)


def test_polytope_with_one_constraint_is_exact() -> None:
    region = Polytope([[1.0, 2.0]], [1.0], box=([0, 0], [1, 1]))
    assert np.allclose(region.maximum([[1.0, 1.0], [0.0, 1.0], [-1.0, -1.0]]), [1.0, 0.5, 0.0], atol=1e-12)


def test_polytope_without_interior_refuses_to_sample() -> None:
    line = Polytope([[1.0, 0.3], [-1.0, -0.3]], [0.7, -0.7], box=([0, 0], [1, 1]))
    assert 0.7 <= line.maximum([[1.0, 0.3]])[0] <= 0.7 + 1e-12
    with pytest.raises(ParseError, match="no interior"):
        line.sample(3)
    with pytest.raises(ParseError, match="no interior"):
        line.project([2.0, 2.0])


@pytest.mark.parametrize("name", SETS)
def test_json_pickle_and_digest_round_trip(name: str) -> None:
    region = SETS[name]
    text = json.dumps(region.to_dict())
    for copy in (
        input_set_from_dict(json.loads(text)),
        type(region).from_dict(json.loads(text)),
        pickle.loads(pickle.dumps(region)),
    ):
        assert copy == region
        assert copy.digest() == region.digest()
        assert hash(copy) == hash(region)
        assert json.dumps(copy.to_dict()) == text
    others = [other for key, other in SETS.items() if key != name]
    assert all(other != region for other in others)
    assert region != Ball([0.0, 0.0, 0.0], 1.0, difference=[0, 0, 1e-9])


ONE = [0.0, 0.0]
BAD = {
    "empty coordinate": (
        lambda: Box([0, 1, 0], [1, 0.5, 1]),
        ParseError,
        "coordinate 1 is empty, lower 1 exceeds upper 0.5",
    ),
    "NaN": (lambda: Box([0, np.nan], [1, 1]), ParseError, r"lower\[1\] is nan"),
    "infinite": (lambda: Box([0, 0], [1, np.inf]), ParseError, r"upper\[1\] is inf"),
    "lengths": (lambda: Box([0, 0], [1]), ShapeError, "lower has 2 coordinates, upper has 1"),
    "no coordinates": (lambda: Box([], []), ShapeError, "at least one"),
    "matrix": (lambda: Box([[0]], [[1]]), ShapeError, r"lower: .*\(1, 1\)"),
    "complex": (lambda: Box([0j], [1]), ParseError, "lower: .*complex"),
    "object": (lambda: Box([None], [1]), ParseError, "lower: .*object"),
    "text": (lambda: Box("0", [1]), ParseError, "lower"),
    "difference size": (
        lambda: Box(ONE, [1, 1], difference=[1, 1, 1]),
        ShapeError,
        "difference: expected a number or 2",
    ),
    "difference negative": (lambda: Box(ONE, [1, 1], difference=-1), ParseError, r"difference\[0\] is -1"),
    "difference NaN": (lambda: Box(ONE, [1, 1], difference=np.nan), ParseError, "difference"),
    "around radius": (lambda: Box.around(ONE, -0.1), SettingsError, "radius"),
    "around radius size": (lambda: Box.around(ONE, [1, 2, 3]), ShapeError, "radius"),
    "around clip": (lambda: Box.around(ONE, 1, clip=3), SettingsError, "clip"),
    "around outside clip": (lambda: Box.around([0.5, 2.0], 0.1, clip=(0, 1)), ParseError, "coordinate 1 is empty"),
    "ball radius": (lambda: Ball(ONE, -1), ParseError, "radius is -1"),
    "ball radius NaN": (lambda: Ball(ONE, np.nan), ParseError, "radius is nan"),
    "ball radius vector": (lambda: Ball(ONE, [1, 2]), ShapeError, "radius: expected a single number"),
    "ball empty": (lambda: Ball([], 1), ShapeError, "center is empty"),
    "polytope columns": (lambda: Polytope([[1, 1, 1]], [1], box=(ONE, [1, 1])), ShapeError, "A has 3 columns"),
    "polytope rows": (lambda: Polytope([[1, 1]], [1, 2], box=(ONE, [1, 1])), ShapeError, "A has 1 rows, but b has 2"),
    "polytope NaN": (lambda: Polytope([[1, np.nan]], [1], box=(ONE, [1, 1])), ParseError, r"A\[0, 1\] is nan"),
    "polytope box": (lambda: Polytope([[1, 1]], [1], box=3), SettingsError, "box"),
    "polytope box difference": (
        lambda: Polytope([[1, 1]], [1], Box(ONE, [1, 1], difference=1)),
        SettingsError,
        "difference",
    ),
    "polytope off its box": (lambda: Polytope([[1, 1]], [-1], box=(ONE, [1, 1])), ParseError, "row 0"),
    "polytope contradiction": (
        lambda: Polytope([[1, 1], [-1, -1]], [0.5, -0.8], (ONE, [1, 1])),
        ParseError,
        "no point",
    ),
    "contains size": (lambda: SETS["box"].contains([1.0]), ShapeError, "x: expected 3"),
    "contains pair size": (lambda: SETS["box"].contains([0, 0, 2.0], [1.0]), ShapeError, "y: expected 3"),
    "project NaN": (lambda: SETS["box"].project([np.nan, 0, 0]), ParseError, "x"),
    "sample count": (lambda: SETS["box"].sample(-1), SettingsError, "count"),
    "sample seed": (lambda: SETS["box"].sample(1, seed=0.5), SettingsError, "seed"),
    "maximum columns": (lambda: SETS["box"].maximum(np.ones((1, 2))), ShapeError, "2 columns"),
    "json type": (lambda: input_set_from_dict([1]), ParseError, "list"),
    "json kind": (lambda: input_set_from_dict({"kind": "cube"}), ParseError, "cube"),
    "json kind missing": (lambda: input_set_from_dict({}), ParseError, "kind"),
    "json field": (
        lambda: input_set_from_dict({"kind": "ball", "center": [0], "difference": [0]}),
        ParseError,
        "'radius'",
    ),
    "json unknown": (lambda: input_set_from_dict(SETS["box"].to_dict() | {"colour": 1}), ParseError, "colour"),
    "json value": (lambda: input_set_from_dict(SETS["box"].to_dict() | {"lower": ["a"] * 3}), ParseError, "lower"),
    "json class": (lambda: Ball.from_dict(SETS["box"].to_dict()), ParseError, "'ball', found 'box'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str) -> None:
    build, error, message = BAD[case]
    with pytest.raises(error, match=message):
        build()
