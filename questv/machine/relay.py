"""Carries what a device of a machine sends and receives to and from something on the host."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable
from types import TracebackType

_PIECE = 1 << 16
_TICK = 100  # milliseconds; how long an end may go unnoticed where nothing can be waited for
_SHORT_TICK = 5  # likewise, a machine that has started
_PATIENCE = 20  # ticks; how long a reader may take nothing when the run is over


class Relay:
    """A context manager that carries bytes until its end, in a thread of its own.

    ``guest_end`` is the file descriptor of the connected socket that QEMU must inherit. What comes
    from ``source`` is sent to the machine, what the machine sends is written to ``sink``; either
    may be None, and what has nowhere to go is dropped. When ``source`` ends, the rest goes on. On
    the way out all that the machine has sent is carried first, unless nobody reads it. The caller
    closes ``source`` and ``sink``.
    """

    def __init__(self, source: int | None, sink: int | None) -> None:
        """Nothing is carried before the block is entered."""
        self._host, self._guest = socket.socketpair()
        self._source, self._sink = source, sink
        self._is_driven: Callable[[], bool] | None = None
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._ending = threading.Event()

    @property
    def guest_end(self) -> int:
        """The file descriptor that QEMU must inherit."""
        return self._guest.fileno()

    def hand_over(self, is_driven: Callable[[], bool]) -> None:
        """QEMU has inherited its end: from now on it is QEMU's alone, and ends with it.

        Nothing is sent to the machine before ``is_driven`` says that somebody drives the device
        there: setting it up drops what has come.
        """
        self._guest.close()
        self._is_driven = is_driven

    def __enter__(self) -> Relay:
        """Begin to carry."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Carry what is still on its way from the machine, and end."""
        self._guest.close()
        self._ending.set()
        self._thread.join()
        self._host.close()

    def _carry(self) -> None:
        waiting = b""  # what came from the source and the machine has not taken yet
        source = self._source
        driven = False
        while True:
            driven = driven or (self._is_driven is not None and self._is_driven())
            poll = select.poll()
            poll.register(self._host, select.POLLIN | (select.POLLOUT if waiting else 0))
            if source is not None and driven and not waiting:
                poll.register(source, select.POLLIN)
            for fd, events in poll.poll(_TICK if driven else _SHORT_TICK):
                if fd == source:
                    waiting = _read(source)
                    if not waiting:
                        source = None
                    continue
                if events & select.POLLOUT and waiting:
                    waiting = waiting[self._send(waiting) :]
                if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                    came = _receive(self._host)
                    if not came:
                        return  # the machine is no more
                    self._write(came)
            if self._ending.is_set() and not _has_data(self._host):
                return

    def _send(self, data: bytes) -> int:
        """Give the machine what it takes now of ``data``; how many bytes that is."""
        try:
            return self._host.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)  # the machine is no more

    def _write(self, data: bytes) -> None:
        """Write to the sink, waiting for whoever reads it; not for ever once the run is over."""
        poll = select.poll()
        silence = 0
        while self._sink is not None and data:
            poll.register(self._sink, select.POLLOUT)
            if not poll.poll(_TICK):
                silence += self._ending.is_set()
                if silence >= _PATIENCE:
                    self._sink = None
                continue
            silence = 0
            try:
                # A pipe that can be written takes this many bytes, and more may not return.
                data = data[os.write(self._sink, data[: select.PIPE_BUF]) :]
            except BlockingIOError:
                continue
            except OSError:
                self._sink = None  # nobody is there to read it any more


def _read(source: int) -> bytes:
    try:
        return os.read(source, _PIECE)
    except OSError:
        return b""  # gone, as at its end


def _receive(host: socket.socket) -> bytes:
    try:
        return host.recv(_PIECE)
    except OSError:
        return b""


def _has_data(host: socket.socket) -> bool:
    return bool(select.select([host], [], [], 0)[0])
