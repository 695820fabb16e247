"""The SDP: the splitting for a fixed number of iterations, the interior-point method to its end; time and bound."""

import twincert

from .instances import INSTANCES, instance
from .sdp_suite import objective

ITERATIONS = 300


class Splitting:
    params = list(INSTANCES)
    param_names = ["instance"]
    timeout = 300

    def setup(self, name: str) -> None:
        self.twin, self.box = instance(name)

    def solve(self, iterations: int) -> twincert.Certificate:
        settings = {"max_iterations": iterations, "tolerance": 0.0, "attack_restarts": 1, "attack_steps": 1}
        rows: dict[str, bool | str] = {"cliques": "stages", "slack_rows": True}
        return twincert.certify(self.twin, self.box, twincert.Output(0), method="sdp", settings=settings, rows=rows)

    def time_relaxation_alone(self, name: str) -> None:
        self.solve(1)

    def time_300_iterations(self, name: str) -> None:
        self.solve(ITERATIONS)

    def track_upper_after_300_iterations(self, name: str) -> float:
        return self.solve(ITERATIONS).upper

    track_upper_after_300_iterations.unit = "largest proven |f_0 - g_0|"


class Suite:
    """Instances of the suite of compare_solvers.py that need nothing but this repository."""

    params = ["random 5-10-10-10-3, 8 bits, 0.3", "random 10-20-20-5, pruned 30 %, 0.1", "digits, 4 bits, 1 level"]
    param_names = ["instance"]
    timeout = 300

    def setup(self, name: str) -> None:
        self.problem = objective(name).problem()

    def time_interior_point(self, name: str) -> None:
        twincert.sdp.solve(self.problem)

    def track_interior_point(self, name: str) -> float:
        return twincert.sdp.solve(self.problem).bound

    track_interior_point.unit = "proven bound of the loosest side of an output"
