"""What twincert.Certifier promises: certify's bounds, warm starts that save iterations, determinism, clear errors."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import twincert
from python import small_twins
from python.small_twins import QUICK

TWIN = small_twins.twin((3, 5, 2))
DEEP = small_twins.twin()
BOX = small_twins.box()
NEAR = twincert.Box.around([0.01, -0.02, 0.01], 0.4)
FULL = {**QUICK, "max_iterations": 5000, "tolerance": 0.001}


def certifier(
    measure: object = "inf", method: str = "sdp", twin: twincert.Twin = TWIN, **settings: float
) -> twincert.Certifier:
    return twincert.Certifier(twin, measure, method=method, settings={**FULL, **settings})


@pytest.mark.parametrize("measure", ["outputs", "two", "one"])
@pytest.mark.parametrize("method", ["auto", "crown", "branch"])
def test_the_first_certificate_is_that_of_certify(method: str, measure: str) -> None:
    settings = {**QUICK, "part_limit": 50}
    ours = twincert.Certifier(TWIN, measure, method=method, settings=settings)
    ours.setup(BOX)
    first = ours.solve()
    expected = twincert.certify(TWIN, BOX, measure, method=method, settings=settings)
    assert (first.upper, first.lower, first.status) == (expected.upper, expected.lower, expected.status)
    assert np.array_equal(first.upper_per_output, expected.upper_per_output)
    assert first.input_set is BOX
    assert first.check(TWIN)


def iterations_until(certificate: twincert.Certificate, bound: float) -> int:
    """Of the splitting, over all objectives, until the bound was proven."""
    last: dict[int, int] = {}
    for line in certificate.info["history"]:
        last[line["objective"]] = line["iteration"]
        if line["upper"] <= bound:
            break
    return sum(last.values())


def cold_and_warm(ours: twincert.Certifier) -> tuple[twincert.Certificate, twincert.Certificate]:
    """Of the near set: alone, and after the other one."""
    ours.setup(NEAR)
    cold = ours.solve()
    ours.setup(BOX)
    ours.solve()
    ours.update(NEAR)
    return cold, ours.solve()


@pytest.mark.parametrize("measure", ["inf", "two"])
def test_a_near_set_takes_fewer_iterations(measure: str) -> None:
    """Of the splitting, which goes on from its point."""
    ours = twincert.Certifier(DEEP, measure, method="sdp", settings=FULL, rows={"cliques": "stages"})
    cold, warm = cold_and_warm(ours)
    target = 1.01 * max(cold.upper, warm.upper)
    assert iterations_until(warm, target) < iterations_until(cold, target)
    assert warm.upper == pytest.approx(cold.upper, rel=0.005)
    assert warm.check(DEEP)


def test_a_near_set_starts_from_the_working_set() -> None:
    """Of the interior-point method: entries that mattered before are there from the first step."""
    ours = twincert.Certifier(DEEP, "inf", method="sdp", settings=FULL)
    cold, warm = cold_and_warm(ours)
    assert cold.proof["rows"]["cliques"] == warm.proof["rows"]["cliques"] == "single"
    assert warm.upper != cold.upper  # another path
    assert warm.upper == pytest.approx(cold.upper, rel=0.005)
    assert warm.check(DEEP)


def test_sets_with_other_unstable_neurons_and_shapes_are_certified() -> None:
    centers = np.random.default_rng(0).uniform(-2, 2, (4, 3))
    sets = [twincert.Box.around(center, radius) for center, radius in zip(centers, (0.05, 0.8, 0.3, 1.5), strict=True)]
    sets += [twincert.Ball(centers[0], 0.5), twincert.Polytope([[1.0, 1.0, 1.0]], [0.0], BOX), BOX]
    ours = certifier("outputs", twin=DEEP, max_iterations=40)
    for region in sets:
        ours.update(region)
        found = ours.solve()
        errors = DEEP.error(region.sample(500))
        assert (errors <= found.upper_per_output).all()
        assert (errors >= found.lower_per_output).all()
        assert found.upper <= twincert.certify(DEEP, region, method="crown", settings=QUICK).upper
        assert found.check(DEEP)


def test_the_same_calls_give_the_same_certificates() -> None:
    runs = []
    for threads in (1, 2):
        ours = certifier("outputs", twin=DEEP, max_iterations=100, threads=threads)
        ours.setup(BOX)
        found = [ours.solve()]
        ours.update(NEAR)
        found += [ours.solve(), ours.solve(threshold=0.15)]
        runs.append(
            [(one.upper, one.lower, [each["bound"] for each in one.proof["objectives"]], one.verdict) for one in found]
        )
    assert runs[0] == runs[1]


def test_solving_again_decides_another_threshold() -> None:
    ours = certifier()
    ours.setup(BOX)
    upper = ours.solve().upper
    assert ours.solve(threshold=1.1 * upper).verdict == "holds"
    assert ours.solve(threshold=0.5 * ours.solve(time_limit=1e-6).lower).verdict == "violated"


def test_setup_forgets() -> None:
    ours = certifier(max_iterations=60)
    found = []
    for _ in range(2):
        ours.setup(BOX)
        found.append(ours.solve().upper)
        ours.update(NEAR)
        ours.solve()
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: twincert.Certifier(TWIN, "three"), "measure: expected one of"),
        (lambda: twincert.Certifier(TWIN, method="guess"), "method: expected one of"),
        (lambda: twincert.Certifier(TWIN, settings={"rho": np.nan}), "rho"),
        (lambda: twincert.Certifier(BOX), "twin: expected a twincert.Twin"),
        (lambda: certifier().solve(), r"solve: expected an input set by setup\(\) first"),
        (lambda: certifier().setup([0, 1]), "input_set: expected a Box"),
        (lambda: certifier().update(twincert.Box([0], [1])), "input_set: expected 3 inputs"),
        (lambda: certifier().solve(threshold=-1), "threshold: expected"),
        (lambda: certifier().solve(time_limit=0), "time_limit: expected"),
        (lambda: certifier().solve(callback=3), "callback: expected"),
    ],
)
def test_errors_say_what_is_wrong(call: object, message: str) -> None:
    with pytest.raises((twincert.SettingsError, twincert.ShapeError), match=message):
        call()


def test_a_failed_update_keeps_the_set() -> None:
    ours = certifier(method="crown")
    ours.setup(BOX)
    with pytest.raises(twincert.ShapeError):
        ours.update(twincert.Box([0], [1]))
    assert ours.solve().input_set is BOX


def test_only_one_call_at_a_time() -> None:
    ours = certifier()
    ours.setup(BOX)
    refused: list[str] = []

    def attempt(call: Callable[[], object]) -> None:
        with pytest.raises(twincert.SettingsError) as error:
            call()
        refused.append(str(error.value))

    def interfere(progress: object) -> bool:
        for call in (ours.solve, lambda: ours.update(NEAR)):
            thread = threading.Thread(target=attempt, args=[call])
            thread.start()
            thread.join()
        return False

    assert ours.solve(callback=interfere).status == "interrupted"
    assert len(refused) >= 2
    assert all("at work" in message for message in refused)


def test_a_step_is_stopped_within_and_leaves_nothing_behind() -> None:
    """Who was not told anything for half a second is asked in the middle of a step."""
    seen = []

    def slow(progress: twincert.Progress) -> bool:
        seen.append((progress["stage"], progress["iteration"]))
        if progress["stage"] == "optimized":
            time.sleep(0.6)
        return progress["stage"] != "sdp"

    ours = certifier()
    ours.setup(BOX)
    expected = ours.solve()
    ours.setup(BOX)
    stopped = ours.solve(callback=slow)
    assert seen[-1] == ("sdp", 0)
    assert (stopped.status, stopped.info["iterations"]) == ("interrupted", 0)
    assert stopped.check(TWIN).valid
    assert ours.solve().upper == expected.upper
