"""The front door: bound the error of a twin over an input set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypedDict

from twincert import _core
from twincert._blas import single_thread
from twincert.certificate import Certificate
from twincert.errors import SettingsError, ShapeError
from twincert.measure import Measure, core_measure, parse_measure
from twincert.network import Twin
from twincert.sets import InputSet
from twincert.settings import Settings

METHODS = ("auto", "interval", "crown", "sdp", "branch")
ROW_FAMILIES = ("reference_rows", "centred_difference", "slack_rows", "unstable_only")
OPTIONS = ("measure", "method", "threshold", "time_limit", "settings", "rows")
ROW_CHOICES = {"input_reduction": ("automatic", "never", "always"), "cliques": ("automatic", "stages", "single")}


class Progress(TypedDict):
    """What a callback sees while the bound falls.

    ``upper`` is proven at every moment, by the code that checks certificates.

    ``stage`` is "interval", "attack", "crown", "optimized", "sdp" or "branch"; ``seconds`` count from the start;
    ``iteration`` is the solver's; ``objective`` of ``objectives`` is being tightened. During "branch" ``parts`` of
    the input set have been bounded, ``leaves`` of them need no further split.
    """

    stage: str
    seconds: float
    iteration: int
    objective: int
    objectives: int
    parts: int
    leaves: int
    upper: float
    lower: float


Callback = Callable[[Progress], object]


def certify(
    twin: Twin,
    input_set: InputSet,
    measure: Measure = "inf",
    *,
    method: str = "auto",
    threshold: float | None = None,
    time_limit: float | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    rows: Mapping[str, bool | str] | None = None,
    callback: Callback | None = None,
) -> Certificate:
    """Prove an upper bound of the error between the two networks of a twin, for every input of a set.

    - measure: "inf" (largest abs(f_i - g_i)), "two" and "one" (norms of f - g), "outputs" (every f_i - g_i, two sides),
      ``Output(i)``, ``Margin(i, j)`` (change of the margin between two outputs), or "top1": the largest confidence of
      f, its largest output less the next, where another output of g reaches that of f's class; so "holds" says that
      g's class is f's wherever f is confident by more than the threshold; or ``Affine(weight_x, weight, of)``: the
      squared error relative to the size of the input, or of the difference of both inputs (not with "branch")
    - method: "interval", "crown" (backward linear bounds, then optimised, with a case analysis), "sdp", "branch"
      (splits inputs, or neurons where there are many inputs, and bounds the parts; before that the SDP has half of the
      time, unless few inputs have a threshold to decide), or "auto": from cheap to tight, until threshold or
      time_limit decides
    - threshold: stop as soon as it is decided whether the measure stays at or below it
    - time_limit: seconds; the best bound so far is returned when they are over. The longer, the more work optimised
      propagation does (a tenth to a fifth of the time on two cores, as long again for ``check``)
    - settings: of the solver and the attack, a dict or ``Settings``
    - rows: row families of the relaxation (reference_rows, centred_difference, slack_rows, and unstable_only, which
      leaves rows of other neurons out: bool; input_reduction: "automatic", "never" or "always"; cliques: "stages", one
      for each hidden stage, "single" or "automatic"; False and "automatic" where left out); chosen automatically when
      None, of them fewer where the setting memory_limit does not allow more
    - callback: called with a ``Progress`` now and then; returning False stops

    The bound is valid however the computation ends: at a limit, when the callback stops it, or on Ctrl-C, which returns
    the best certificate so far with status "interrupted". An exception of the callback stops the computation and is
    raised.

    Raises ShapeError when twin and set do not fit, SettingsError for anything else that is wrong with an argument; the
    message lists what exists.
    """
    query = checked_query(twin, measure, method, settings, rows)
    run = checked_run(threshold, time_limit, callback)
    checked_set(twin, input_set, "input_set")
    with single_thread():
        result = _core.certify(
            twin,
            input_set,
            measure=core_measure(query.measure),
            method=method,
            threshold=run.threshold,
            time_limit=run.time_limit,
            settings=query.settings,
            rows=query.rows,
            callback=run.callback,
        )
    return Certificate.from_result(twin, input_set, query.measure, run.threshold, result)


class Query(NamedTuple):
    """What is asked of every input set, as the core takes it."""

    measure: Measure
    settings: dict[str, Any]
    rows: dict[str, bool | str] | None


class Run(NamedTuple):
    """How far one computation goes, as the core takes it."""

    threshold: float | None
    time_limit: float
    callback: Callback | None


def checked_query(
    twin: object,
    measure: object,
    method: str,
    settings: Settings | Mapping[str, Any] | None,
    rows: Mapping[str, bool | str] | None,
) -> Query:
    """Arguments of ``certify`` that do not depend on the input set; SettingsError names the wrong one."""
    if not isinstance(twin, Twin):
        raise SettingsError(f"twin: expected a twincert.Twin, found {type(twin).__name__}")
    chosen = parse_measure(measure, twin.output_size)
    if method not in METHODS:
        raise SettingsError(f"method: expected one of {', '.join(map(repr, METHODS))}, found {method!r}")
    return Query(chosen, dict(Settings.of(settings)), row_options(rows))


def checked_run(threshold: float | None, time_limit: float | None, callback: Callback | None) -> Run:
    """The limits and the callback of one computation; SettingsError names the wrong one."""
    limit = math.inf if time_limit is None else _number("time_limit", time_limit, "seconds, more than 0", positive=True)
    target = None if threshold is None else _number("threshold", threshold, "a finite number, at least 0", finite=True)
    if callback is not None and not callable(callback):
        raise SettingsError(f"callback: expected a function of one argument, found {type(callback).__name__}")
    return Run(target, limit, None if callback is None else _stoppable(callback))


def checked_set(twin: Twin, input_set: object, name: str) -> InputSet:
    """The input set, which must fit the twin; SettingsError or ShapeError names the argument."""
    if not isinstance(input_set, InputSet):
        raise SettingsError(f"{name}: expected a Box, Ball or Polytope, found {type(input_set).__name__}")
    if input_set.size != twin.input_size:
        raise ShapeError(f"{name}: expected {twin.input_size} inputs as the networks have, found {input_set.size}")
    return input_set


def _stoppable(callback: Callback) -> Callback:
    """The callback, for which Ctrl-C while it runs means the same as returning False."""

    def watch(progress: Progress) -> object:
        try:
            return callback(progress)
        except KeyboardInterrupt:
            return False

    return watch


def _number(name: str, value: object, expected: str, finite: bool = False, positive: bool = False) -> float:
    try:
        number = math.nan if isinstance(value, bool | str | bytes) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not number >= 0 or (finite and math.isinf(number)) or (positive and number == 0):
        raise SettingsError(f"{name}: expected {expected}, found {value!r}")
    return number


def row_options(rows: Mapping[str, bool | str] | None) -> dict[str, bool | str] | None:
    """Row families as the core takes them, None for an automatic choice; SettingsError names what is wrong."""
    if rows is None:
        return None
    if not isinstance(rows, Mapping):
        raise SettingsError(f"rows: expected a dict, found {type(rows).__name__}")
    for name, value in rows.items():
        if name in ROW_FAMILIES:
            if not isinstance(value, bool):
                raise SettingsError(f"rows[{name!r}]: expected True or False, found {value!r}")
        elif name not in ROW_CHOICES:
            raise SettingsError(f"rows: expected {', '.join([*ROW_FAMILIES, *ROW_CHOICES])}, found {name!r}")
        elif value not in ROW_CHOICES[name]:
            raise SettingsError(f"rows[{name!r}]: expected one of {ROW_CHOICES[name]}, found {value!r}")
    return {**dict.fromkeys(ROW_FAMILIES, False), **dict.fromkeys(ROW_CHOICES, "automatic"), **rows}
