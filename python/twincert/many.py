"""Many queries about one twin: one certificate per input set, on all cores or on an executor's workers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from typing import Any

from twincert._blas import single_thread
from twincert.certificate import Certificate
from twincert.certify import OPTIONS, certify, checked_set
from twincert.errors import SettingsError, TwincertError
from twincert.network import Twin
from twincert.sets import InputSet
from twincert.settings import Settings

LARGEST_THREADS = 1024


def certify_many(
    twin: Twin,
    boxes: Iterable[InputSet],
    *,
    executor: Executor | None = None,
    threads: int = 0,
    callback: Callable[[int, Certificate], object] | None = None,
    **options: Any,
) -> list[Certificate]:
    """Certify a twin over many input sets; the certificates come in the order of the sets.

    - boxes: Box, Ball or Polytope each
    - executor: anything with ``submit`` like a ``concurrent.futures.Executor``, such as a process pool, dask's
      ``client.get_executor()``, mpi4py's ``MPIPoolExecutor`` or loky; twins, sets, options and certificates pickle.
      Without one, threads of this process
    - threads: sets at work at a time without an executor; 0: one per core
    - callback: called here with the index of a set and its certificate as soon as that is known
    - options: ``measure``, ``method``, ``threshold``, ``time_limit`` (seconds for each set), ``settings`` and ``rows``
      of ``certify``. Of the settings, ``threads`` 0 means one thread per set here, and ``memory_limit`` holds for each
      set at work

    The certificates are those of ``certify`` with the same options, set by set, however many threads or workers there
    are, unless a time limit cuts them off. An error ends all and names the set (``boxes[3]``); so do Ctrl-C and an
    exception of the callback: what is at work in this process stops within moments, what an executor began ends there.

    Raises ShapeError and SettingsError as ``certify`` does, before anything is computed where arguments are wrong.
    """
    if not isinstance(twin, Twin):
        raise SettingsError(f"twin: expected a twincert.Twin, found {type(twin).__name__}")
    sets = _checked_sets(twin, boxes)
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise SettingsError(f"executor: expected one with a method submit, found {type(executor).__name__}")
    if isinstance(threads, bool) or not isinstance(threads, int) or not 0 <= threads <= LARGEST_THREADS:
        raise SettingsError(f"threads: expected an integer from 0 to {LARGEST_THREADS}, found {threads!r}")
    if callback is not None and not callable(callback):
        raise SettingsError(f"callback: expected a function of two arguments, found {type(callback).__name__}")
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise SettingsError(f"options: expected {', '.join(OPTIONS)}, found {unknown[0]!r}")
    settings = Settings.of(options.get("settings"))
    options["settings"] = settings.replace(threads=settings["threads"] or 1)
    if executor is not None:
        return _collect(executor, twin, sets, options, callback)
    stop = threading.Event()
    # A query learns from what it reports to that it should end.
    options["callback"] = lambda _progress: not stop.is_set()
    workers = max(1, min(threads or _cores(), len(sets)))
    with single_thread(), ThreadPoolExecutor(workers, thread_name_prefix="twincert") as pool:
        try:
            return _collect(pool, twin, sets, options, callback)
        finally:
            stop.set()


def _collect(
    executor: Executor,
    twin: Twin,
    sets: list[InputSet],
    options: dict[str, Any],
    callback: Callable[[int, Certificate], object] | None,
) -> list[Certificate]:
    """Certificates in the sets' order; whatever goes wrong, what has not begun is cancelled."""
    indices: dict[Future[Certificate], int] = {}
    certificates: dict[int, Certificate] = {}
    try:
        for index, input_set in enumerate(sets):
            indices[executor.submit(certify, twin, input_set, **options)] = index
        for future in as_completed(indices):
            index = indices[future]
            certificates[index] = _named(future, index)
            if callback is not None:
                callback(index, certificates[index])
    finally:
        for future in indices:
            future.cancel()
    return [certificates[index] for index in range(len(sets))]


def _named(future: Future[Certificate], index: int) -> Certificate:
    try:
        return future.result()
    except TwincertError as error:
        raise type(error)(f"boxes[{index}]: {error}") from error
    except Exception as error:
        error.add_note(f"while boxes[{index}] was certified")
        raise


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked_sets(twin: Twin, boxes: Iterable[InputSet]) -> list[InputSet]:
    if isinstance(boxes, InputSet) or not isinstance(boxes, Iterable):
        raise SettingsError(f"boxes: expected several input sets, found {type(boxes).__name__}")
    return [checked_set(twin, box, f"boxes[{index}]") for index, box in enumerate(boxes)]
