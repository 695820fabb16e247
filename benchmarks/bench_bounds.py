"""Propagation: how long it takes and what it proves."""

import numpy as np

import twincert
from twincert import _core

from .instances import INSTANCES, JOINT, SHALLOW, WIDE, instance


class Propagation:
    params = [list(INSTANCES), ["interval", "crown"]]
    param_names = ["instance", "method"]

    def setup(self, name: str, method: str) -> None:
        self.twin, self.box = instance(name)

    def certify(self, method: str) -> twincert.Certificate:
        return twincert.certify(self.twin, self.box, method=method, settings={"attack_restarts": 1, "attack_steps": 1})

    def time_bound(self, name: str, method: str) -> None:
        self.certify(method)

    def track_upper(self, name: str, method: str) -> float:
        return self.certify(method).upper

    track_upper.unit = "largest proven |f - g|"


class Optimized:
    """Optimised lines, planes and parabolas with the case analysis, the plain propagation included."""

    params = [list({**INSTANCES, **SHALLOW})]
    param_names = ["instance"]
    budget = _core.operation_budget

    def setup(self, name: str) -> None:
        self.twin, self.box = instance(name)

    def bound(self) -> float:
        return float(
            np.abs(_core.optimized_bounds(self.twin, self.box, budget=self.budget).stages[-1].difference).max()
        )

    def time_bound(self, name: str) -> None:
        self.bound()

    def track_upper(self, name: str) -> float:
        return self.bound()

    track_upper.unit = "largest proven |f - g|"


class Quadratic(Optimized):
    """With five seconds' budget: quadratic bounds of all stages, and larger cases where they leave something."""

    params = [list({**INSTANCES, **SHALLOW, **WIDE, **JOINT})]
    budget = 5e10
    timeout = 120
