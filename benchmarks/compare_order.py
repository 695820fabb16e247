"""Attack, branching, SDP, propagation and intervals on sdp_suite.py: no method may be looser than a cheaper one.

Command, from the repository root: ``python -m benchmarks.compare_order [--only NAME] [--time-limit 20]``

The measure is the largest difference of any output. The SDP gets the time limit, branching twice as much, half of which
it gives to the SDP; the others need none.
Ends with the number of instances out of order, and with exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise

from .comparison import short, table, timed
from .sdp_suite import suite

METHODS = ("branch", "sdp", "crown", "interval")
HEAD = ["instance", "attained", *(cell for method in METHODS for cell in (method, "s")), "in order", "checks"]


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", metavar="NAME", action="append", help="instances whose name contains this")
    options.add_argument("--time-limit", type=float, default=20.0, help="seconds of sdp, half of branch's (default 20)")
    return options.parse_args()


def main() -> None:
    args = arguments()
    lines, wrong = [], 0
    for name, make in suite().items():
        if args.only and not any(part in name for part in args.only):
            continue
        twin, box = make()
        limits = {"branch": 2.0 * args.time_limit, "sdp": args.time_limit}
        found = [timed(twin, box, "inf", 1, method=method, time_limit=limits.get(method)) for method in METHODS]
        attained = max(one.certificate.lower for one in found)
        right = all(a <= b for a, b in pairwise([attained, *(one.certificate.upper for one in found)]))
        wrong += not right
        numbers = [short(number) for one in found for number in (one.certificate.upper, one.seconds)]
        verdict = "accepted" if all(one.accepted for one in found) else "REFUSED"
        lines.append([name, short(attained), *numbers, str(right), verdict])
    table(HEAD, lines)
    print(f"{wrong} out of order")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
