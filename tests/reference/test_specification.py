"""The executable specification against exact arithmetic, sampled points, true maxima and two SDP solvers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from reference.frozen_twins import FrozenTwin, frozen_twins, load_brackets
from twincert._reference import crown, exact, intervals, splitting
from twincert._reference.bound import overlap
from twincert._reference.exact_max import maximum
from twincert._reference.network import Activation, Array, evaluate, random_layers, round_symmetric
from twincert._reference.objective import linear, squared_norm
from twincert._reference.relaxation import Clique, cliques

TWINS = frozen_twins()
BRACKETS = load_brackets()
each_twin = pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)


def activation(slope: float) -> Activation:
    return Activation("leaky_relu", slope) if slope else Activation()


def errors(twin: FrozenTwin, x: Array) -> Array:
    act = activation(twin.slope)
    return evaluate(twin.reference, x, act) - evaluate(twin.compressed, x, act)


def points(lower: Array, upper: Array, count: int = 200) -> Array:
    rng = np.random.default_rng(7)
    inside = rng.uniform(lower, upper, (count, len(lower)))
    corners = np.where(rng.random((count, len(lower))) < 0.5, lower, upper)
    return np.vstack([inside, corners])


def test_exact_evaluation_agrees_with_a_hand_computation() -> None:
    layers = [
        (np.array([[0.5, -1.0], [2.0, 1.0]]), np.array([0.25, -3.0])),
        (np.array([[3.0, 4.0]]), np.array([0.125])),
    ]
    assert exact.evaluate(layers, [1.0, 0.5]) == [Fraction(3, 4) + Fraction(1, 8)]
    leaky = Activation("leaky_relu", 0.25)  # 0.25 and -0.5: 0.75 - 0.5 + 0.125
    assert exact.evaluate(layers, [1.0, 0.5], leaky) == [Fraction(3, 8)]
    assert exact.evaluate(layers, [1.0, 0.5], Activation("clip", 0.0, 0.0, 0.125)) == [Fraction(1, 2)]
    assert exact.evaluate(layers, [1.0, 0.5], Activation("identity")) == [Fraction(-9, 8)]
    for kind, expected in (("quantize", Fraction(13, 8)), ("quantize_even", Fraction(1, 8))):  # 0.25 is a tie
        stairs = Activation(kind, 0.0, 0.0, 1.0, 0.5)
        assert exact.evaluate(layers, [1.0, 0.5], stairs) == [expected]
        assert evaluate(layers, np.array([[1.0, 0.5]]), stairs).tolist() == [[float(expected)]]


@each_twin
def test_exact_intervals_hold_at_exact_points(twin: FrozenTwin) -> None:
    act = activation(twin.slope)
    stages = intervals.forward(twin.reference, twin.compressed, intervals.box(twin.lower, twin.upper), activation=act)
    for x in points(twin.lower, twin.upper, 4):
        for i, error in enumerate(exact.error(twin.reference, twin.compressed, x.tolist(), activation=act)):
            low, high = stages[-1].difference[i]
            assert low <= error <= high


def test_exact_intervals_hold_when_the_inputs_differ() -> None:
    rng = np.random.default_rng(3)
    f = random_layers([3, 5, 4, 2], rng)
    g = round_symmetric(f, 6)
    box = intervals.box([-1.0] * 3, [0.5] * 3)
    gap = Fraction(1, 8)
    stages = intervals.forward(f, g, box, [(-gap, gap)] * 3)
    for _ in range(30):
        x = [Fraction(v) for v in rng.uniform(-1.0, 0.5, 3)]
        y = [v + gap * int(rng.integers(-1, 2)) for v in x]
        for error, (low, high) in zip(exact.error(f, g, x, y), stages[-1].difference, strict=True):
            assert low <= error <= high


@each_twin
def test_float_bounds_lie_inside_exact_intervals_and_hold(twin: FrozenTwin) -> None:
    act = activation(twin.slope)
    stages = intervals.forward(twin.reference, twin.compressed, intervals.box(twin.lower, twin.upper), activation=act)
    proven = crown.twin_intervals(twin.reference, twin.compressed, twin.lower, twin.upper, twin.slope)
    x = y = points(twin.lower, twin.upper)
    for k, stage in enumerate(stages):
        (wf, bf), (wg, bg) = twin.reference[k], twin.compressed[k]
        af, ag = x @ wf.T + bf, y @ wg.T + bg
        found = [(af, proven.reference[k], stage.reference), (ag, proven.compressed[k], stage.compressed)]
        if (difference := proven.difference[k]) is not None:
            found.append((af - ag, difference, stage.difference))
        for values, (low, high), exactly in found:
            assert (values >= low - 1e-12).all()
            assert (values <= high + 1e-12).all()
            assert all(
                a >= float(b[0]) - 1e-12 and c <= float(b[1]) + 1e-12
                for a, c, b in zip(low, high, exactly, strict=True)
            )
        x, y = act(af), act(ag)


def row_values(chain: list[Clique], twin: FrozenTwin, x: Array, input_gap: Array | None = None) -> list[Array]:
    """The rows of every clique at one point, from the free variables of the note: v = (1, x, y of k-1, unstable x, y of
    k).
    """
    y = x if input_gap is None else x - input_gap
    act = activation(twin.slope)
    proven = crown.twin_intervals(
        twin.reference,
        twin.compressed,
        twin.lower,
        twin.upper,
        twin.slope,
        None if input_gap is None else np.abs(input_gap),
    )
    values = []
    for k, clique in enumerate(chain):
        af, ag = twin.reference[k][0] @ x + twin.reference[k][1], twin.compressed[k][0] @ y + twin.compressed[k][1]
        before = [x] if k == 0 and input_gap is None else [x, y]
        after = [
            act(a)[(low < 0) & (high > 0)] for a, (low, high) in ((af, proven.reference[k]), (ag, proven.compressed[k]))
        ]
        values.append(clique.T @ np.concatenate([[1.0], *before, *after]))
        x, y = act(af), act(ag)
    return values


@pytest.mark.parametrize("gap", [0.0, 0.05])
@each_twin
def test_every_entry_interval_holds_at_every_point(twin: FrozenTwin, gap: float) -> None:
    """Rows, products, signs, complementarity and agreement on overlaps are facts about the networks: check them on
    evaluations.
    """
    size = len(twin.lower)
    proven = crown.twin_intervals(
        twin.reference, twin.compressed, twin.lower, twin.upper, twin.slope, np.full(size, gap)
    )
    chain = cliques(twin.reference, twin.compressed, proven, twin.slope)
    rng = np.random.default_rng(0)
    for x in points(twin.lower, twin.upper, 25):
        shift = gap * rng.choice([-1.0, 1.0], size) if gap else None
        values = row_values(chain, twin, x, shift)
        for clique, r in zip(chain, values, strict=True):
            product = np.outer(r, r)
            assert (product >= clique.LO - 1e-9).all()
            assert (product <= clique.HI + 1e-9).all()
        for k in range(len(chain) - 1):
            here, there = overlap(chain, k)
            np.testing.assert_allclose(
                np.outer(values[k], values[k])[here], np.outer(values[k + 1], values[k + 1])[there], atol=1e-9
            )


@each_twin
def test_objectives_evaluate_to_the_error(twin: FrozenTwin) -> None:
    chain, coefficients = splitting.build(twin.reference, twin.compressed, twin.lower, twin.upper, twin.slope)
    for x in points(twin.lower, twin.upper, 10):
        r = row_values(chain, twin, x)[-1]
        error = errors(twin, x[None])[0]
        np.testing.assert_allclose(coefficients @ r, error, atol=1e-10)
        matrix, constant = linear(np.eye(len(error))[0], coefficients)
        assert r @ matrix @ r + constant == pytest.approx(error[0], abs=1e-10)
        matrix, constant = squared_norm(coefficients)
        assert r @ matrix @ r + constant == pytest.approx(error @ error, abs=1e-10)


@pytest.mark.parametrize("iterations", [1, 7, 400])
@pytest.mark.parametrize(
    "twin", [t for t in TWINS if max(len(b) for _, b in t.reference) <= 8], ids=lambda twin: twin.name
)
def test_any_iterate_of_the_splitting_bounds_the_truth(twin: FrozenTwin, iterations: int) -> None:
    first = np.eye(len(twin.reference[-1][1]))[0]
    low, high = (
        splitting.certify(twin.reference, twin.compressed, twin.lower, twin.upper, sign * first, twin.slope, iterations)
        for sign in (-1.0, 1.0)
    )
    least, most = BRACKETS[twin.name]["truth"][0]
    assert -low <= least + 1e-9
    assert most - 1e-9 <= high
    if iterations == 400:  # within half of the gap between interval bound and the SDP's value
        proven = crown.twin_intervals(twin.reference, twin.compressed, twin.lower, twin.upper, twin.slope)
        limit = BRACKETS[twin.name]["sdp"]["output 0"]["bracket"][1]
        loosest = float((proven.reference[-1][1] - proven.compressed[-1][0])[0])
        assert limit - 1e-3 * abs(limit) <= high <= limit + 0.5 * (loosest - limit) + 0.02 * abs(limit)


@each_twin
def test_brackets_belong_to_these_twins_and_are_in_order(twin: FrozenTwin) -> None:
    frozen = BRACKETS[twin.name]
    assert frozen["digest"] == twin.digest, "another random stream or generator: make the brackets anew"
    found = errors(twin, points(twin.lower, twin.upper, 5000))
    for i, (least, most) in enumerate(frozen["truth"]):
        assert least is None or least - 1e-9 <= found[:, i].min()
        assert found[:, i].max() <= most + 1e-9
    attained = {"output 0": frozen["truth"][0][1], "two squared": (found**2).sum(axis=1).max()}
    for name, entry in frozen["sdp"].items():
        low, high = entry["bracket"]
        size = attained[name] if name == "two squared" else max(abs(v) for v in frozen["truth"][0] if v is not None)
        assert attained[name] <= high + 1e-3 * size
        assert high <= low + 0.1 * size  # runs that ended "inaccurate" widen the bracket


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_the_program_finds_the_maximum_of_a_network_that_can_be_enumerated(slope: float) -> None:
    """One input: the difference is piecewise linear, so its maximum is at an end or at a breakpoint of a neuron."""
    rng = np.random.default_rng(11)
    f = random_layers([1, 5, 1], rng)
    g = round_symmetric(f, 3)
    breaks = np.concatenate([-b[w[:, 0] != 0] / w[w[:, 0] != 0, 0] for (w, b) in (f[0], g[0])])
    grid = np.concatenate([[-1.0, 1.0], breaks[np.abs(breaks) <= 1.0]])[:, None]
    act = activation(slope)
    truth = (evaluate(f, grid, act) - evaluate(g, grid, act)).max()
    found = maximum(f, g, np.array([-1.0]), np.array([1.0]), np.array([1.0]), slope)
    assert found.value == pytest.approx(truth, abs=1e-9)
    assert found.bound >= truth - 1e-9
