"""The exact checker against certificates of small twins: it proves what they claim, and hardly more."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import twincert
from twincert._reference import checker
from twincert._reference.network import Layers, random_layers, round_symmetric

CASES: dict[str, dict[str, Any]] = {
    "one clique": {"dims": [2, 5, 2]},
    "two cliques": {"dims": [2, 4, 3, 2]},
    "three cliques, wide box": {"dims": [2, 4, 3, 3, 1], "radius": 2.0},
    "leaky": {"dims": [2, 4, 3, 2], "slope": 0.1},
    "all rows": {
        "dims": [2, 4, 3, 1],
        "rows": {"slack_rows": True, "reference_rows": True, "centred_difference": True},
    },
    "all rows, leaky": {"dims": [2, 4, 1], "slope": 0.3, "rows": {"slack_rows": True}},
    "inputs differ": {"dims": [2, 4, 3, 1], "difference": 0.05},
    "two-norm": {"dims": [2, 4, 3, 2], "measure": "two"},
    "one-norm": {"dims": [2, 4, 3, 2], "measure": "one"},
    "affine, one clique": {"dims": [2, 5, 2], "measure": twincert.Affine(0.1, 1.0)},
    "affine": {"dims": [2, 4, 3, 2], "measure": twincert.Affine(0.1, 1.0)},
    "affine, a fixed input": {"dims": [3, 5, 4, 2], "radius": 1.0, "fixed": True, "measure": twincert.Affine(0.5, 1.0)},
    "affine, inputs differ": {"dims": [2, 4, 3, 1], "difference": 0.05, "measure": twincert.Affine(0.3, 1.0)},
    "affine in the difference": {
        "dims": [2, 4, 3, 1],
        "difference": 0.5,
        "measure": twincert.Affine(0.01, 1.0, of="difference"),
    },
    "margin": {"dims": [2, 4, 2], "measure": twincert.Margin(0, 1)},
    "classes": {"dims": [2, 4, 3], "measure": "top1"},
    "stable neurons": {"dims": [3, 6, 4, 1], "radius": 0.35},
    "another width": {"dims": [2, 5, 4, 1], "narrower": True},
    "a fixed input": {"dims": [3, 5, 4, 2], "radius": 1.0, "fixed": True},
}
SINGLE = [
    "two cliques",
    "three cliques, wide box",
    "leaky",
    "all rows",
    "inputs differ",
    "two-norm",
    "one-norm",
    "affine, a fixed input",
    "affine in the difference",
    "stable neurons",
    "another width",
]


def with_cliques(case: str, cliques: str) -> dict[str, Any]:
    return {**CASES[case], "rows": {**CASES[case].get("rows", {}), "cliques": cliques}}


CASES |= {f"single: {case}": with_cliques(case, "single") for case in SINGLE}
# Layers between two stages of a clique with neurons that are stable.
CASES |= {
    f"unstable only: {name}": {**case, "rows": {"cliques": "single", "unstable_only": True}}
    for name, case in {
        "near": {"dims": [3, 6, 5, 4, 2], "radius": 0.3},
        "far": {"dims": [2, 5, 5, 4, 1], "radius": 0.2},
        "another width": {"dims": [2, 6, 5, 1], "radius": 0.3, "narrower": True},
    }.items()
}


def certificate(
    dims: list[int],
    slope: float = 0.0,
    radius: float = 0.7,
    measure: Any = "outputs",
    difference: float = 0.0,
    rows: dict[str, bool | str] | None = None,
    narrower: bool = False,
    fixed: bool = False,
) -> tuple[dict[str, Any], Layers, Layers]:
    rng = np.random.default_rng(len(dims) * 100 + dims[1])
    f = random_layers(dims, rng)
    g = round_symmetric(f, 5)
    if narrower:
        g = [(g[0][0][:-1], g[0][1][:-1]), (g[1][0][:, :-1], g[1][1]), *g[2:]]
    center = rng.uniform(-1, 1, dims[0])
    reach = np.full(dims[0], radius)
    if fixed:
        reach[0] = 0.0
    box = twincert.Box(center - reach, center + reach, difference=difference)
    options = {"activation": "leaky_relu", "slope": slope} if slope else {"activation": "relu"}
    twin = twincert.Twin(*(twincert.Network.from_arrays(arrays, **options) for arrays in (f, g)))
    chosen = {"input_reduction": "never", **(rows or {})}
    cert = twincert.certify(twin, box, measure, method="sdp", rows=chosen, settings={"max_iterations": 150})
    return cert.to_dict(), f, g


@pytest.mark.parametrize("case", CASES)
def test_exact_recomputation_proves_the_claimed_bounds(case: str) -> None:
    content, f, g = certificate(**CASES[case])
    assert content["proof"]["objectives"], "the semidefinite program proved nothing here: choose another twin"
    report = checker.check(content, f, g, CASES[case].get("slope", 0.0))
    assert report.valid
    # What is left beside the slopes of an affine measure may be next to nothing.
    largest = max([content["bound"]["upper"], *(abs(o.claimed) for o in report.objectives)])
    for objective in report.objectives:
        assert objective.proven is not None
        assert objective.claimed - float(objective.proven) <= 1e-6 * largest, "rounding costs more than it should"
    for i, claimed in enumerate(content["bound"]["upper_per_output"]):
        for objective in report.objectives:
            if objective.kind == "linear" and objective.weights == np.eye(len(f[-1][1]))[i].tolist():
                assert objective.proven is not None
                assert objective.proven <= Fraction(claimed)


def test_unstable_only_leaves_rows_out() -> None:
    for name in ("near", "far", "another width"):
        case = CASES[f"unstable only: {name}"]
        every = {**case, "rows": {"cliques": "single"}}
        fewer, all_rows = (certificate(**options)[0]["info"]["clique_rows"][0] for options in (case, every))
        assert fewer < all_rows


def test_a_lowered_bound_is_refused() -> None:
    content, f, g = certificate(**CASES["two cliques"])
    objective = content["proof"]["objectives"][0]
    objective["bound"] -= 1e-4 * abs(objective["bound"])
    assert not checker.check(content, f, g).valid


def test_another_network_is_refused() -> None:
    content, f, g = certificate(**CASES["two cliques"])
    moved = [(w, b + 0.01) for w, b in g[:-1]] + [(g[-1][0], g[-1][1] - 0.1)]
    assert not checker.check(content, f, moved).valid


def test_multipliers_of_a_wrong_size_prove_nothing() -> None:
    content, f, g = certificate(**CASES["two cliques"])
    del content["proof"]["objectives"][0]["cliques"][0]
    assert not checker.check(content, f, g).valid


def test_a_single_clique_holds_the_rows_of_all_layers() -> None:
    content, f, g = certificate(**CASES["single: three cliques, wide box"])
    objectives = content["proof"]["objectives"]
    assert [len(objective["cliques"]) for objective in objectives] == [1] * len(objectives)
    content["proof"]["rows"]["cliques"] = "stages"
    assert not checker.check(content, f, g).valid


def test_without_a_word_on_cliques_there_is_one_per_stage() -> None:
    content, f, g = certificate(**with_cliques("two cliques", "stages"))
    for absent in ("automatic", None):
        content["proof"]["rows"]["cliques"] = absent
        if absent is None:
            del content["proof"]["rows"]["cliques"]
        assert checker.check(content, f, g).valid


@pytest.mark.parametrize(("case", "factor"), [("leaky", 1.01), ("stable neurons", 1.01), ("another width", 0.9)])
def test_a_single_clique_is_tighter(case: str, factor: float) -> None:
    proven = {}
    for cliques in ("stages", "single"):
        content, f, g = certificate(**with_cliques(case, cliques))
        report = checker.check(content, f, g, CASES[case].get("slope", 0.0))
        proven[cliques] = {tuple(o.weights): o.proven for o in report.objectives}
    for weights in proven["stages"].keys() & proven["single"].keys():
        assert proven["single"][weights] <= Fraction(factor) * proven["stages"][weights]
    assert proven["stages"].keys() == proven["single"].keys()
