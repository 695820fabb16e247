"""Lends SciPy's OpenBLAS to the C++ core and keeps it on one thread while the core's own threads run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from scipy.linalg import cython_blas, cython_lapack
from threadpoolctl import ThreadpoolController

from twincert import _core

LAPACK = ("dpotrf", "dsytrd", "dstedc", "dormtr", "ssytrd", "sstedc", "sormtr")

_lock = threading.Lock()
_users = 0
_limiter: Any = None


def capsules() -> dict[str, object]:
    """The routines that the core uses, as SciPy's capsules for compiled extensions (32-bit integers)."""
    names = ("dgemm", "dsyrk", "dsymm", "dtrsm", "sgemm", "ssyrk", "ssymm")
    blas = {name: cython_blas.__pyx_capi__[name] for name in names}
    return blas | {name: cython_lapack.__pyx_capi__[name] for name in LAPACK}


def register() -> None:
    """Hand them to the core."""
    _core.register_blas(capsules())


@cache
def _controller() -> ThreadpoolController:
    """Finding the loaded libraries takes milliseconds, so it is done once."""
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def single_thread() -> Iterator[None]:
    """Limit BLAS to one thread; nested and concurrent uses share one limit, and the last one out lifts it."""
    global _users, _limiter
    with _lock:
        if _users == 0:
            _limiter = _controller().limit(limits=1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limiter.restore_original_limits()
                _limiter = None
