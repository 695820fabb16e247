"""The front door as a user calls it: every measure, default settings, on one instance."""

import twincert

from .instances import instance


class Certify:
    params = ["outputs", "inf", "two", "one"]
    param_names = ["measure"]
    timeout = 300

    def setup(self, measure: str) -> None:
        self.twin, self.box = instance("5-15-15-3 8bit")

    def time_certify(self, measure: str) -> None:
        twincert.certify(self.twin, self.box, measure)

    def track_gap(self, measure: str) -> float:
        certificate = twincert.certify(self.twin, self.box, measure)
        return certificate.upper / certificate.lower

    track_gap.unit = "proven over attained"
