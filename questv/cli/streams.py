"""What a person connects to the devices that tasks drive as streams."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from questv.cli.files import check_no_source
from questv.cli.output import UserError
from questv.machine.relay import Relay
from questv.plan.model import Plan
from questv.system.wording import suggest

_TERMINAL = "-"
_FORMS = (
    "write NAME=FROM:TO with a file for each way, either may be left out; or NAME=PATH with a "
    "terminal or a socket's path; or NAME=- for this terminal"
)


@dataclass(frozen=True)
class BoundStream:
    """Where a stream's bytes come from and go to: paths, or ``-`` for this process's own."""

    name: str
    source: str | None
    sink: str | None

    @property
    def is_socket(self) -> bool:
        """Whether both ways are one socket of the host."""
        return self.source == self.sink and self.source is not None and _is_socket(self.source)


def uses_terminal(bindings: Sequence[str]) -> bool:
    """Whether one of ``bindings`` has this process's own input or output."""
    return any(_TERMINAL in each.partition("=")[2].split(":") for each in bindings)


def bind_streams(plan: Plan, bindings: Sequence[str], system: Path) -> tuple[BoundStream, ...]:
    """The streams that ``bindings`` connect to something; raises UserError.

    ``system`` is what the plan was made from: nothing is written over it.
    """
    known = [device.name for sandbox in plan.sandboxes for device in sandbox.devices]
    bound: dict[str, BoundStream] = {}
    for binding in bindings:
        name, separator, where = binding.partition("=")
        if not separator or not where or where == ":":
            raise UserError(f"'{binding}' connects no stream to anything", _FORMS)
        if name not in known:
            raise UserError(
                f"{plan.name} has no stream '{name}'",
                suggest(name, known, "leave it out: no sandbox of this system drives a device"),
            )
        if name in bound:
            raise UserError(f"stream '{name}' is connected twice", "connect it once")
        bound[name] = stream = _bind(name, where)
        if stream.sink is not None:
            check_no_source(Path(stream.sink), system)
    return tuple(bound.values())


def _bind(name: str, where: str) -> BoundStream:
    if where == _TERMINAL:
        return BoundStream(name, _TERMINAL, _TERMINAL)
    if ":" in where:
        source, _, sink = where.partition(":")
        return BoundStream(name, source or None, sink or None)
    if not _is_two_way(where):
        raise UserError(
            f"stream '{name}' can't be {where} both ways: it is no terminal and no socket",
            f"write {name}={where}: to send it to the system, or {name}=:{where} to keep what the "
            "system sends",
        )
    return BoundStream(name, where, where)


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(Path(path).stat().st_mode)
    except OSError:
        return False


def _is_two_way(path: str) -> bool:
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


# ---- while the machine runs ---------------------------------------------------------------------


@contextmanager
def connected(streams: Sequence[BoundStream]) -> Iterator[dict[str, Relay]]:
    """A relay for each of ``streams``, by name, until the block ends; raises UserError."""
    with ExitStack() as stack:
        yield {stream.name: stack.enter_context(_relay(stream, stack)) for stream in streams}


def _relay(stream: BoundStream, stack: ExitStack) -> Relay:
    if stream.is_socket:
        peer = stack.enter_context(_connect(stream))
        return Relay(peer.fileno(), peer.fileno())
    source = sink = None
    if stream.source is not None:
        source = 0 if stream.source == _TERMINAL else _open(stream, stream.source, os.O_RDONLY)
    if stream.sink is not None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        sink = 1 if stream.sink == _TERMINAL else _open(stream, stream.sink, flags)
    for fd in (source, sink):
        if fd is not None and fd > 1:
            stack.callback(os.close, fd)
    return Relay(source, sink)


def _connect(stream: BoundStream) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.connect(str(stream.source))
    except OSError as error:
        peer.close()
        raise UserError(
            f"stream '{stream.name}' can't connect to {stream.source}: {_reason(error)}",
            "start what listens there first",
        ) from error
    return peer


def _open(stream: BoundStream, path: str, flags: int) -> int:
    """A file, or either end of a named pipe, at which nobody need be yet."""
    try:
        if Path(path).is_fifo():
            return os.open(path, os.O_RDWR)  # opening one end alone would wait for the other
        return os.open(path, flags | os.O_NOCTTY, 0o666)
    except OSError as error:
        raise UserError(
            f"stream '{stream.name}' can't use {path}: {_reason(error)}", "name another file"
        ) from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
