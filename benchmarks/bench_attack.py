"""The attack: time with default settings, and the error it attains."""

import twincert

from .instances import INSTANCES, instance


class Attack:
    params = list(INSTANCES)
    param_names = ["instance"]

    def setup(self, name: str) -> None:
        self.twin, self.box = instance(name)

    def time_attack(self, name: str) -> None:
        twincert.attack(self.twin, self.box, "inf")

    def track_attained(self, name: str) -> float:
        return twincert.attack(self.twin, self.box, "inf").value

    track_attained.unit = "|f - g| at the witness"
