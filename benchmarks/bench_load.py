"""Files to networks: reading, writing, and evaluating what was read."""

import tempfile
from pathlib import Path

import numpy as np

import twincert

from .instances import instance


class Files:
    params = ["onnx", "npz"]
    param_names = ["format"]

    def setup(self, suffix: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / f"net.{suffix}"
        self.network = instance("64-50-50-10 8bit")[0].reference
        self.network.save(self.path)

    def teardown(self, suffix: str) -> None:
        self.folder.cleanup()

    def time_load(self, suffix: str) -> None:
        twincert.load(self.path)

    def time_save(self, suffix: str) -> None:
        self.network.save(self.path)


class Evaluation:
    def setup(self) -> None:
        self.network = instance("64-50-50-10 8bit")[0].reference
        self.points = np.random.default_rng(0).uniform(-1, 1, (1000, 64))

    def time_evaluate_1000_points(self) -> None:
        self.network(self.points)

    def time_quantize(self) -> None:
        twincert.quantize(self.network, bits=8)
