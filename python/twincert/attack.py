"""Lower bounds: inputs at which a network and its twin differ much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twincert import _core
from twincert._arrays import Array
from twincert._blas import single_thread
from twincert.errors import SettingsError, ShapeError
from twincert.measure import Measure, core_measure, parse_measure
from twincert.network import Twin
from twincert.sets import InputSet


@dataclass(frozen=True)
class Attack:
    """The worst inputs found: `reference_output` is f(x), `compressed_output` g(y), both (outputs,), and `value` the
    measure there, all in float64.
    """

    x: Array
    y: Array
    reference_output: Array
    compressed_output: Array
    value: float

    @property
    def difference(self) -> Array:
        """f(x) - g(y), (outputs,)."""
        return np.asarray(self.reference_output - self.compressed_output)


def attack(
    twin: Twin,
    input_set: InputSet,
    measure: Measure = "inf",
    restarts: int = 64,
    steps: int = 40,
    seed: int = 0,
) -> Attack:
    """Search the set by projected gradient ascent for a large difference; what it finds is attained, not a bound.

    `measure` is one of those that `certify` bounds. The same arguments give the same result.
    Raises ShapeError when the set does not fit the networks, SettingsError on numbers out of range.
    """
    if input_set.size != twin.input_size:
        raise ShapeError(f"input_set: expected {twin.input_size} inputs as the networks have, found {input_set.size}")
    chosen = parse_measure(measure, twin.output_size)
    limits = (("restarts", restarts, 2**20), ("steps", steps, 2**20), ("seed", seed, 2**64))
    for name, value, limit in limits:
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < limit:
            raise SettingsError(f"{name}: expected an integer from 0 to below {limit}, found {value!r}")
    with single_thread():
        found = _core.attack(twin, input_set, core_measure(chosen), int(restarts), int(steps), int(seed))
    return Attack(
        np.array(found.reference_input),
        np.array(found.compressed_input),
        np.array(found.reference_output),
        np.array(found.compressed_output),
        found.value,
    )
