"""Requests to end (Ctrl-C, SIGTERM, a terminal that goes away), so that nothing stays behind."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from questv.interrupted import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Request:
    """The signal by which somebody has asked this process to end; None while nobody has."""

    number: int | None = None


@contextmanager
def ending_in_order() -> Iterator[None]:
    """In this block a request to end raises ``Interrupted`` wherever the process is.

    Whatever the block ends with after that, it leaves as ``Interrupted``: Python and libraries
    may have wrapped it in an exception of their own on the way (``__set_name__`` does, up to 3.11).
    """
    request = Request()

    def give_up(number: int, frame: FrameType | None) -> None:
        request.number = number
        raise Interrupted(number)

    with _handling(give_up):
        try:
            yield
        except Exception as error:
            if request.number is None:
                raise
            raise Interrupted(request.number) from error


@contextmanager
def ending_on_request() -> Iterator[Request]:
    """In this block a request to end is only noted: the block looks for it and ends by itself."""
    request = Request()

    def note(number: int, frame: FrameType | None) -> None:
        request.number = number

    with _handling(note):
        yield request


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let ``handler`` take the signals, but for those that this process was started to ignore."""
    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = [number for number in _SIGNALS if previous[number] is not signal.SIG_IGN]
    try:
        for number in taken:
            signal.signal(number, handler)
        yield
    finally:
        for number in taken:
            signal.signal(number, previous[number])
