"""Lower bounds: inputs at which a network and its twin differ much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twincert import _core
from twincert._arrays import Array
from twincert._blas import single_thread
from twincert.errors import SettingsError, ShapeError
from twincert.network import Twin
from twincert.sets import InputSet


@dataclass(frozen=True)
class Attack:
    """The worst inputs found: f(x) - g(y) is `difference` (outputs,), and `value` its measure, in float64."""

    x: Array
    y: Array
    difference: Array
    value: float


def attack(
    twin: Twin,
    input_set: InputSet,
    measure: str = "inf",
    output: int = 0,
    restarts: int = 64,
    steps: int = 40,
    seed: int = 0,
) -> Attack:
    """Search the set by projected gradient ascent for a large difference; what it finds is attained, not a bound.

    `measure` is inf, two, one, outputs or output (then `output` is its index). The same arguments give the same result.
    Raises ShapeError when the set does not fit the networks, SettingsError on numbers out of range.
    """
    if input_set.size != twin.input_size:
        raise ShapeError(f"input_set: expected {twin.input_size} inputs as the networks have, found {input_set.size}")
    limits = (("output", output, 2**31), ("restarts", restarts, 2**20), ("steps", steps, 2**20), ("seed", seed, 2**64))
    for name, value, limit in limits:
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < limit:
            raise SettingsError(f"{name}: expected an integer from 0 to below {limit}, found {value!r}")
    with single_thread():
        found = _core.attack(twin, input_set, _core.Measure(measure, int(output)), int(restarts), int(steps), int(seed))
    return Attack(
        np.array(found.reference_input), np.array(found.compressed_input), np.array(found.difference), found.value
    )
