"""The front door: every measure on one instance, with an iteration limit that keeps runs comparable."""

import twincert

from .instances import instance

SETTINGS = {"max_iterations": 400, "tolerance": 0.0}


class Certify:
    params = ["outputs", "inf", "two", "one", "top1"]
    param_names = ["measure"]
    timeout = 300

    def setup(self, measure: str) -> None:
        self.twin, self.box = instance("5-15-15-3 8bit")

    def time_certify(self, measure: str) -> None:
        twincert.certify(self.twin, self.box, measure, settings=SETTINGS)

    def track_gap(self, measure: str) -> float:
        certificate = twincert.certify(self.twin, self.box, measure, settings=SETTINGS)
        return certificate.gap

    track_gap.unit = "proven over attained"
