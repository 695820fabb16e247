"""Attack, branching, SDP, propagation and intervals on sdp_suite.py: no method may be looser than a cheaper one.

Command, from the repository root: ``python -m benchmarks.compare_order [--only NAME] [--time-limit 20]``

The measure is the largest difference of any output. The SDP gets the time limit, branching twice as much, half of which
it gives to the SDP; the others need none.
Ends with the number of instances out of order, and with exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise

import twincert

from .comparison import short
from .sdp_suite import suite

METHODS = ("branch", "sdp", "crown", "interval")


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", metavar="NAME", action="append", help="instances whose name contains this")
    options.add_argument("--time-limit", type=float, default=20.0, help="seconds of sdp, half of branch's (default 20)")
    return options.parse_args()


def main() -> None:
    args = arguments()
    print("| instance | attained | " + " | ".join(f"{method} | s" for method in METHODS) + " | in order | checks |")
    print("| --- " * (4 + 2 * len(METHODS)) + "|")
    wrong = 0
    for name, make in suite().items():
        if args.only and not any(part in name for part in args.only):
            continue
        twin, box = make()
        uppers, cells, checks, attained = [], [], [], 0.0
        for method in METHODS:
            start = time.perf_counter()
            limit = {"branch": 2.0 * args.time_limit, "sdp": args.time_limit}.get(method)
            cert = twincert.certify(twin, box, method=method, time_limit=limit)
            cells.append(f"{short(cert.upper)} | {short(time.perf_counter() - start)}")
            uppers.append(cert.upper)
            attained = max(attained, cert.lower)
            checks.append(cert.check(twin).valid)
        ordered = [attained, *uppers]
        right = all(a <= b for a, b in pairwise(ordered))
        wrong += not right
        verdict = "accepted" if all(checks) else "REFUSED"
        print(f"| {name} | {short(attained)} | {' | '.join(cells)} | {right} | {verdict} |", flush=True)
    print(f"\n{wrong} out of order")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
