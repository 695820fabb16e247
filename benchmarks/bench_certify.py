"""The front door: every measure on one instance, with an iteration limit that keeps runs comparable; many queries."""

import twincert

from .instances import instance, neighbours

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


class Wide:
    """Steps of the bound of the two-norm that comes first in a wide clique, and what they prove of the outputs."""

    timeout = 600
    repeat = 1
    number = 1
    settings = {"max_iterations": 20, "attack_restarts": 1}

    def setup(self) -> None:
        self.twin, self.box = instance("700-300-100-10 4bit")

    def certify(self) -> twincert.Certificate:
        def joint(progress: twincert.Progress) -> bool:
            return progress["stage"] != "sdp" or progress["objective"] == progress["objectives"]

        return twincert.certify(self.twin, self.box, method="sdp", settings=self.settings, callback=joint)

    def time_certify(self) -> None:
        self.certify()

    def track_upper(self) -> float:
        return self.certify().upper

    track_upper.unit = "largest abs(f_i - g_i)"


class Queries:
    """Neighbouring boxes: a loop, all at once, and one after the other from a warm start."""

    params = ["loop", "certify_many", "certifier"]
    param_names = ["way"]
    timeout = 600

    def setup(self, way: str) -> None:
        self.twin, self.boxes = neighbours("5-15-15-3 8bit", 4, 0.1)

    def time_queries(self, way: str) -> None:
        if way == "certify_many":
            twincert.certify_many(self.twin, self.boxes, method="sdp", settings={"attack_restarts": 8})
            return
        certifier = twincert.Certifier(self.twin, method="sdp", settings={"attack_restarts": 8})
        for box in self.boxes:
            (certifier.setup if way == "loop" else certifier.update)(box)
            certifier.solve()
