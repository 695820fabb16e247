"""The relaxation of a twin as a problem for the generic solver: the one that certificates are proven in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import twincert
from python.small_twins import QUICK, box, network, twin
from twincert import ParseError, SettingsError, ShapeError
from twincert.sdp import relaxation, solve

CORNER = np.full(3, 0.4)
SETS: dict[str, twincert.InputSet] = {
    "box": box(),
    "inputs that differ": twincert.Box(-CORNER, CORNER, difference=0.05),
    "ball": twincert.Ball(np.zeros(3), 0.5),
    "polytope": twincert.Polytope([[1.0, 1.0, 0.0]], [0.3], box=box()),
}


@pytest.mark.parametrize("name", SETS)
def test_it_is_the_program_of_certificates(name: str) -> None:
    small = twin((3, 4, 4, 2))
    proof = twincert.certify(small, SETS[name], "outputs", method="sdp", settings=QUICK).proof
    assert proof["objectives"]
    for objective in proof["objectives"]:
        problem = relaxation(small, SETS[name], objective["weights"])
        bound = problem.bound([clique["multiplier"] for clique in objective["cliques"]])
        assert bound == pytest.approx(objective["bound"], rel=1e-11)


def test_solving_it_gives_the_bound_of_certify() -> None:
    small = twin((3, 4, 2))
    certificate = twincert.certify(small, box(), twincert.Output(1), method="sdp")
    bounds = [solve(relaxation(small, box(), weights)).bound for weights in ([0, 1], [0, -1])]
    assert max(bounds) == pytest.approx(certificate.upper, rel=1e-2)


def test_bounds_lie_above_what_points_attain() -> None:
    weights = np.array([0.5, -2.0])
    bound = solve(relaxation(twin(), box(), weights), settings={"max_iterations": 100}).bound
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (2000, 3))
    assert bound > (twin().error(points) @ weights).max()


def test_row_families_are_those_asked_for() -> None:
    plain, slack = (relaxation(twin(), box(), [1, 0], rows={"slack_rows": chosen}) for chosen in (False, True))
    assert len(slack.cliques[0].T) > len(plain.cliques[0].T)


BIG = twincert.Network.from_arrays([(np.full((2, 3), 1e120), np.zeros(2)), (np.ones((2, 2)), np.zeros(2))])
AFFINE = twincert.Network.from_arrays([(np.ones((2, 3)), np.zeros(2))])
BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "twin": (lambda: relaxation(network(), box(), [1, 0]), SettingsError, "twin: expected a twincert.Twin"),  # type: ignore[arg-type]
    "set": (lambda: relaxation(twin(), CORNER, [1, 0]), SettingsError, "input_set: expected a Box"),  # type: ignore[arg-type]
    "size of the set": (lambda: relaxation(twin(), box(4), [1, 0]), ShapeError, "input_set: expected 3 .* found 4"),
    "weights": (lambda: relaxation(twin(), box(), [1, 0, 0]), ShapeError, "weights: expected 2 .* found 3"),
    "a number": (lambda: relaxation(twin(), box(), 1.0), ShapeError, "weights: expected a vector"),
    "NaN": (lambda: relaxation(twin(), box(), [0, np.nan]), ParseError, r"weights\[1\] is nan"),
    "rows": (
        lambda: relaxation(twin(), box(), [1, 0], rows={"slack": True}),
        SettingsError,
        "rows: expected reference_rows",
    ),
    "memory": (
        lambda: relaxation(twin((3, 60, 2)), box(), [1, 0], settings={"memory_limit": 0.001}),
        SettingsError,
        "memory_limit: the relaxation would take",
    ),
    "no hidden stage": (
        lambda: relaxation(twincert.Twin(AFFINE, AFFINE), box(), [1, 0]),
        SettingsError,
        "twin: expected networks with a hidden stage",
    ),
    "large values": (
        lambda: relaxation(twincert.Twin(BIG, BIG), box(), [1, 0]),
        SettingsError,
        "input set: expected values below 1e100",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_named(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
