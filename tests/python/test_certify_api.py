"""What twincert.certify promises: bounds, measures, limits, callbacks, interrupts."""

import itertools
import time

import numpy as np
import pytest

import twincert
from property.adversary import measure_values
from python import small_twins
from python.interrupts import ctrl_c
from python.small_twins import QUICK

TWIN = small_twins.twin()
BOX = small_twins.box()
METHODS = ["auto", "interval", "crown", "sdp", "branch"]
MEASURES = ["inf", "two", "one", "outputs", twincert.Output(1), twincert.Margin(1, 0), "top1"]


def samples(count: int = 2000) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.4, 0.4, size=(count, 3))


def measured(measure: object, f: np.ndarray, g: np.ndarray) -> float:
    return measure_values(measure, f, g).max()


@pytest.mark.parametrize("measure", MEASURES, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_samples_stay_below_and_witness_attains(method: str, measure: object) -> None:
    certificate = twincert.certify(TWIN, BOX, measure=measure, method=method, settings=QUICK)
    errors = TWIN.error(samples())
    assert measured(measure, TWIN.reference(samples()), TWIN.compressed(samples())) <= certificate.upper
    assert (errors <= certificate.upper_per_output).all()
    assert (errors >= certificate.lower_per_output).all()
    assert 0 <= certificate.lower <= certificate.upper
    assert certificate.lower > 0 or measure == "top1"  # these twins agree on all classes that were found
    assert BOX.contains(certificate.witness)
    assert np.array_equal(TWIN.error(certificate.witness), certificate.witness_difference)
    assert np.array_equal(TWIN.reference(certificate.witness), certificate.witness_output)
    assert np.array_equal(TWIN.compressed(certificate.compressed_witness), certificate.compressed_witness_output)
    outputs = certificate.witness_output[None], certificate.compressed_witness_output[None]
    assert measured(measure, *outputs) == pytest.approx(certificate.lower, rel=1e-15)
    if certificate.lower > 0:
        assert certificate.gap == certificate.upper / certificate.lower
    else:
        assert certificate.gap == (np.inf if certificate.upper > 0 else 1)
    assert certificate.input_set is BOX
    assert certificate.measure == measure
    assert certificate.verdict == "unknown"
    assert certificate.check(TWIN).valid


def test_methods_are_ordered() -> None:
    uppers = [
        twincert.certify(TWIN, BOX, method=method, settings=QUICK).upper for method in ("interval", "crown", "sdp")
    ]
    assert uppers == sorted(uppers, reverse=True)
    assert uppers[-1] < uppers[0]


def test_method_says_what_proved_the_bound() -> None:
    certificate = twincert.certify(TWIN, BOX, method="interval", settings=QUICK)
    assert (certificate.method, certificate.status) == ("interval", "propagation_only")
    assert certificate.info["iterations"] == 0
    for cliques, count in (("single", 1), ("stages", 2)):
        certificate = twincert.certify(TWIN, BOX, method="sdp", settings=QUICK, rows={"cliques": cliques})
        assert certificate.method == "sdp"
        assert certificate.info["iterations"] > 0
        assert len(certificate.info["clique_rows"]) == len(certificate.info["clique_variables"]) == count
    assert all(seconds >= 0 for seconds in certificate.info["timings"].values())


def test_outputs_bounds_every_output_on_both_sides() -> None:
    certificate = twincert.certify(TWIN, BOX, measure="outputs", settings=QUICK)
    assert np.isfinite(certificate.upper_per_output).all()
    assert np.isfinite(certificate.lower_per_output).all()
    largest = np.maximum(np.abs(certificate.upper_per_output), np.abs(certificate.lower_per_output)).max()
    assert certificate.upper == largest


def test_one_output_leaves_the_others_open() -> None:
    certificate = twincert.certify(TWIN, BOX, measure=twincert.Output(1), settings=QUICK)
    assert certificate.upper_per_output[0] == np.inf
    assert certificate.lower_per_output[0] == -np.inf
    assert certificate.upper == max(certificate.upper_per_output[1], -certificate.lower_per_output[1])


def test_verdicts() -> None:
    bound = twincert.certify(TWIN, BOX, settings=QUICK)
    assert twincert.certify(TWIN, BOX, threshold=bound.upper * 2, settings=QUICK).verdict == "holds"
    assert twincert.certify(TWIN, BOX, threshold=bound.lower / 2, settings=QUICK).verdict == "violated"
    between = twincert.certify(TWIN, BOX, method="interval", threshold=bound.lower * 1.001, settings=QUICK)
    assert between.verdict == "unknown"
    assert between.threshold == bound.lower * 1.001


def test_same_network_twice_has_no_error() -> None:
    net = small_twins.network()
    certificate = twincert.certify(twincert.Twin(net, net), BOX, settings=QUICK)
    assert certificate.lower == 0
    assert certificate.upper < 1e-12
    assert certificate.gap in (1, np.inf)


def test_settings_as_dict_and_as_object_agree() -> None:
    first = twincert.certify(TWIN, BOX, method="sdp", settings=QUICK)
    second = twincert.certify(TWIN, BOX, method="sdp", settings=twincert.Settings(**QUICK))
    assert (first.upper, first.lower) == (second.upper, second.lower)


def test_settings_object() -> None:
    settings = twincert.Settings(max_iterations=7)
    assert settings.max_iterations == 7
    assert settings["max_iterations"] == 7
    assert settings == twincert.Settings(max_iterations=7)
    assert settings != twincert.Settings()
    assert settings.replace(max_iterations=8).max_iterations == 8
    assert repr(settings) == "Settings(max_iterations=7)"
    assert hash(settings) == hash(twincert.Settings(max_iterations=7))
    assert set(settings) == {row["name"] for row in twincert.settings_table()}
    with pytest.raises(AttributeError):
        settings.rho = 1.0
    with pytest.raises(AttributeError):
        _ = settings.no_such_setting


def test_rows_choose_the_relaxation() -> None:
    families = dict.fromkeys(("reference_rows", "centred_difference", "slack_rows", "unstable_only"), True)
    options = {**families, "input_reduction": "never", "cliques": "single"}
    certificate = twincert.certify(TWIN, BOX, method="sdp", rows=options, settings=QUICK)
    assert certificate.proof["rows"] == options
    assert certificate.check(TWIN).valid


def test_time_limit_returns_a_valid_bound_soon() -> None:
    twin = small_twins.twin((5, 20, 20, 20, 3))
    begin = time.perf_counter()
    certificate = twincert.certify(
        twin, small_twins.box(5), method="sdp", time_limit=0.5, settings={"max_iterations": 1_000_000, "tolerance": 0.0}
    )
    assert time.perf_counter() - begin < 30
    assert certificate.status == "time_limit"
    assert certificate.check(twin).valid


def test_callback_sees_valid_bounds_and_stops() -> None:
    seen: list[dict] = []

    def stop_at_third(progress: dict) -> bool:
        seen.append(progress)
        return len(seen) < 3

    certificate = twincert.certify(TWIN, BOX, method="sdp", callback=stop_at_third, settings=QUICK)
    assert len(seen) == 3
    assert certificate.status == "interrupted"
    assert certificate.upper <= seen[-1]["upper"] * (1 + 1e-11)  # what the checker on another machine may round
    assert set(twincert.Progress.__annotations__) == set(seen[0])
    assert certificate.check(TWIN).valid


def test_callback_without_an_answer_goes_on() -> None:
    certificate = twincert.certify(TWIN, BOX, method="sdp", callback=lambda progress: None, settings=QUICK)
    assert certificate.status != "interrupted"


def test_exception_of_a_callback_is_raised() -> None:
    def fail(progress: dict) -> bool:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        twincert.certify(TWIN, BOX, method="sdp", callback=fail, settings=QUICK)


@pytest.mark.parametrize("with_callback", [False, True])
def test_interrupt_returns_the_bound_so_far(with_callback: bool) -> None:
    twin = small_twins.twin((5, 60, 60, 60, 3))
    with ctrl_c():
        certificate = twincert.certify(
            twin,
            small_twins.box(5),
            method="sdp",
            callback=(lambda progress: True) if with_callback else None,
            settings={"max_iterations": 1_000_000, "tolerance": 0.0},
        )
    assert certificate.status == "interrupted"
    assert certificate.check(twin).valid


def test_objectives_take_turns() -> None:
    """The loosest is tightened until another one is looser, and goes on from where it paused."""
    twin = small_twins.twin((4, 9, 8, 4))
    certificate = twincert.certify(twin, small_twins.box(4), method="sdp")
    steps = [progress for progress in certificate.info["history"] if progress["stage"] == "sdp"]
    turns = [objective for objective, _ in itertools.groupby(progress["objective"] for progress in steps)]
    assert len(set(turns)) < len(turns)
    for objective in set(turns):
        iterations = [progress["iteration"] for progress in steps if progress["objective"] == objective]
        assert iterations == sorted(set(iterations))
    assert certificate.status == "converged"
    assert certificate.check(twin).valid


def test_two_runs_give_the_same_certificate() -> None:
    first, second = (twincert.certify(TWIN, BOX, method="sdp", settings=QUICK) for _ in range(2))
    assert first.upper == second.upper
    assert np.array_equal(first.witness, second.witness)


def test_shown() -> None:
    certificate = twincert.certify(TWIN, BOX, threshold=100.0, settings=QUICK)
    assert "holds" in repr(certificate)
    assert "max_i |f_i - g_i|" in repr(certificate)
    assert certificate._repr_html_().startswith("<table>")


def test_inputs_that_differ() -> None:
    box = twincert.Box([-0.4] * 3, [0.4] * 3, difference=0.01)
    certificate = twincert.certify(TWIN, box, method="sdp", settings=QUICK)
    assert np.abs(certificate.witness - certificate.compressed_witness).max() <= 0.01
    assert np.array_equal(
        TWIN.error(certificate.witness, certificate.compressed_witness), certificate.witness_difference
    )
    x = samples()
    y = x + np.random.default_rng(2).uniform(-0.01, 0.01, size=x.shape)
    assert np.abs(TWIN.error(x, y)).max() <= certificate.upper
    assert certificate.check(TWIN).valid


@pytest.mark.parametrize(
    "region",
    [
        twincert.Ball(np.zeros(3), 0.4),
        twincert.Polytope(np.array([[1.0, 1.0, 1.0]]), np.array([0.3]), box=(np.full(3, -0.4), np.full(3, 0.4))),
    ],
    ids=["ball", "polytope"],
)
def test_other_sets(region: twincert.InputSet) -> None:
    certificate = twincert.certify(TWIN, region, method="sdp", settings=QUICK)
    x = np.array([point for point in samples() if region.contains(point)])
    assert len(x) > 100
    assert np.abs(TWIN.error(x)).max() <= certificate.upper
    assert region.contains(certificate.witness)
    assert certificate.check(TWIN).valid


def test_the_sdp_tightens_margins_and_classes() -> None:
    for measure in (twincert.Margin(0, 1), "top1"):
        crown, sdp = (twincert.certify(TWIN, BOX, measure, method=m, settings=QUICK) for m in ("crown", "sdp"))
        assert sdp.upper < 0.8 * crown.upper
        assert sdp.method == "sdp"
        assert np.isinf(sdp.upper_per_output).all()
        assert np.isinf(sdp.lower_per_output).all()


def test_a_margin_does_not_depend_on_the_order_of_its_outputs() -> None:
    there, back = (
        twincert.certify(TWIN, BOX, m, method="crown") for m in (twincert.Margin(0, 1), twincert.Margin(1, 0))
    )
    assert there.upper == back.upper


def test_holds_for_top1_means_the_same_class() -> None:
    twin = small_twins.twin((3, 6, 6, 3))
    bound = twincert.certify(twin, BOX, "top1", method="crown", settings=QUICK).upper
    certificate = twincert.certify(twin, BOX, "top1", threshold=bound, settings=QUICK)
    assert certificate.verdict == "holds"
    assert "same class where f is confident by" in certificate._repr_html_()
    f, g = twin.reference(samples()), twin.compressed(samples())
    ordered = np.sort(f, axis=1)
    confident = ordered[:, 2] - ordered[:, 1] > bound
    same = f.argmax(axis=1) == g.argmax(axis=1)
    assert confident.any()
    assert same[confident].all()
    assert not same.all()
    assert certificate.lower > 0
