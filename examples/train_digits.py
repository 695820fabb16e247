"""Train the network that ships with the package and pick the digit that ``twincert demo`` looks at.

Data: the optical recognition of handwritten digits that scikit-learn bundles (E. Alpaydin and C. Kaynak, UCI Machine
Learning Repository, CC BY 4.0), pixels scaled from 0..16 to [0, 1]. Run it with the test extra installed:

    python examples/train_digits.py python/twincert/data
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import twincert

HIDDEN = (32, 32)
WEIGHT_DECAY = 1e-2


def train(pixels: np.ndarray, labels: np.ndarray) -> twincert.Network:
    """ReLU network 64-32-32-10 with float32 parameters."""
    model = MLPClassifier(HIDDEN, alpha=WEIGHT_DECAY, learning_rate_init=2e-3, max_iter=400, random_state=0)
    model.fit(pixels, labels)
    layers = [
        (np.float64(np.float32(weight.T)), np.float64(np.float32(bias)))
        for weight, bias in zip(model.coefs_, model.intercepts_, strict=True)
    ]
    return twincert.Network.from_arrays(layers, activation="relu")


def main(folder: Path) -> None:
    """Write digits.npz (the network, float32) and digit.npy (one image that it has not seen)."""
    digits = load_digits()
    pixels = digits.data / 16
    held_out = np.arange(len(pixels)) % 5 == 0
    network = train(pixels[~held_out], digits.target[~held_out])
    right = network(pixels[held_out]).argmax(axis=1) == digits.target[held_out]
    sys.stdout.write(f"{right.mean():.1%} of {right.size} held-out digits are right\n")
    arrays = {}
    for i, (weight, bias) in enumerate(network.to_arrays()):
        arrays[f"W{i}"], arrays[f"b{i}"] = np.float32(weight), np.float32(bias)
    np.savez_compressed(folder / "digits.npz", **arrays)
    np.save(folder / "digit.npy", pixels[held_out][right][0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
