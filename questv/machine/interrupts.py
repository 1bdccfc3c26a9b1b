"""Steps that must be whole: a signal that comes in the middle of one waits for its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C, and the other requests to end that Python handles, until the block is done.

    For steps of some milliseconds that would otherwise leave a process or a file behind. Python
    runs its handlers in the main thread only, so elsewhere there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(number)

    previous = {
        number: handler for number in _SIGNALS if callable(handler := signal.getsignal(number))
    }
    try:
        for number in previous:
            signal.signal(number, note)
        yield
    finally:
        for number in reversed(previous):
            signal.signal(number, previous[number])
        for caught in dict.fromkeys(arrived):
            signal.raise_signal(caught)
