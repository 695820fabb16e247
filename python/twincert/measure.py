"""What a certificate bounds: a function of the output difference f(x) - g(y)."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twincert import _core
from twincert.errors import SettingsError

MEASURES = ("inf", "two", "one", "outputs")


@dataclass(frozen=True)
class Output:
    """Measure of a single output: ``|f_i - g_i|``, bounded on both sides.

    ``index`` counts from zero. Raises SettingsError when it is not a whole number of at least zero.
    """

    index: int

    def __post_init__(self) -> None:
        """Accept any integer type (NumPy's too) and refuse everything else."""
        if isinstance(self.index, bool):
            raise SettingsError(f"Output expects the index of an output, found {self.index!r}")
        try:
            index = operator.index(self.index)
        except TypeError:
            raise SettingsError(f"Output expects the index of an output, found {self.index!r}") from None
        if index < 0:
            raise SettingsError(f"Output expects an index of at least 0, found {index}")
        object.__setattr__(self, "index", index)


Measure = str | Output


def parse_measure(measure: object, output_size: int) -> Measure:
    """Check a measure against the number of outputs; SettingsError lists what exists."""
    if isinstance(measure, Output):
        if measure.index >= output_size:
            raise SettingsError(
                f"measure Output({measure.index}): expected an index below {output_size}, the number of outputs"
            )
        return measure
    if isinstance(measure, str) and measure in MEASURES:
        return measure
    names = ", ".join(repr(name) for name in MEASURES)
    raise SettingsError(f"measure: expected one of {names} or twincert.Output(i), found {measure!r}")


def measure_label(measure: Measure) -> str:
    """One line of mathematics for reports."""
    if isinstance(measure, Output):
        return f"|f_{measure.index} - g_{measure.index}|"
    return {
        "inf": "max_i |f_i - g_i|",
        "outputs": "max_i |f_i - g_i|, each output on both sides",
        "two": "|f - g|_2",
        "one": "|f - g|_1",
    }[measure]


def evaluate_measure(measure: Measure, difference: NDArray[np.float64]) -> float:
    """float64 value of the measure for one difference vector (outputs,), by the same code that bounds it."""
    if isinstance(measure, Output):
        return _core.evaluate_measure("output", measure.index, difference)
    return _core.evaluate_measure(measure, 0, difference)
