"""What a certificate bounds: a function of the outputs f(x) and g(y)."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twincert import _core
from twincert.errors import SettingsError

MEASURES = ("inf", "two", "one", "outputs", "top1")


@dataclass(frozen=True)
class Output:
    """Measure of a single output: ``|f_i - g_i|``, bounded on both sides.

    ``index`` counts from zero. Raises SettingsError when it is not a whole number of at least zero.
    """

    index: int

    def __post_init__(self) -> None:
        """Accept any integer type (NumPy's too) and refuse everything else."""
        object.__setattr__(self, "index", _index("Output", self.index))


@dataclass(frozen=True)
class Margin:
    """Change of the margin between outputs i and j: ``|(f_i - f_j) - (g_i - g_j)|``, evaluated as ``|d_i - d_j|`` with
    ``d = f - g``.

    ``index`` (i) and ``other`` (j) count from zero and differ; the order makes no difference. Raises SettingsError when
    they are equal or not whole numbers of at least zero.
    """

    index: int
    other: int

    def __post_init__(self) -> None:
        """Accept any integer types (NumPy's too) and refuse everything else."""
        object.__setattr__(self, "index", _index("Margin", self.index))
        object.__setattr__(self, "other", _index("Margin", self.other))
        if self.index == self.other:
            raise SettingsError(f"Margin expects two different outputs, found {self.index} twice")


def _index(name: str, value: object) -> int:
    if isinstance(value, bool):
        raise SettingsError(f"{name} expects the index of an output, found {value!r}")
    try:
        index = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise SettingsError(f"{name} expects the index of an output, found {value!r}") from None
    if index < 0:
        raise SettingsError(f"{name} expects an index of at least 0, found {index}")
    return index


Measure = str | Output | Margin


def parse_measure(measure: object, output_size: int) -> Measure:
    """Check a measure against the number of outputs; SettingsError lists what exists."""
    if isinstance(measure, Output | Margin):
        for index in (measure.index, *([measure.other] if isinstance(measure, Margin) else [])):
            if index >= output_size:
                raise SettingsError(
                    f"measure {measure_text(measure)}: expected an index below {output_size}, the number of outputs"
                )
        return measure
    if isinstance(measure, str) and measure in MEASURES:
        if measure == "top1" and not 2 <= output_size <= _core.top1_outputs:
            raise SettingsError(
                f"measure 'top1': expected networks with 2 to {_core.top1_outputs} outputs, found {output_size}"
            )
        return measure
    names = ", ".join(repr(name) for name in MEASURES)
    raise SettingsError(
        f"measure: expected one of {names}, twincert.Output(i) or twincert.Margin(i, j), found {measure!r}"
    )


def measure_text(measure: Measure) -> str:
    """The measure as it is written in Python."""
    if isinstance(measure, Output):
        return f"Output({measure.index})"
    if isinstance(measure, Margin):
        return f"Margin({measure.index}, {measure.other})"
    return measure


def measure_label(measure: Measure) -> str:
    """One line of mathematics for reports."""
    if isinstance(measure, Output):
        return f"|f_{measure.index} - g_{measure.index}|"
    if isinstance(measure, Margin):
        i, j = measure.index, measure.other
        return f"|(f_{i} - f_{j}) - (g_{i} - g_{j})|"
    return {
        "inf": "max_i |f_i - g_i|",
        "outputs": "max_i |f_i - g_i|, each output on both sides",
        "two": "|f - g|_2",
        "one": "|f - g|_1",
        "top1": "f's confidence where g may choose another class",
    }[measure]


def threshold_label(measure: Measure, threshold: float) -> str:
    """The statement that a threshold asks to be decided."""
    if measure == "top1":
        return f"same class where f is confident by > {threshold:g}"
    return f"error <= {threshold:g}"


def measure_to_dict(measure: Measure) -> dict[str, Any]:
    """JSON content: the kind, and the outputs that belong to it."""
    if isinstance(measure, Output):
        return {"kind": "output", "output": measure.index}
    if isinstance(measure, Margin):
        return {"kind": "margin", "output": measure.index, "other": measure.other}
    return {"kind": measure}


def measure_from_dict(content: dict[str, Any]) -> Measure:
    """Inverse of ``measure_to_dict`` for content that fits the schema; SettingsError for wrong outputs."""
    if content["kind"] == "output":
        return Output(int(content["output"]))
    if content["kind"] == "margin":
        return Margin(int(content["output"]), int(content["other"]))
    return str(content["kind"])


def core_measure(measure: Measure) -> _core.Measure:
    """The measure as the C++ core takes it."""
    return _core.Measure(**measure_to_dict(measure))


def evaluate_measure(measure: Measure, reference: NDArray[np.float64], compressed: NDArray[np.float64]) -> float:
    """float64 value of the measure at f(x) and g(y), each (outputs,), by the same code that bounds it."""
    return core_measure(measure)(reference, compressed)
