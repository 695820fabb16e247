"""The routines that SciPy lends to the core."""

import pytest

import twincert
from twincert import _blas, _core


@pytest.mark.parametrize(
    ("name", "given"), [("sgemm", "dgemm"), ("dsytrd", "ssytrd"), ("sormtr", "dormtr"), ("dgemm", "dtrsm")]
)
def test_other_blas_routines_are_refused(name: str, given: str) -> None:
    capsules = _blas.capsules()
    with pytest.raises(twincert.BackendUnavailableError, match=f'"{name}" has an unexpected signature'):
        _core.register_blas({**capsules, name: capsules[given]})
    assert _core.blas_registered()
