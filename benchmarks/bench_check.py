"""The checker and the certificate file."""

import tempfile
from pathlib import Path

import twincert

from .instances import instance


class Check:
    params = ["5-15-15-3 8bit", "64-50-50-10 8bit"]
    param_names = ["instance"]
    timeout = 300

    def setup(self, name: str) -> None:
        self.twin, box = instance(name)
        self.certificate = twincert.certify(self.twin, box, method="sdp", settings={"max_iterations": 40})
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "certificate.json"
        self.certificate.save(self.path)

    def teardown(self, name: str) -> None:
        self.folder.cleanup()

    def time_check(self, name: str) -> None:
        self.certificate.check(self.twin)

    def time_save(self, name: str) -> None:
        self.certificate.save(self.path)

    def time_load(self, name: str) -> None:
        twincert.Certificate.load(self.path)

    def track_file_size(self, name: str) -> int:
        return self.path.stat().st_size

    track_file_size.unit = "bytes"
