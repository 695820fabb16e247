"""Backward passes: the rate of their matrix products, beside what the machine's dgemm reaches, on one thread."""

import statistics
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

import twincert
from twincert import _core

from .instances import DEEP, WIDE, instance

SIZE = 1000  # of the square matrices that the peak is measured with


def backward_flops(twin: twincert.Twin, bounds: _core.TwinBounds) -> int:
    """Operations of all matrix products of ``crown_bounds`` (backward.hpp), of two paired ReLU networks.

    Stage k sends both directions of unit rows to the input: of each network alone, with a second choice of lines where
    a neuron below is open, and of the pair. Neurons that are zero in both networks have no columns.
    """
    total = 0
    live: list[int] = []  # neurons after each ReLU
    choice = {"reference": False, "compressed": False}
    for pair, stage in zip(twin.stages, bounds.stages, strict=True):
        width = len(pair.reference.bias)
        columns = [twin.input_size, *live]
        step = sum(live[j] * columns[j] for j in range(len(live)))
        for side in choice:
            total += 2 * step * 2 * width * (3 if choice[side] else 2)
            lower, upper = getattr(stage, side)
            choice[side] = choice[side] or bool(np.any((lower < 0) & (upper > 0)))
        live.append(int(np.count_nonzero((stage.reference[1] > 0) | (stage.compressed[1] > 0))))
    return total


def seconds(work: Callable[[], object], repeat: int) -> float:
    """Median, after one run that does not count."""
    work()
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


class BackwardPasses:
    params = [*DEEP, *WIDE]
    param_names = ["instance"]
    timeout = 120

    def setup(self, name: str) -> None:
        self.twin, self.box = instance(name)

    def rate(self) -> float:
        flops = backward_flops(self.twin, _core.crown_bounds(self.twin, self.box))
        return flops / seconds(lambda: _core.crown_bounds(self.twin, self.box), 9)

    def track_gflops(self, name: str) -> float:
        with threadpool_limits(1, user_api="blas"):
            return 1e-9 * self.rate()

    track_gflops.unit = "GFLOP/s"

    def track_share_of_peak(self, name: str) -> float:
        square = np.random.default_rng(0).standard_normal((SIZE, SIZE))
        with threadpool_limits(1, user_api="blas"):
            peak = 2 * SIZE**3 / seconds(lambda: square @ square, 3)
            return self.rate() / peak

    track_share_of_peak.unit = "of dgemm"
