"""What a certificate bounds: a function of the outputs f(x) and g(y)."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twincert import _core
from twincert.errors import SettingsError

Vector = NDArray[np.float64]
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


@dataclass(frozen=True)
class Affine:
    """Squared error relative to the input: ``|f(x) - g(y)|^2 <= gamma_x q + gamma`` for every pair of the set, with
    ``gamma_x, gamma >= 0`` that make ``weight_x gamma_x + weight gamma`` small.

    ``of`` says what q is: ``|x|^2`` ("input") or ``|x - y|^2`` ("difference", for sets in which y differs from x); all
    norms are 2-norms. The certificate's ``affine`` holds both numbers, its ``upper`` is their weighted sum, and its
    ``lower`` the largest ``|f - g|^2 min(weight, weight_x / q)`` that was attained: no valid pair has a smaller sum.

    Source: Li, Drummond, Duncan, "Robust error bounds for quantised and pruned neural networks", arXiv 2012.00138.
    Raises SettingsError unless both weights are numbers between 1e-100 and 1e100 and ``of`` is one of the two.
    """

    weight_x: float = 1.0
    weight: float = 1.0
    of: Literal["input", "difference"] = "input"

    def __post_init__(self) -> None:
        """Accept any real numbers (NumPy's too) and refuse everything else."""
        object.__setattr__(self, "weight_x", _weight("weight_x", self.weight_x))
        object.__setattr__(self, "weight", _weight("weight", self.weight))
        if self.of not in ("input", "difference"):
            raise SettingsError(f"Affine expects of='input' or of='difference', found {self.of!r}")


@dataclass(frozen=True)
class AffineBound:
    """``|f(x) - g(y)|^2 <= gamma_x q + gamma`` over the set, q as the measure says."""

    gamma_x: float
    gamma: float


def _weight(name: str, value: object) -> float:
    try:
        weight = math.nan if isinstance(value, bool | str | bytes) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        weight = math.nan
    if not _core.smallest_weight <= weight <= _core.largest_weight:
        raise SettingsError(f"Affine expects {name} between 1e-100 and 1e100, found {value!r}")
    return weight


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


Measure = str | Output | Margin | Affine


def parse_measure(measure: object, output_size: int) -> Measure:
    """Check a measure against the number of outputs; SettingsError lists what exists."""
    if isinstance(measure, Affine):
        return measure
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
        f"measure: expected one of {names}, twincert.Output(i), twincert.Margin(i, j) or twincert.Affine(weight_x, "
        f"weight), found {measure!r}"
    )


def measure_text(measure: Measure) -> str:
    """The measure as it is written in Python."""
    if isinstance(measure, Output):
        return f"Output({measure.index})"
    if isinstance(measure, Margin):
        return f"Margin({measure.index}, {measure.other})"
    if isinstance(measure, Affine):
        return f"Affine({measure.weight_x!r}, {measure.weight!r}, of={measure.of!r})"
    return measure


def measure_label(measure: Measure) -> str:
    """One line of mathematics for reports."""
    if isinstance(measure, Output):
        return f"|f_{measure.index} - g_{measure.index}|"
    if isinstance(measure, Margin):
        i, j = measure.index, measure.other
        return f"|(f_{i} - f_{j}) - (g_{i} - g_{j})|"
    if isinstance(measure, Affine):
        return f"{measure.weight_x:g} gamma_x + {measure.weight:g} gamma of {affine_label(measure)}"
    return {
        "inf": "max_i |f_i - g_i|",
        "outputs": "max_i |f_i - g_i|, each output on both sides",
        "two": "|f - g|_2",
        "one": "|f - g|_1",
        "top1": "f's confidence where g may choose another class",
    }[measure]


def affine_label(measure: Affine, bound: AffineBound | None = None) -> str:
    """The inequality of an affine measure, with names or numbers."""
    factor, constant = ("gamma_x", "gamma") if bound is None else (f"{bound.gamma_x:.6g}", f"{bound.gamma:.6g}")
    return f"|f - g|^2 <= {factor} |{'x' if measure.of == 'input' else 'x - y'}|^2 + {constant}"


def threshold_label(measure: Measure, threshold: float) -> str:
    """The statement that a threshold asks to be decided."""
    if measure == "top1":
        return f"same class where f is confident by > {threshold:g}"
    if isinstance(measure, Affine):
        return f"weighted sum <= {threshold:g}"
    return f"error <= {threshold:g}"


def measure_to_dict(measure: Measure) -> dict[str, Any]:
    """JSON content: the kind, and the outputs that belong to it."""
    if isinstance(measure, Output):
        return {"kind": "output", "output": measure.index}
    if isinstance(measure, Margin):
        return {"kind": "margin", "output": measure.index, "other": measure.other}
    if isinstance(measure, Affine):
        return {"kind": "affine", "weight_x": measure.weight_x, "weight": measure.weight, "of": measure.of}
    return {"kind": measure}


def measure_from_dict(content: dict[str, Any]) -> Measure:
    """Inverse of ``measure_to_dict`` for content that fits the schema; SettingsError for wrong outputs."""
    if content["kind"] == "output":
        return Output(int(content["output"]))
    if content["kind"] == "margin":
        return Margin(int(content["output"]), int(content["other"]))
    if content["kind"] == "affine":
        return Affine(content["weight_x"], content["weight"], content["of"])
    return str(content["kind"])


def core_measure(measure: Measure) -> _core.Measure:
    """The measure as the C++ core takes it."""
    return _core.Measure(**measure_to_dict(measure))


def evaluate_measure(measure: Measure, x: Vector, y: Vector, reference: Vector, compressed: Vector) -> float:
    """float64 value of the measure at x and y (inputs,), f(x) and g(y) (outputs,), by the same code that bounds it."""
    return core_measure(measure).at(x, y, reference, compressed)
