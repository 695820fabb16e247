"""What twincert.certify_many promises: order, certify's own certificates, errors that name the set, stopping."""

import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import twincert
from python import small_twins
from python.interrupts import ctrl_c
from python.small_twins import QUICK

TWIN = small_twins.twin()
CENTERS = np.random.default_rng(5).uniform(-1, 1, (5, 3))
SETS = [twincert.Box.around(center, 0.3) for center in CENTERS[:3]] + [
    twincert.Ball(CENTERS[3], 0.3),
    twincert.Polytope([[1.0, 1.0, 1.0]], [CENTERS[4].sum()], (CENTERS[4] - 0.3, CENTERS[4] + 0.3)),
]


def claims(certificate: twincert.Certificate) -> dict[str, object]:
    """All that is proven; of the rest, times differ from run to run."""
    content = certificate.to_dict()
    return {name: content[name] for name in ("networks", "input_set", "measure", "bound", "witness", "result", "proof")}


@pytest.fixture(scope="module")
def one_by_one() -> list[dict[str, object]]:
    return [claims(twincert.certify(TWIN, region, "outputs", settings={**QUICK, "threads": 1})) for region in SETS]


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_the_certificates_are_those_of_certify(threads: int, one_by_one: list[dict[str, object]]) -> None:
    many = twincert.certify_many(TWIN, SETS, threads=threads, measure="outputs", settings=QUICK)
    assert [claims(certificate) for certificate in many] == one_by_one
    assert all(certificate.check(TWIN) for certificate in many)


def test_processes_give_the_same(one_by_one: list[dict[str, object]]) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        many = twincert.certify_many(TWIN, iter(SETS), executor=pool, measure="outputs", settings=QUICK)
    assert [claims(certificate) for certificate in many] == one_by_one


@pytest.mark.parametrize("method", ["interval", "sdp", "branch"])
@pytest.mark.parametrize("measure", ["inf", twincert.Output(1), twincert.Margin(0, 1)], ids=str)
def test_certificates_pickle(method: str, measure: object) -> None:
    settings = twincert.Settings(**QUICK, part_limit=20)
    certificate = twincert.certify(TWIN, SETS[0], measure, method=method, threshold=0.1, settings=settings)
    copy = pickle.loads(pickle.dumps(certificate))
    assert copy == certificate
    assert copy.input_set == SETS[0]
    assert copy.check(TWIN)
    assert pickle.loads(pickle.dumps((measure, settings))) == (measure, settings)


def test_no_sets_give_no_certificates() -> None:
    assert twincert.certify_many(TWIN, []) == []
    with ThreadPoolExecutor(1) as pool:
        assert twincert.certify_many(TWIN, (), executor=pool) == []


def test_the_callback_sees_every_certificate() -> None:
    seen = {}
    many = twincert.certify_many(TWIN, SETS, method="crown", settings=QUICK, callback=seen.__setitem__)
    assert [seen[index] for index in range(len(SETS))] == many


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"twin": SETS[0]}, "twin: expected a twincert.Twin"),
        ({"boxes": SETS[0]}, "boxes: expected several input sets"),
        ({"boxes": 3}, "boxes: expected several input sets"),
        ({"boxes": [SETS[0], "box"]}, r"boxes\[1\]: expected a Box"),
        ({"boxes": [SETS[0], twincert.Box([0], [1])]}, r"boxes\[1\]: expected 3 inputs"),
        ({"threads": -1}, "threads: expected an integer from 0"),
        ({"threads": True}, "threads: expected an integer from 0"),
        ({"threads": 1.5}, "threads: expected an integer from 0"),
        ({"executor": 3}, "executor: expected one with a method submit"),
        ({"callback": 3}, "callback: expected a function"),
        ({"treshold": 3}, "options: expected measure, .*, found 'treshold'"),
        ({"settings": {"rho": np.nan}}, "rho"),
        ({"measure": "three"}, r"boxes\[\d\]: measure: expected one of"),
    ],
)
def test_errors_say_what_is_wrong(change: dict[str, object], message: str) -> None:
    arguments = {"twin": TWIN, "boxes": SETS, **change}
    with pytest.raises((twincert.SettingsError, twincert.ShapeError), match=message):
        twincert.certify_many(arguments.pop("twin"), arguments.pop("boxes"), **arguments)


ENDLESS = {"max_iterations": 10**9, "tolerance": 0.0, "attack_restarts": 1}
SPLITTING = {"cliques": "stages"}  # which never knows that it is finished


def test_a_failing_callback_stops_everything() -> None:
    def fail(index: int, certificate: twincert.Certificate) -> None:
        raise RuntimeError(f"enough after {index}")

    # The threshold is decided at a point, and out of reach on a box.
    options = {
        "method": "sdp",
        "threshold": 1.0001 * twincert.attack(TWIN, SETS[0]).value,
        "settings": ENDLESS,
        "rows": SPLITTING,
    }
    point = twincert.Box([0, 0, 0], [0, 0, 0])
    with pytest.raises(RuntimeError, match="enough after 1"):
        twincert.certify_many(TWIN, [SETS[0], point], threads=2, callback=fail, **options)


def test_ctrl_c_stops_everything() -> None:
    with pytest.raises(KeyboardInterrupt), ctrl_c():
        twincert.certify_many(TWIN, SETS, threads=2, method="sdp", settings=ENDLESS, rows=SPLITTING)
