"""Many queries about one twin, one after the other: each starts from what the one before found."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from twincert import _core
from twincert._blas import single_thread
from twincert.certificate import Certificate
from twincert.certify import Callback, checked_query, checked_run, checked_set
from twincert.errors import SettingsError
from twincert.measure import Measure, core_measure
from twincert.network import Twin
from twincert.sets import InputSet
from twincert.settings import Settings


class Certifier:
    """Certifies one input set after the other about the same twin and measure.

    ``setup`` takes the first set, ``update`` each further one, ``solve`` returns the certificate. After ``update`` the
    solver starts from what it found for the earlier sets, row by row where the relaxations agree: the splitting from
    its multipliers, the interior-point method from the products that mattered. Near-by sets then need fewer iterations
    for the same bound. ``solve`` again on the same set, with another threshold or more time, keeps the propagated
    bounds and goes on from there.

    A bound is as rigorous as ``certify``'s wherever the solver starts; which multipliers prove it, and so its last
    digits, depend on the calls before, and on nothing else unless a time limit cuts them off. One call at a time.
    """

    def __init__(
        self,
        twin: Twin,
        measure: Measure = "inf",
        *,
        method: str = "auto",
        settings: Settings | Mapping[str, Any] | None = None,
        rows: Mapping[str, bool | str] | None = None,
    ) -> None:
        """Take what all queries share, as ``certify`` does, and raise the same errors."""
        query = checked_query(twin, measure, method, settings, rows)
        self._twin = twin
        self._measure = query.measure
        self._set: InputSet | None = None
        self._busy = threading.Lock()
        self._core = _core.Certifier(
            twin, measure=core_measure(query.measure), method=method, settings=query.settings, rows=query.rows
        )

    def setup(self, input_set: InputSet) -> None:
        """The set to certify, as if nothing had been solved before. Raises ShapeError and SettingsError."""
        with self._alone("setup"):
            self._core.setup(checked_set(self._twin, input_set, "input_set"))
            self._set = input_set

    def update(self, input_set: InputSet) -> None:
        """Another set, near the last one at best: ``solve`` starts warm. Raises ShapeError and SettingsError."""
        with self._alone("update"):
            self._core.update(checked_set(self._twin, input_set, "input_set"))
            self._set = input_set

    def solve(
        self, *, threshold: float | None = None, time_limit: float | None = None, callback: Callback | None = None
    ) -> Certificate:
        """Certificate of the current set; threshold, time_limit (seconds) and callback as ``certify`` takes them.

        Raises SettingsError before any set was given, and when called while another call runs.
        """
        run = checked_run(threshold, time_limit, callback)
        with self._alone("solve"), single_thread():
            if self._set is None:
                raise SettingsError("solve: expected an input set by setup() first, found none")
            result = self._core.solve(threshold=run.threshold, time_limit=run.time_limit, callback=run.callback)
            return Certificate.from_result(self._twin, self._set, self._measure, run.threshold, result)

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise SettingsError(f"{name}: this Certifier is at work; use one per thread")
        try:
            yield
        finally:
            self._busy.release()
