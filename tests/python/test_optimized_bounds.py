"""Optimised propagation: sound on random twins, never looser than what it starts from, tighter where there is room."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import twincert
from python import small_twins
from python.small_twins import redigested
from python.test_bounds import (
    ACTIVATIONS,
    Array,
    Layers,
    assert_inside,
    assert_sound,
    box,
    largest,
    network,
    pairs,
    random_layers,
    rounded,
)
from twincert import _core


def far_twin(widths: list[int], seed: int, activation: str = "relu") -> Any:
    """Networks whose weights differ by 30 %: close enough to be compared, far enough for planes and lines to matter."""
    rng = np.random.default_rng(seed)
    layers: Layers = [(w / np.sqrt(w.shape[1]) * 1.4, 0.3 * b) for w, b in random_layers(rng, widths)]
    other = [(w * (1 + 0.3 * rng.normal(size=w.shape)), b) for w, b in layers]
    return _core.Twin(network(layers, activation), network(other, activation))


def unit_box(size: int) -> Any:
    return box(-np.ones(size), np.ones(size))


def input_set(rng: np.random.Generator, size: int) -> Any:
    center: Array = rng.normal(size=size)
    radius = rng.choice([0.01, 0.3, 2.0]) * rng.random(size)
    difference = rng.choice([0.0, 0.05]) * rng.random(size)
    region = rng.integers(4)
    if region == 0:
        return _core.InputSet(center=center, radius=float(radius[0]), difference=difference)
    if region == 1:
        a = rng.normal(size=(2, size))
        return _core.InputSet(
            A=a, b=a @ center + 0.2, lower=center - radius, upper=center + radius, difference=difference
        )
    return box(center - radius, center + radius, difference)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("seed", range(8))
def test_random_twins_are_enclosed(activation: str, seed: int) -> None:
    rng = np.random.default_rng([seed, len(activation), 5])
    for _ in range(6):
        widths = [int(n) for n in rng.integers(1, 9, size=int(rng.integers(2, 6)))]
        layers = random_layers(rng, widths, scale=float(rng.choice([0.5, 1.0, 2.0])))
        other = rounded(layers, int(rng.integers(2, 9)))
        if rng.random() < 0.3:  # neurons without partners
            wider = [widths[0], *(int(n) for n in rng.integers(1, 9, size=int(rng.integers(1, 4)))), widths[-1]]
            other = random_layers(rng, wider)
        twin = _core.Twin(network(layers, activation), network(other, activation))
        region = input_set(rng, widths[0])
        x, y = pairs(rng, region, 300)
        for budget in (_core.operation_budget, 1e18):
            optimized = _core.optimized_bounds(twin, region, budget=budget)
            assert_sound(twin, optimized, x, y)
            assert_inside(optimized, _core.crown_bounds(twin, region))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("seed", range(4))
def test_far_twins_are_enclosed_at_their_extremes(activation: str, seed: int) -> None:
    """Tight bounds against a fine grid of few inputs: there is little room for mistakes."""
    twin = far_twin([2, 7, 7, 7, 2], seed, activation)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 161)] * 2)).reshape(2, -1)
    for budget in (_core.operation_budget, 1e18):
        assert_sound(twin, _core.optimized_bounds(twin, unit_box(2), budget=budget), grid, grid)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "clip"])
def test_far_twins_are_bounded_better(activation: str) -> None:
    gains = []
    for seed in range(4):
        twin = far_twin([3, 12, 12, 12, 2], seed, activation)
        crown, optimized = (method(twin, unit_box(3)) for method in (_core.crown_bounds, _core.optimized_bounds))
        gains.append(largest(optimized) / largest(crown))
    # Clip keeps its lines; only its planes are optimised.
    assert max(gains) < (0.95 if activation == "clip" else 0.65)


def test_every_part_of_the_work_helps() -> None:
    """A smaller budget drops the case analysis, the inner planes, the inner lines, the last steps: looser each time."""
    twin, region = far_twin([3, 12, 12, 12, 2], 1), unit_box(3)
    crown = _core.crown_bounds(twin, region)

    def parts(plan: Any) -> tuple[bool, bool, bool, int]:
        return bool(plan.case_neurons), plan.intermediate_planes, plan.intermediate_lines, plan.output_steps

    seen: dict[tuple[bool, bool, bool, int], float] = {}
    for budget in np.geomspace(1e9, 1e4, 120):
        plan = _core.optimization_plan(twin, crown, budget)
        assert plan.operations <= budget
        if parts(plan) not in seen and (plan.output_steps in (0, 100) or plan.output_steps < 5):
            seen[parts(plan)] = largest(_core.optimized_bounds(twin, region, budget=budget))
    full = [key for key in seen if key[3] == 100]
    assert full == [
        (True, True, True, 100),
        (False, True, True, 100),
        (False, False, True, 100),
        (False, False, False, 100),
    ]
    assert list(seen)[-1][3] == 0
    bounds = list(seen.values())
    assert bounds == sorted(bounds)
    assert bounds[:4] == sorted(set(bounds[:4]))
    assert bounds[-1] == largest(crown)


def test_more_than_the_default_budget_goes_to_more_cases() -> None:
    twin, region = far_twin([3, 12, 12, 12, 2], 1), unit_box(3)
    crown = _core.crown_bounds(twin, region)
    plans = [_core.optimization_plan(twin, crown, budget) for budget in (6e9, 7e9, 1e18)]
    assert [plan.case_neurons for plan in plans] == [[2], [2, 8], [2, 8]]
    few, many = (largest(_core.optimized_bounds(twin, region, budget=budget)) for budget in (6e9, 7e9))
    assert many < 0.97 * few
    wide, cube = far_twin([4, 120, 120, 120, 3], 2), unit_box(4)
    budgets = np.geomspace(6.1e9, 1e12, 40)
    chosen = [_core.optimization_plan(wide, _core.crown_bounds(wide, cube), budget) for budget in budgets]
    neurons = [plan.case_neurons[-1] if plan.case_neurons else 0 for plan in chosen]
    assert neurons == sorted(neurons)
    assert set(neurons) >= {2, 3, 4, 5, 6}
    assert all(plan.operations <= budget for plan, budget in zip(chosen, budgets, strict=True))


def test_a_time_limit_raises_the_budget_and_the_certificate_says_so() -> None:
    twin, region = small_twins.twin(widths=(3, 10, 10, 2), bits=3), small_twins.box(radius=1.0)
    unlimited, limited, longest = (
        twincert.certify(twin, region, method="crown", time_limit=limit, settings=small_twins.QUICK)
        for limit in (None, 3.0, 1e300)
    )
    found = [certificate.to_dict()["proof"]["operations"] for certificate in (unlimited, limited, longest)]
    assert found == [6e9, 3e10, 1e15]
    assert limited.upper < unlimited.upper
    assert limited.upper == longest.upper  # a small network's work fits into either
    assert all(certificate.check(twin).valid for certificate in (unlimited, limited, longest))
    # What more cases prove, fewer do not.
    content = limited.to_dict()
    content["proof"]["operations"] = 6e9
    assert not redigested(content).check(twin).valid
    content = unlimited.to_dict()
    del content["proof"]["operations"]  # as in files written before it existed
    assert redigested(content).check(twin).valid


@pytest.mark.parametrize("operations", [-1.0, 1.1e15, "nan", "inf"])
def test_a_budget_that_is_none_is_refused(operations: float | str) -> None:
    twin, region = small_twins.twin(widths=(3, 10, 10, 2), bits=3), small_twins.box(radius=1.0)
    content = twincert.certify(twin, region, method="crown", settings=small_twins.QUICK).to_dict()
    content["proof"]["operations"] = operations
    with pytest.raises(twincert.ParseError, match=r"proof\.operations"):
        redigested(content)


def test_a_budget_belongs_to_optimised_propagation() -> None:
    twin, region = small_twins.twin(), small_twins.box()
    content = twincert.certify(twin, region, method="interval", settings=small_twins.QUICK).to_dict()
    assert "operations" not in content["proof"]
    content["proof"]["operations"] = 6e9
    with pytest.raises(twincert.ParseError, match=r"proof\.operations"):
        redigested(content)


def test_a_certifier_propagates_again_for_another_time_limit() -> None:
    twin, region = small_twins.twin(widths=(3, 10, 10, 2), bits=3), small_twins.box(radius=1.0)
    certifier = twincert.Certifier(twin, method="crown", settings=small_twins.QUICK)
    certifier.setup(region)
    first = certifier.solve()
    longer = certifier.solve(time_limit=3.0)
    assert longer.upper < first.upper
    assert certifier.solve().upper == first.upper


def test_long_propagation_can_be_stopped() -> None:
    layers = random_layers(np.random.default_rng(3), [4, 120, 120, 120, 3])
    twin = twincert.Twin(*(twincert.Network.from_arrays(each, "relu") for each in (layers, rounded(layers, 4))))
    region = twincert.Box(-np.ones(4), np.ones(4))
    certifier = twincert.Certifier(twin, method="crown", settings=small_twins.QUICK)
    certifier.setup(region)
    stopped = certifier.solve(time_limit=20.0, callback=lambda progress: progress["stage"] != "optimized")
    assert (stopped.status, stopped.to_dict()["proof"]["propagation"]) == ("interrupted", "crown")
    assert stopped.check(twin).valid
    # Nothing of it is taken for the whole.
    assert certifier.solve(time_limit=20.0).to_dict()["proof"]["propagation"] == "optimized"


def test_wide_networks_get_what_they_can() -> None:
    twin, region = far_twin([4, 220, 220, 220, 3], 2), unit_box(4)
    crown = _core.crown_bounds(twin, region)
    plan = _core.optimization_plan(twin, crown)
    assert (plan.case_neurons, plan.intermediate_planes, plan.output_steps) == ([], False, 100)
    optimized = _core.optimized_bounds(twin, region)
    assert_inside(optimized, crown)
    assert largest(optimized) < 0.98 * largest(crown)


def test_the_number_of_threads_changes_nothing() -> None:
    twin, region = far_twin([4, 30, 30, 3], 3), unit_box(4)
    one, two, many = (_core.optimized_bounds(twin, region, threads=threads) for threads in (1, 2, 5))
    for a, b in ((one, two), (one, many)):
        assert_inside(a, b)
        assert_inside(b, a)


def test_extreme_numbers_stay_sound() -> None:
    """Weights whose products overflow or vanish: bounds may be infinite, never wrong and never NaN."""
    rng = np.random.default_rng(6)
    for scale in (1e-160, 1e-60, 1e60, 1e120, 1e200):
        layers = [(scale * w, scale * b) for w, b in random_layers(rng, [2, 5, 5, 2])]
        other = [(w * 1.01, b) for w, b in layers]
        twin, region = _core.Twin(network(layers), network(other)), unit_box(2)
        bounds = _core.optimized_bounds(twin, region)
        assert_inside(bounds, _core.crown_bounds(twin, region))
        grid = region.sample(200, 1)
        with np.errstate(all="ignore"):
            error = twin.error(grid, grid)
        lower, upper = bounds.stages[-1].difference
        known = np.isfinite(error).all(axis=0)
        slack = bounds.evaluation_error[:, None]
        assert (error[:, known] <= upper[:, None] + slack).all()
        assert (error[:, known] >= lower[:, None] - slack).all()


def test_certificates_name_it_and_are_checked_by_it() -> None:
    twin, region = small_twins.twin(widths=(3, 10, 10, 2), bits=3), small_twins.box(radius=1.0)
    certificate = twincert.certify(twin, region, method="crown", settings=small_twins.QUICK)
    content = certificate.to_dict()
    assert (certificate.method, content["proof"]["propagation"]) == ("crown", "optimized")
    assert [line["stage"] for line in content["info"]["history"]] == ["interval", "attack", "crown", "optimized"]
    assert certificate.check(twin).valid
    weaker = twincert.certify(twin, region, method="crown", settings=small_twins.QUICK)
    assert weaker.upper == certificate.upper


def test_what_crown_decides_is_not_optimised() -> None:
    twin, region = small_twins.twin(), small_twins.box()
    first = twincert.certify(twin, region, method="crown", settings=small_twins.QUICK)
    crown = next(line for line in first.to_dict()["info"]["history"] if line["stage"] == "crown")["upper"]
    decided = twincert.certify(twin, region, method="crown", threshold=1.01 * crown, settings=small_twins.QUICK)
    assert decided.to_dict()["proof"]["propagation"] == "crown"
    assert decided.verdict == "holds"
