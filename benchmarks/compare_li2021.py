"""Squared errors of Li, Drummond, Duncan (arXiv 2012.00138) from the authors' weight files, against published values.

Command, from the repository root: ``python -m benchmarks.compare_li2021``

The pairs are networks 1-10-10-1 with the same scalar x in [-1, 1] as input. "all-slope" is the authors' set of
constraints, "all products" a semidefinite relaxation with all products of a layer (values that a solver returned, not
bounds). Ours is the square of a certified bound; the target is at most 1.5 % above "all products". The networks have
one output: the measures "two" and "inf" mean the same.

A second table has their affine bounds |f - g|^2 <= gamma_x q + gamma, q = x^2 for one input of both networks and
q = (x - y)^2 for two that differ by up to 1/2, with the least weighted sum weight_x gamma_x + gamma. "sampled" is the
least sum that covers a grid of inputs, which no valid pair can be below; "gamma_x = 0" is the sum without the new
term, the square of the measure "two".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from scipy.optimize import linprog

import twincert

from .comparison import parser, shared, short, solver_options, table, timed

# pair: (sampled maximum, all-slope set of the released script, same-layer products and intervals), all squared
PUBLISHED = {
    "pruned": (4.8167, 7.55, 4.8198),
    "comparison": (111.285, 159.0, 112.28),
    "Q2D q=2": (14.9089, 25.1, 14.909),
    "Q2D q=6": (0.142658, 0.206, 0.1428),
    "Q3D q=2": (14.9397, 21.2, 14.940),
}
Arrays = list[np.ndarray]


def read(folder: Path, name: str, suffix: str) -> tuple[Arrays, Arrays]:
    """Weights and biases of a file; no biases where it has none."""
    content = loadmat(str(folder / f"W_save_{name}.mat"))
    weights = [np.array(w, dtype=float) for w in content[f"W_{suffix}"].ravel()]
    return weights, [np.array(b, dtype=float).ravel() for b in content.get(f"b_{suffix}", np.array([])).ravel()]


def network(weights: Arrays, biases: Arrays) -> twincert.Network:
    return twincert.Network.from_arrays(list(zip(weights, biases, strict=True)), activation="relu")


def pair(folder: Path, name: str) -> twincert.Twin:
    """The twin of a row; Q2D and Q3D are truncated to q fractional bits."""
    if name == "pruned":
        weights, biases = read(folder, "NN1_Original", "1")
        pruned, _ = read(folder, "NN1_pruned", "2")
        return twincert.Twin(network(weights, biases), network(pruned, biases))
    if name == "comparison":
        first, second = read(folder, "NN1_Comparison", "1"), read(folder, "NN2_Comparison", "2")
        return twincert.Twin(network(*first), network(*second))
    source, bits = name.split(" q=")
    f = network(*read(folder, f"NN1_{source}", "1"))
    scale = 2.0 ** int(bits)
    g = [(np.trunc(w * scale) / scale, np.trunc(b * scale) / scale) for w, b in f.to_arrays()]
    return twincert.Twin(f, twincert.Network.from_arrays(g, activation="relu"))


def sampled_sum(weight_x: float, q: np.ndarray, squares: np.ndarray) -> float:
    """min weight_x s + max(0, max(squares - s q)) over s >= 0: a linear program in two variables."""
    found = linprog([weight_x, 1.0], A_ub=-np.column_stack([q, np.ones_like(q)]), b_ub=-squares, bounds=[(0, None)] * 2)
    return float(found.fun)


def affine_rows(folder: Path, repeat: int, **options: Any) -> list[list[str]]:
    """The pairs' affine bounds, several weights of gamma_x for each form."""
    x = np.linspace(-1.0, 1.0, 2001)
    rows = []
    for name in PUBLISHED:
        twin = pair(folder, name)
        for of, reach, weights in (("input", 0.0, (0.5, 0.1, 0.01)), ("difference", 0.5, (0.1, 0.01))):
            box = twincert.Box([-1.0], [1.0], difference=reach)
            shift = np.linspace(-reach, reach, 101)[:, None] if reach else np.zeros((1, 1))
            squares = (
                twin.reference(x[:, None])[:, 0] - twin.compressed((x - shift).reshape(-1, 1)).reshape(-1, x.size)
            ) ** 2
            q = np.broadcast_to(x**2 if of == "input" else shift**2, squares.shape)
            alone = twincert.certify(twin, box, "two", method="sdp", **options).upper ** 2
            for weight_x in weights:
                run = timed(twin, box, twincert.Affine(weight_x, 1.0, of), repeat, method="sdp", **options)
                bound, total = run.certificate.affine, run.certificate.upper
                least = sampled_sum(weight_x, q.ravel(), squares.ravel())
                numbers = [
                    f"{v:.5g}" for v in (weight_x, bound.gamma_x, bound.gamma, total, least, total / least, alone)
                ]
                accepted = "accepted" if run.accepted else "REFUSED"
                counts = [str(run.certificate.info["iterations"]), f"{run.seconds:.2f}", accepted]
                rows.append([name, "x^2" if of == "input" else "(x - y)^2", *numbers, *counts])
    return rows


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--measure", choices=("two", "inf"), default="two")
    args = options.parse_args()
    folder = shared("data/li2021")
    solver = solver_options(args, {}, None)
    box = twincert.Box([-1.0], [1.0])
    header = ["pair", "attack", "ours, certified", "all products", "ours / all products", "all-slope", "seconds"]
    rows = []
    for name, (sampled, slope, products) in PUBLISHED.items():
        twin = pair(folder, name)
        run = timed(twin, box, args.measure, args.repeat, method="sdp", **solver)
        bound, attained = run.certificate.upper**2, run.certificate.lower**2
        if attained < 0.99 * sampled:
            print(f"{name}: the attack attains {attained:.6g}, samples {sampled:.6g}\n")
        ratio = f"{bound / products:.4f}{'' if bound <= 1.015 * products else ' (above the target)'}"
        checked = f"{run.check_seconds:.3f} {'accepted' if run.accepted else 'REFUSED'}"
        numbers = [f"{attained:.6g}", f"{bound:.6g}", f"{products:g}", ratio, short(slope), f"{run.seconds:.2f}"]
        rows.append([name, *numbers, str(run.certificate.info["iterations"]), checked])
    table([*header, "iterations", "check, seconds"], rows)
    header = [
        "pair",
        "q",
        "weight_x",
        "gamma_x",
        "gamma",
        "sum",
        "sampled",
        "sum / sampled",
        "gamma_x = 0",
        "iterations",
    ]
    table([*header, "seconds", "check"], affine_rows(folder, args.repeat, **solver))


if __name__ == "__main__":
    main()
