"""The measures, their rows and their bounds against the exact specification."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from twincert import Affine, Margin, Output, _core
from twincert._reference import measures
from twincert.measure import Measure, core_measure, evaluate_measure, measure_to_dict

MEASURES: list[Measure] = ["inf", "two", "one", "outputs", Output(1), Margin(0, 1), Margin(2, 0), "top1"]
MEASURES += [Affine(0.25, 2.0), Affine(3.0, 0.5, of="difference")]


def exact(values: Any) -> list[Fraction]:
    return [Fraction(float(v)) for v in values]


@pytest.mark.parametrize("measure", MEASURES, ids=str)
def test_rows_are_the_specification(measure: Measure) -> None:
    for outputs in (3, 5):
        reference, compressed = _core.measure_rows(core_measure(measure), outputs)
        expected = measures.rows(measure_to_dict(measure), outputs)
        assert reference.tolist() == [row[0] for row in expected]
        assert compressed.tolist() == [row[1] for row in expected]


@pytest.mark.parametrize("measure", MEASURES, ids=str)
def test_bound_is_that_of_the_specification_rounded_up(measure: Measure) -> None:
    rng = np.random.default_rng(3)
    content = measure_to_dict(measure)
    for trial in range(200):
        outputs = int(rng.integers(3, 6))
        count = len(measures.rows(content, outputs))
        maxima = rng.normal(size=count) * 10.0 ** rng.integers(-3, 3)
        if trial % 3 == 0:
            maxima = np.round(maxima)  # ties and zeros
        errors = np.abs(rng.normal(size=outputs)) * float(rng.choice([0.0, 1e-15, 0.1]))
        found = Fraction(_core.measure_upper(core_measure(measure), outputs, maxima, errors))
        wanted = measures.upper(content, outputs, exact(maxima), exact(errors))
        if measure == "two":
            found *= found
        rounding = Fraction(1, 10**9 if isinstance(measure, Affine) else 10**13)  # affine: of very long sums, too
        assert wanted <= found <= wanted * (1 + rounding) + Fraction(1, 10**300)


@pytest.mark.parametrize("measure", MEASURES, ids=str)
def test_bound_covers_the_value_and_is_attained_by_one_point(measure: Measure) -> None:
    """A set of one point: maxima that are exact bound its value and no more."""
    rng = np.random.default_rng(4)
    content = measure_to_dict(measure)
    for _ in range(300):
        f, g = rng.integers(-3, 4, (2, 3)).astype(float)
        reference, compressed = _core.measure_rows(core_measure(measure), 3)
        maxima = reference @ f + compressed @ g
        upper = _core.measure_upper(core_measure(measure), 3, maxima, np.zeros(3))
        x, y = rng.integers(-2, 3, (2, 4)).astype(float)
        value = evaluate_measure(measure, x, y, f, g)
        expected = measures.value(content, exact(x), exact(y), exact(f), exact(g))
        if isinstance(measure, Affine):
            assert abs(expected - Fraction(value)) <= expected / 2**50
            full = Fraction(measure.weight) * measures.value({"kind": "two"}, [], [], exact(f), exact(g))
            assert value <= full <= Fraction(upper) <= full * (1 + Fraction(1, 10**9)) + Fraction(1, 10**300)
            continue
        if measure != "two":
            assert expected == Fraction(value)
        assert value <= upper
        assert upper <= value * (1 + 1e-14) + 1e-150


def test_evaluated_outputs_within_their_errors_stay_below() -> None:
    """Outputs that each err by up to e: the bound from the exact maxima and e covers what they evaluate to."""
    rng = np.random.default_rng(5)
    reference, compressed = _core.measure_rows(core_measure("top1"), 3)
    flips = 0
    for _ in range(2000):
        f, g = rng.integers(-2, 3, (2, 3)).astype(float)
        g = f if rng.random() < 0.5 else g
        e = 2.0 ** -rng.integers(1, 6, 3).astype(float)
        share = rng.integers(0, 5, 3) / 4.0
        seen_f = f + e * share * rng.choice([-1, 1], 3)
        seen_g = g + e * (1 - share) * rng.choice([-1, 1], 3)
        upper = _core.measure_upper(core_measure("top1"), 3, reference @ f + compressed @ g, e)
        value = evaluate_measure("top1", f, g, seen_f, seen_g)
        flips += value > 0
        assert value <= upper
    assert flips > 100


def test_maxima_that_prove_nothing_make_the_bound_infinite() -> None:
    for measure in MEASURES:
        count = len(measures.rows(measure_to_dict(measure), 3))
        for bad in (np.inf, np.nan):
            assert _core.measure_upper(core_measure(measure), 3, np.full(count, bad), np.zeros(3)) == np.inf
            assert _core.measure_upper(core_measure(measure), 3, np.ones(count), np.full(3, bad)) == np.inf


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 18 row maxima and 3 evaluation errors, found 2 and 3"):
        _core.measure_upper(core_measure("top1"), 3, np.zeros(2), np.zeros(3))
    for measure, outputs, message in (
        (Output(3), 3, "expected an output in \\[0, 2\\], found 3"),
        (Margin(0, 3), 3, "expected an output in \\[0, 2\\], found 3"),
        ("top1", 1, "top1 expects networks with 2 to 128 outputs, found 1"),
        ("top1", 129, "found 129"),
    ):
        with pytest.raises(ValueError, match=message):
            _core.measure_rows(core_measure(measure), outputs)
    with pytest.raises(ValueError, match="found output 1 twice"):
        _core.Measure("margin", 1, 1)(np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="found 2 and 3"):
        _core.Measure("inf")(np.zeros(2), np.zeros(3))
    affine = _core.Measure("affine")
    with pytest.raises(ValueError, match="affine also depends on the inputs"):
        affine(np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="found 1 and 2, 3 and 3"):
        affine.at(np.zeros(1), np.zeros(2), np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="expects of 'input' or 'difference', found 'output'"):
        _core.Measure("affine", of="output")
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="affine expects weights between 1e-100 and 1e100"):
            _core.measure_rows(_core.Measure("affine", weight_x=bad), 2)
    with pytest.raises(
        ValueError, match="expected one of outputs, output, inf, two, one, margin, top1, affine, found 'three'"
    ):
        _core.Measure("three")
