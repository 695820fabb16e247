"""Ctrl-C in the middle of a computation."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ctrl_c() -> Iterator[None]:
    """Presses Ctrl-C after half a second, and again after 20 more, should the first have met code that swallows it."""
    over = threading.Event()

    def press() -> None:
        for delay in (0.5, 20.0, 20.0):
            if over.wait(delay):
                return
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
