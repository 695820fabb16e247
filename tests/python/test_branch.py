"""Branch and bound: decides what propagation cannot, anytime, with a proof that the checker replays."""

import dataclasses
import itertools

import numpy as np
import pytest

import twincert
from python import small_twins
from twincert.certificate import Certificate

TWIN = small_twins.twin()
BOX = small_twins.box()
FEW = {"attack_restarts": 8, "attack_steps": 10}
MEASURES = ["inf", "two", "one", "outputs", twincert.Output(1), twincert.Margin(0, 1), "top1"]


def branch(measure: object = "inf", **options: object) -> Certificate:
    settings = {**FEW, **options.pop("settings", {})}
    return twincert.certify(TWIN, BOX, measure, method="branch", settings=settings, **options)


@pytest.mark.parametrize("measure", MEASURES, ids=str)
def test_branching_closes_the_gap_to_the_witness(measure: object) -> None:
    certificate = branch(measure)
    crown = twincert.certify(TWIN, BOX, measure, method="crown", settings=FEW)
    assert certificate.lower <= certificate.upper <= max(1.01 * certificate.lower, 1e-12)
    assert certificate.upper < crown.upper or crown.upper == 0
    assert certificate.check(TWIN).valid


def test_the_sdp_goes_first_unless_few_inputs_have_a_threshold() -> None:
    def stages(**options: object) -> list[str]:
        history = branch(time_limit=20.0, settings={"part_limit": 50, "max_iterations": 20}, **options).info["history"]
        return [stage for stage, _ in itertools.groupby(progress["stage"] for progress in history)]

    undecided = 1.2 * branch().lower
    assert stages() == ["interval", "attack", "crown", "optimized", "sdp", "branch"]
    assert stages(threshold=undecided) == ["interval", "attack", "crown", "branch"]


@pytest.mark.parametrize("split_inputs", [0, 20], ids=["neurons", "inputs"])
def test_thresholds_around_the_truth_are_decided(split_inputs: int) -> None:
    settings = {"split_inputs": split_inputs, "max_iterations": 0}  # no SDP before neurons are split
    exact = branch().lower
    above = branch(threshold=1.1 * exact, settings=settings)
    below = branch(threshold=0.9 * exact, settings=settings)
    assert (above.verdict, above.status, above.method) == ("holds", "threshold_reached", "branch")
    assert below.verdict == "violated"
    assert BOX.contains(below.witness)
    for certificate in (above, below):
        assert certificate.check(TWIN).valid


def test_parts_are_counted_and_more_parts_never_loosen() -> None:
    uppers = []
    for limit in (1, 3, 65, 400):
        certificate = branch(settings={"part_limit": limit, "gap": 0.0})
        assert limit - 1 <= certificate.info["parts"] <= limit
        assert certificate.info["leaves"] == (certificate.info["parts"] + 1) // 2
        uppers.append(certificate.upper)
    assert uppers == sorted(uppers, reverse=True)
    assert uppers[-1] < uppers[0]


def test_threads_do_not_change_the_result() -> None:
    one, two = (branch(settings={"threads": threads, "part_limit": 300, "gap": 0.0}) for threads in (1, 2))
    assert one.upper == two.upper
    assert one.proof["branching"] == two.proof["branching"]


def test_little_memory_searches_in_depth() -> None:
    settings = {"part_limit": 3001, "gap": 0.0}
    plenty, little = (branch(settings={**settings, "memory_limit": limit}) for limit in (8.0, 0.001))
    assert little.proof["branching"]["tree"] != plenty.proof["branching"]["tree"]
    assert little.check(TWIN).valid


def test_a_time_limit_leaves_a_valid_bound() -> None:
    certificate = branch(settings={"gap": 0.0}, time_limit=0.3)
    assert certificate.status == "time_limit"
    assert certificate.lower <= certificate.upper
    assert certificate.check(TWIN).valid


def test_a_callback_stops_it_and_sees_the_leaves() -> None:
    seen = []

    def stop(progress: twincert.Progress) -> bool:
        seen.append(progress)
        return progress["stage"] != "branch"

    certificate = branch(settings={"gap": 0.0}, callback=stop)
    assert certificate.status == "interrupted"
    assert seen[-1]["parts"] >= 1
    assert certificate.check(TWIN).valid


@pytest.mark.parametrize("shape", ["ball", "polytope", "two inputs"])
def test_every_kind_of_set_is_split(shape: str) -> None:
    center = (BOX.lower + BOX.upper) / 2
    input_set = {
        "ball": twincert.Ball(center, 0.4),
        "polytope": twincert.Polytope(np.ones((1, 3)), [center.sum() + 0.1], box=BOX),
        "two inputs": twincert.Box(BOX.lower, BOX.upper, difference=1e-3),
    }[shape]
    settings = {**FEW, "part_limit": 600}
    certificate = twincert.certify(TWIN, input_set, method="branch", settings=settings)
    crown = twincert.certify(TWIN, input_set, method="crown", settings=settings)
    assert certificate.lower <= certificate.upper < crown.upper
    assert certificate.check(TWIN).valid


def test_saved_and_loaded_certificates_are_checked_alike(tmp_path) -> None:
    certificate = branch(threshold=1.1 * branch().lower)
    certificate.save(tmp_path / "c.json")
    loaded = Certificate.load(tmp_path / "c.json")
    assert loaded.proof["branching"] == certificate.proof["branching"]
    assert loaded.info["leaves"] == certificate.info["leaves"]
    assert loaded.check(TWIN).valid


def forged(certificate: Certificate, **branching: object) -> Certificate:
    proof = {**certificate.proof, "branching": {**certificate.proof["branching"], **branching}}
    return dataclasses.replace(certificate, proof=proof)


def test_the_checker_refuses_what_the_tree_does_not_prove() -> None:
    certificate = branch(threshold=1.1 * branch().lower)
    tree = certificate.proof["branching"]["tree"]
    hostile = {
        "cut short": tree[:-1],
        "too long": [*tree, -1],
        "empty": [],
        "unknown split": [10**9, -1, -1],
        "negative": [-7, *tree[1:]],
    }
    for name, other in hostile.items():
        report = forged(certificate, tree=other).check(TWIN)
        assert not report.valid, name
        assert "branching" in report.reason, name
    assert not forged(certificate, target=float("nan")).check(TWIN).valid
    smaller = dataclasses.replace(certificate, upper=0.5 * certificate.lower)
    assert "upper: claimed" in smaller.check(TWIN).reason


def test_the_checker_splits_on_where_a_leaf_is_a_little_loose() -> None:
    certificate = branch(threshold=1.1 * branch().lower)
    assert forged(certificate, tree=[0, -1, -1]).check(TWIN).valid


def test_a_difference_of_rounding_alone_is_no_violation() -> None:
    """The same function with its neurons in another order: the float64 outputs differ, the networks do not."""
    rng = np.random.default_rng(3)
    (w0, b0), (w1, b1) = (rng.normal(size=(40, 3)), rng.normal(size=40)), (1e6 * rng.normal(size=(1, 40)), np.zeros(1))
    order = rng.permutation(40)
    reference = twincert.Network.from_arrays([(w0, b0), (w1, b1)], activation="relu")
    compressed = twincert.Network.from_arrays([(w0[order], b0[order]), (w1[:, order], b1)], activation="relu")
    twin = twincert.Twin(reference, compressed)
    certificate = twincert.certify(twin, BOX, method="branch", threshold=0.0, settings={**FEW, "part_limit": 50})
    assert certificate.lower > 0
    assert certificate.verdict == "unknown"


def test_the_checker_looks_at_every_part() -> None:
    """The same error, mirrored into every octant: wherever the worst input lies, a claim below it is refused."""
    (first, bias), *others = TWIN.reference.to_arrays()
    (other_first, other_bias), *other_others = TWIN.compressed.to_arrays()
    for signs in itertools.product([-1.0, 1.0], repeat=3):
        sides = [(first * signs, bias), *others], [(other_first * signs, other_bias), *other_others]
        twin = twincert.Twin(*(twincert.Network.from_arrays(side, activation="relu") for side in sides))
        certificate = twincert.certify(twin, BOX, method="branch", settings=FEW)
        assert certificate.check(twin).valid
        below = dataclasses.replace(certificate, upper=0.99 * certificate.lower)
        assert not below.check(twin).valid, signs


def test_with_many_inputs_the_sdp_goes_first_and_branching_starts_from_its_bounds() -> None:
    twin = small_twins.twin((22, 5, 4, 2), bits=6)
    box = small_twins.box(22, 0.1)
    # So few iterations leave something to branching.
    sdp = twincert.certify(twin, box, method="sdp", settings={**FEW, "max_iterations": 6})
    both = twincert.certify(twin, box, method="branch", settings={**FEW, "max_iterations": 6, "part_limit": 400})
    assert both.upper < sdp.upper
    assert both.method == "branch"
    assert {"build", "solve", "branch"} <= set(both.info["timings"])
    assert both.proof["objectives"]
    assert both.proof["branching"]["tree"]
    assert both.check(twin).valid


def test_auto_branches_where_a_threshold_is_given() -> None:
    certificate = twincert.certify(TWIN, BOX, threshold=1.05 * branch().lower, settings=FEW)
    assert (certificate.verdict, certificate.method) == ("holds", "branch")
