"""QEMU's own control channel (QMP): JSON messages, one a line, over a pair of sockets."""

from __future__ import annotations

import json
import select
import socket
import time
from types import TracebackType
from typing import Any

Message = dict[str, Any]
"""One reply or event, as QEMU's reference describes it."""


class ControlChannel:
    """The host's end of a control channel, and QEMU's until ``hand_over``."""

    def __init__(self) -> None:
        """Make both ends."""
        self._host, self._qemu = socket.socketpair()
        self._pending = b""

    @property
    def qemu_end(self) -> int:
        """The file descriptor that QEMU must inherit."""
        return self._qemu.fileno()

    def hand_over(self) -> None:
        """Close QEMU's end here: from now on its end is QEMU's alone, and ends with it."""
        self._qemu.close()

    def send(self, *commands: Message) -> None:
        """Send ``commands``. QEMU carries them out in order; it need not have started yet."""
        self._host.sendall(b"".join(json.dumps(command).encode() + b"\n" for command in commands))

    def receive(self, timeout: float | None) -> Message | None:
        """The next message, or None when QEMU has ended.

        Raises TimeoutError if there is none within ``timeout`` seconds (None: wait for ever).
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._pending:
            data = self._receive_some(deadline)
            if not data:
                return None
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        message: Message = json.loads(line)
        return message

    def __enter__(self) -> ControlChannel:
        """Give this channel; it is closed on the way out."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what is still open here."""
        self._host.close()
        self._qemu.close()

    def _receive_some(self, deadline: float | None) -> bytes:
        ready = select.poll()
        ready.register(self._host, select.POLLIN)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if not ready.poll(left):
            raise TimeoutError("QEMU has said nothing in time")
        try:
            return self._host.recv(1 << 16)
        except ConnectionResetError:
            return b""  # QEMU ended before it read all that was sent.
