"""What is reported while a computation runs: proven bounds that only fall, and lines that say how far it is."""

import io
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from rich.console import Console

import twincert
from python import small_twins
from twincert.report.progress import ProgressView

BOX = small_twins.box()
SPLITTING: dict[str, bool | str] = {"cliques": "stages", "slack_rows": True}  # takes turns


def fine_twin() -> twincert.Twin:
    """Large weights, tiny changes: what rounding costs is a visible part of the bound."""
    random = np.random.default_rng(7)
    layers = [(100 * weight, 100 * bias) for weight, bias in small_twins.network().to_arrays()]
    changed = [(weight * (1 + 1e-10 * random.normal(size=weight.shape)), bias) for weight, bias in layers]
    return twincert.Twin(*(twincert.Network.from_arrays(side, activation="relu") for side in (layers, changed)))


@pytest.mark.parametrize("method", ["sdp", "branch"])
def test_every_reported_bound_is_what_stopping_there_certifies(method: str) -> None:
    twin = fine_twin()
    settings = {**small_twins.QUICK, "part_limit": 400, "gap": 0.0}
    seen: list[twincert.Progress] = []
    twincert.certify(twin, BOX, method=method, settings=settings, callback=seen.append)
    uppers = [line["upper"] for line in seen]
    assert uppers == sorted(uppers, reverse=True)
    lines = [i for i, line in enumerate(seen) if line["stage"] == method]
    # Branching reports by the clock: only its first line comes at the same place again.
    for stop in lines[:1] if method == "branch" else lines[:: len(lines) // 4]:
        calls = iter(range(len(seen)))

        def goes_on(_: twincert.Progress, calls: Iterator[int] = calls, stop: int = stop) -> bool:
            return next(calls) < stop

        stopped = twincert.certify(twin, BOX, method=method, settings=settings, callback=goes_on)
        assert stopped.upper <= uppers[stop] * (1 + 3e-12)  # the slack for a checker's rounding elsewhere
        assert stopped.check(twin).valid


def test_objectives_take_turns_so_that_the_bound_falls_from_the_beginning() -> None:
    seen: list[twincert.Progress] = []
    twincert.certify(
        small_twins.twin((3, 6, 6, 4)),
        BOX,
        "outputs",
        method="sdp",
        settings=small_twins.QUICK,
        rows=SPLITTING,
        callback=seen.append,
    )
    lines = [line for line in seen if line["stage"] == "sdp"]
    order = [line["objective"] for line in lines]
    turns = [now for before, now in zip([0, *order], order, strict=False) if now != before]
    assert len(turns) > len(set(turns))
    early = next(i for i, line in enumerate(lines) if len(set(order[: i + 1])) == 4)
    assert lines[early]["upper"] < seen[0]["upper"]


def test_objectives_without_a_rival_end_also_below_zero() -> None:
    """Where f is always above g, one side of the difference has a negative maximum."""
    *hidden, (weight, bias) = small_twins.network((3, 6, 6, 1)).to_arrays()
    sides = [twincert.Network.from_arrays([*hidden, (weight, bias + shift)], activation="relu") for shift in (1.0, 0.0)]
    cert = twincert.certify(twincert.Twin(*sides), BOX, "outputs", method="sdp", settings=small_twins.QUICK)
    assert cert.lower_per_output[0] > 0.9
    assert (cert.status, cert.info["iterations"] < 60) == ("converged", True)


def test_the_line_of_branching_shows_bound_witness_leaves_and_rate() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    view = ProgressView(console)
    line: twincert.Progress = {
        "stage": "branch",
        "seconds": 1.0,
        "iteration": 0,
        "objective": 0,
        "objectives": 0,
        "parts": 10,
        "leaves": 2,
        "upper": 0.5,
        "lower": 0.25,
    }
    view.line(line)
    text = view.line({**line, "seconds": 3.0, "parts": 2010, "leaves": 900}).plain
    assert "branch 900 leaves, 1000 parts/s" in text
    assert "proven 0.5, attained 0.25" in text


def test_branching_reports_its_parts() -> None:
    seen = []
    twincert.certify(
        small_twins.twin(),
        BOX,
        method="branch",
        settings={**small_twins.QUICK, "gap": 0.0, "part_limit": 3000},
        callback=seen.append,
    )
    parts = [line["parts"] for line in seen if line["stage"] == "branch"]
    assert parts == sorted(parts)
    assert parts[-1] > 1000
    assert np.all([line["leaves"] <= line["parts"] for line in seen])


def test_with_little_memory_objectives_are_solved_one_after_the_other() -> None:
    """A limit that the relaxation just fits into leaves no room for a point per objective."""
    twin, box = small_twins.twin((3, 12, 12, 4)), small_twins.box()
    refused = twincert.certify(twin, box, "inf", method="sdp", rows=SPLITTING, settings={"memory_limit": 0.001})
    needed = refused.info["memory_estimate"]
    settings = {"attack_restarts": 8, "max_iterations": 300}
    plenty, little = (
        twincert.certify(twin, box, "inf", method="sdp", rows=SPLITTING, settings={**settings, "memory_limit": limit})
        for limit in (8.0, 1.001 * needed)
    )
    turns, order = ([p["objective"] for p in c.info["history"] if p["stage"] == "sdp"] for c in (plenty, little))
    assert little.status != "size_limit"
    assert little.method == "sdp"
    assert len(list(itertools.groupby(order))) == len(set(order))
    assert len(list(itertools.groupby(turns))) > len(set(turns))
    assert little.check(twin).valid
