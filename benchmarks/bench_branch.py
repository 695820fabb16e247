"""Branching: parts bounded per second and the bound after a fixed number of them."""

import twincert

from .instances import DEEP, NEURONS, instance

PARTS = 200


class Branching:
    params = [*DEEP, *NEURONS]
    param_names = ["instance"]
    timeout = 300

    def setup(self, name: str) -> None:
        self.twin, self.box = instance(name)

    def certify(self) -> twincert.Certificate:
        settings = {"part_limit": PARTS, "gap": 0.0, "max_iterations": 0, "attack_restarts": 1, "attack_steps": 1}
        return twincert.certify(self.twin, self.box, method="branch", settings=settings)

    def time_200_parts(self, name: str) -> None:
        self.certify()

    def track_parts_per_second(self, name: str) -> float:
        info = self.certify().info
        return float(info["parts"] / info["timings"]["branch"])

    track_parts_per_second.unit = "parts / s"

    def track_upper_after_200_parts(self, name: str) -> float:
        return self.certify().upper

    track_upper_after_200_parts.unit = "largest proven |f - g|"
