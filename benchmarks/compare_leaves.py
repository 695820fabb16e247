"""Would the SDP pay as the bound of branching's parts? The SDP against as many seconds of halving, on parts of the set.

Command, from the repository root: ``python -m benchmarks.compare_leaves [--only NAME]``

A part is what is left after halving the input whose interval is widest a number of times, each time keeping the half
that a generator of seed 0 names. Measure inf. On every part: the SDP from scratch and from where it ended on the part's
parent (``Certifier.update``), and branching, which bounds its parts by propagation, without the SDP before it, for as
many seconds as the faster of the two took. Bounds are relative to plain propagation's on the same part. Instances of
sdp_suite.py with at most 20 inputs that vary.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Sequence

import numpy as np

import twincert

from .comparison import clock, short, table
from .sdp_suite import suite

HALVINGS = (0, 3, 6, 9)
FEW = 20
SETTINGS = {"attack_restarts": 1, "attack_steps": 1}


def path(box: twincert.Box, halvings: int) -> list[twincert.Box]:
    """The box, and what each halving leaves."""
    random = np.random.default_rng(0)
    lower, upper = np.array(box.lower), np.array(box.upper)
    found = [box]
    for _ in range(halvings):
        widest = int(np.argmax(upper - lower))
        (upper if random.integers(2) else lower)[widest] = (lower[widest] + upper[widest]) / 2
        found.append(twincert.Box(lower, upper))
    return found


def row(name: str, twin: twincert.Twin, parts: Sequence[twincert.Box]) -> tuple[list[str], float, float]:
    """Cells, the SDP's bound over branching's, and warm over cold seconds."""
    part = parts[-1]
    crown = float(_plain(twin, part))
    certifier = twincert.Certifier(twin, "inf", method="sdp", settings=SETTINGS)
    certifier.setup(part)
    sdp, cold = clock(certifier.solve)
    warm = cold
    if len(parts) > 1:
        certifier.setup(parts[-2])
        certifier.solve()
        certifier.update(part)
        again, warm = clock(certifier.solve)
        sdp = min(sdp, again, key=lambda certificate: certificate.upper)
    halving = {**SETTINGS, "max_iterations": 0, "gap": 0.0}
    branched = twincert.certify(twin, part, method="branch", time_limit=min(cold, warm), settings=halving)
    shown = [crown, sdp.upper / crown, cold, warm, branched.upper / crown, branched.info["parts"]]
    return [name, str(len(parts) - 1), *(short(value) for value in shown)], sdp.upper / branched.upper, warm / cold


def _plain(twin: twincert.Twin, box: twincert.Box) -> float:
    difference = twincert._core.crown_bounds(twin, box).stages[-1].difference
    assert difference is not None  # outputs are paired
    return max(np.max(difference[1]), -np.min(difference[0]))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", metavar="NAME", help="instances whose name contains this")
    args = options.parse_args()
    rows, ratios, warmth = [], [], []
    for name, make in suite().items():
        twin, box = make()
        if (args.only or "") not in name or np.count_nonzero(np.less(box.lower, box.upper)) > FEW:
            continue
        for halvings in HALVINGS:
            cells, ratio, warm = row(name, twin, path(box, halvings))
            rows.append(cells)
            ratios.append(ratio)
            if halvings > 0:
                warmth.append(warm)
    if not rows:
        options.error("--only names no instance with few inputs")
    head = ["instance", "halvings", "crown", "SDP / crown", "s", "s, from the parent"]
    table([*head, "branching for as long / crown", "parts"], rows)
    better = sum(ratio < 1.0 for ratio in ratios)
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
    print(
        f"SDP over branching {short(mean)} in the geometric mean, below 1 on {better} of {len(ratios)} parts; ", end=""
    )
    print(f"seconds from the parent over from scratch {short(statistics.median(warmth))} in the median")


if __name__ == "__main__":
    main()
