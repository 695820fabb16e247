"""Relaxations over the first layer's functionals instead of the inputs: the ellipsoid that stands for the inputs."""

import numpy as np
import pytest

import twincert
from twincert.certificate import Certificate
from twincert.sets import InputSet

FEW = {"attack_restarts": 16, "attack_steps": 20, "max_iterations": 300}
ALWAYS, NEVER = ({"input_reduction": choice} for choice in ("always", "never"))


def random_twin(inputs: int, hidden: int, seed: int) -> twincert.Twin:
    random = np.random.default_rng(seed)
    sizes = ((inputs, hidden), (hidden, hidden), (hidden, 2))
    layers = [(random.normal(size=(m, n)) / np.sqrt(n), 0.1 * random.normal(size=m)) for n, m in sizes]
    return twincert.quantize(twincert.Network.from_arrays(layers, activation="relu"), bits=5)


def input_set(kind: str, inputs: int, seed: int) -> InputSet:
    random = np.random.default_rng(seed)
    center = random.uniform(-0.5, 0.5, inputs)
    box = twincert.Box.around(center, 0.2 * random.uniform(size=inputs))
    match kind:
        case "ball":
            return twincert.Ball(center, 0.3)
        case "noisy":
            return twincert.Box(box.lower, box.upper, difference=0.01)
        case "noisy ball":
            return twincert.Ball(center, 0.3, difference=0.01)
        case "polytope":
            normal = random.normal(size=(1, inputs))
            return twincert.Polytope(normal, normal @ center, box=box)
    return box


def certify(
    twin: twincert.Twin, inputs: InputSet, measure: object, rows: dict[str, str], **settings: float
) -> Certificate:
    return twincert.certify(twin, inputs, measure, method="sdp", rows=rows, settings={**FEW, **settings})


@pytest.mark.parametrize("kind", ["box", "ball", "polytope", "noisy", "noisy ball"])
@pytest.mark.parametrize("seed", range(4))
def test_no_input_exceeds_the_bound(kind: str, seed: int) -> None:
    twin, inputs = random_twin(9, 3, seed), input_set(kind, 9, seed)
    for measure in ("inf", "two"):
        certificate = certify(twin, inputs, measure, ALWAYS)
        assert certificate.lower <= certificate.upper
        assert certificate.check(twin).valid


def linear_twin() -> tuple[twincert.Twin, np.ndarray]:
    """Hidden neurons that never switch, f - g = A x; and A."""
    random = np.random.default_rng(1)
    first, other = random.normal(size=(2, 3, 7))
    last = random.normal(size=(2, 3))
    high = np.full(3, 100.0)
    sides = [[(w, high), (last, -last @ high)] for w in (first, first + 0.1 * other)]
    twin = twincert.Twin(*(twincert.Network.from_arrays(layers, activation="relu") for layers in sides))
    return twin, -0.1 * last @ other


def test_the_ellipsoid_of_a_ball_is_exact() -> None:
    twin, matrix = linear_twin()
    exact = 0.3 * np.linalg.svd(matrix)[1][0]
    certificate = certify(twin, twincert.Ball(np.zeros(7), 0.3), "two", ALWAYS, max_iterations=2000)
    assert certificate.method == "sdp"
    assert exact <= certificate.upper <= 1.005 * exact


def test_the_ellipsoid_of_a_box_is_the_one_around_it() -> None:
    twin, matrix = linear_twin()
    box = twincert.Box.around(np.zeros(7), 0.3)
    corners = np.array(np.meshgrid(*[[-0.3, 0.3]] * 7)).reshape(7, -1)
    exact = np.linalg.norm(matrix @ corners, axis=0).max()
    around = 0.3 * np.sqrt(7) * np.linalg.svd(matrix)[1][0]
    certificate = certify(twin, box, "two", ALWAYS, max_iterations=2000)
    assert exact <= certificate.upper <= around


def test_little_is_lost_without_the_inputs() -> None:
    twin, box = random_twin(30, 10, 3), twincert.Box.around(np.zeros(30), 0.2)
    reduced, full = (certify(twin, box, "inf", rows, max_iterations=1500) for rows in (ALWAYS, NEVER))
    assert (reduced.method, full.method) == ("sdp", "sdp")
    assert reduced.upper <= 1.08 * full.upper
