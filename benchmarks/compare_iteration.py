"""Time of one iteration of the splitting against the bare eigendecompositions of its cliques' reduced matrices.

Command, from the repository root: ``python -m benchmarks.compare_iteration [--sizes 50,100,200] [--only NAME]``

Synthetic problems have one clique with ``--ratio`` times as many rows as variables, and a second one of a single row,
because a single clique would be solved by the interior-point method; those of sdp_suite.py have one clique per hidden
stage and all slack rows. An iteration includes everything but the bounds in between: projections, intervals, overlaps,
Anderson acceleration. The bare eigendecompositions are LAPACK's dsyevd (all eigenvalues and vectors) of random
symmetric matrices of the cliques' numbers of variables, one after the other; "products" are the matrix products of an
iteration that multiplies full matrices (n rows, v variables: 2 n^2 v + 2 n v^2 + n v^2 + n^2 v / 2 operations if half
of the eigenvalues are positive), bare and in double precision as well. "GFlop" are the operations of the products that
our iteration does if half of the eigenvalues are positive (2 n v^2 + n^2 v / 2 + v^3 / 2, without those of the
eigendecomposition and with nonzeros), "at the limit" the share of the iteration that they take at the rate of a product
of size 2,000 in single precision, which is printed. One thread each; medians of ``--repeat`` runs. The target: at most
twice the eigendecompositions. Where the rest of the time goes says ``perf record -g`` of this command with ``--sizes
1000 --no-suite``.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import blas, lapack
from threadpoolctl import threadpool_limits

from twincert import Settings
from twincert.sdp import ChordalProblem, Clique, Overlap

from .comparison import clock, short, table
from .sdp_suite import objective, suite

FULL = 110  # iterations until the acceleration's memory is full
SIZES = (50, 100, 200, 400, 700, 1000)
STAGES: dict[str, bool | str] = {"cliques": "stages", "slack_rows": True}


def synthetic(variables: int, rows: int) -> ChordalProblem:
    """One clique over random unit rows; a tenth of the entries' intervals end at the moments of a random point."""
    random = np.random.default_rng(variables)
    extra = random.standard_normal((rows - variables, variables))
    T = np.vstack([np.eye(variables), extra / np.linalg.norm(extra, axis=1)[:, None]])
    point = random.uniform(-1, 1, (variables, 3)) / np.sqrt(3)
    moment = T @ point @ point.T @ T.T
    moment = (moment + moment.T) / 2
    reach = np.sqrt(np.maximum(np.diag(moment), 0)) + 1.0
    upper = np.outer(reach, reach)
    tight = np.triu(random.uniform(size=(rows, rows)) < 0.1, 1)
    lower, upper = -upper, np.where(tight | tight.T, moment, upper)
    C = random.standard_normal((rows, rows))
    magnitude = reach[:variables] * (1 + 1e-12)  # the first rows are the variables
    clique = Clique(T, lower, upper, variable_magnitude=magnitude)
    first = slice(0, 1)
    small = Clique(np.ones((1, 1)), lower[first, first], upper[first, first], variable_magnitude=magnitude[first])
    return ChordalProblem([clique, small], [Overlap(0, 1, (0,), (0,))], objective=[C + C.T, None])


def iteration_seconds(problem: ChordalProblem, seconds: float) -> float:
    """Mean of iterations when the acceleration's memory is full, in about so many seconds."""

    def run(iterations: int) -> float:
        times = problem._program.iteration_seconds(settings=dict(Settings(threads=1)), iterations=FULL + iterations)
        return statistics.fmean(times[FULL:])

    return run(10 * max(1, min(200, int(seconds / 10 / run(10)))))


def eigen_seconds(size: int, seconds: float) -> float:
    """One dsyevd of a random symmetric matrix."""
    matrix = np.random.default_rng(size).standard_normal((size, size))
    matrix = np.asfortranarray(matrix + matrix.T)
    return median_seconds(lambda: lapack.dsyevd(matrix, compute_v=1, lower=1), seconds)


def product_seconds(rows: int, variables: int, seconds: float) -> float:
    """Reduction of a row matrix to the variables, and the projected matrix from half of the eigenvectors."""
    random = np.random.default_rng(variables)
    point, basis, vectors = (
        np.asfortranarray(random.standard_normal(shape))
        for shape in ((rows, rows), (rows, variables), (variables, (variables + 1) // 2))
    )

    def products() -> None:
        product = blas.dsymm(1.0, point, basis, lower=1)
        blas.dgemm(1.0, basis, product, trans_a=1)
        blas.dsyrk(1.0, blas.dgemm(1.0, basis, vectors), lower=1)

    return median_seconds(products, seconds)


def limit_of_products(seconds: float) -> float:
    """GFlop per second of a large product in single precision."""
    size = 2000
    factor = np.asfortranarray(np.random.default_rng(0).standard_normal((size, size)), dtype=np.float32)
    return 2e-9 * size**3 / median_seconds(lambda: blas.sgemm(1.0, factor, factor), seconds)


def product_gflop(rows: int, variables: int) -> float:
    """Of an iteration, if half of the eigenvalues are positive: factors, moments and what clipping took away."""
    return 1e-9 * (2 * rows * variables**2 + rows**2 * variables / 2 + variables**3 / 2)


def median_seconds(work: Callable[[], object], seconds: float) -> float:
    """Median of as many runs as the seconds allow, from 3 to 500."""
    count = max(3, min(500, int(seconds / clock(work)[1])))
    return statistics.median(clock(work)[1] for _ in range(count))


def row(name: str, problem: ChordalProblem, repeat: int, seconds: float, limit: float) -> list[str]:
    shapes = [clique.T.shape for clique in problem.cliques]
    eigen = {size: eigen_seconds(size, seconds / 4) for size in {shape[1] for shape in shapes}}
    bare = sum(eigen[variables] for _, variables in shapes)
    products = sum(product_seconds(*shape, seconds / 4) for shape in shapes)
    ours = statistics.median(iteration_seconds(problem, seconds) for _ in range(repeat))
    largest = max(shapes, key=lambda shape: shape[1])
    ratio = sum(rows for rows, _ in shapes) / sum(variables for _, variables in shapes)
    cells = [str(len(shapes)), f"{largest[0]}x{largest[1]}", short(ratio)]
    times = [f"{1e3 * time:.3f}" for time in (ours, bare, products)]
    gflop = sum(product_gflop(*shape) for shape in shapes)
    shares = (ours / bare, ours / (bare + products), gflop, gflop / limit / ours)
    return [name, *cells, *times, *(short(share) for share in shares)]


def numbers(text: str) -> Sequence[int]:
    return [int(part) for part in text.split(",") if part]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=numbers, default=SIZES, help="variables of synthetic cliques; '' for none")
    options.add_argument("--ratio", type=float, default=3.0, help="rows per variable of synthetic cliques (default 3)")
    options.add_argument("--only", metavar="NAME", help="instances of the suite whose name contains this")
    options.add_argument("--no-suite", action="store_true", help="synthetic cliques only")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--seconds", type=float, default=3.0, help="of each measurement, about (default 3)")
    args = options.parse_args()
    problems = [
        (f"synthetic {size}", lambda n=size: synthetic(n, max(n, round(args.ratio * n)))) for size in args.sizes
    ]
    if not args.no_suite:
        chosen = [name for name in suite() if args.only is None or args.only in name]
        problems += [(name, lambda n=name: objective(n).problem(STAGES)) for name in chosen]
    head = ["problem", "cliques", "largest", "rows / variables", "iteration, ms", "eigendecompositions, ms"]
    head += ["products, ms", "iteration / eigendecompositions", "iteration / both", "GFlop", "at the limit"]
    with threadpool_limits(1):
        limit = limit_of_products(args.seconds)
        table(head, [row(name, make(), args.repeat, args.seconds, limit) for name, make in problems])
    print(f"a product of size 2,000 in single precision: {limit:.0f} GFlop/s")


if __name__ == "__main__":
    main()
