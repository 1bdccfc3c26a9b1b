"""Runs compiled code where it can do no harm: in a forked child of this process.

A trap, a wild pointer or an endless loop ends the child; the parent gets an exception that names
the reason and the source line.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import pickle
import signal
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

from questv.metal.jit import LOADED
from questv.metal.link import link
from questv.metal.symbols import Frame, Symbols
from questv.metal.tree import TrapKind

P = ParamSpec("P")
T = TypeVar("T")


class MetalFault(Exception):  # noqa: N818 - it reports what compiled code did
    """Compiled code stopped: ``kind`` says why if it stopped itself, ``frames`` where."""

    def __init__(self, signal_name: str, kind: TrapKind | None, frames: list[Frame]) -> None:
        """Carry what the child's signal handler found."""
        self.signal, self.kind, self.frames = signal_name, kind, frames
        reason = kind.words if kind is not None else signal_name
        where = f" in {frames[0]}" if frames else ""
        super().__init__(f"{reason}{where}")

    def __reduce__(self) -> tuple[Any, ...]:
        return MetalFault, (self.signal, self.kind, self.frames)


class ChildError(Exception):
    """The child failed with an exception that can't be carried over; the text is its traceback."""


def isolated(function: Callable[P, T], *, timeout: int = 120) -> Callable[P, T]:
    """``function``, but each call runs in a child and returns what it returned there.

    Exceptions come back as they are where they can be carried over, else as ChildError. A signal
    is raised as MetalFault. After ``timeout`` seconds the child is ended.
    """

    @functools.wraps(function)
    def run(*arguments: P.args, **keywords: P.kwargs) -> T:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            signal.alarm(timeout)
            _install_handler(write)
            _finish(write, _outcome(lambda: function(*arguments, **keywords)))
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(child, 0)
        if not answer:
            name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "exit"
            raise MetalFault(name, None, [])
        returned, value = pickle.loads(answer)
        if returned:
            return value  # type: ignore[no-any-return]
        raise value

    return run


def _outcome(function: Callable[[], Any]) -> bytes:
    try:
        return pickle.dumps((True, function()))
    except BaseException as error:
        text = traceback.format_exc()
        with contextlib.suppress(Exception):
            if type(pickle.loads(pickle.dumps(error))) is type(error):
                error.__cause__ = ChildError(text)
                return pickle.dumps((False, error))
        return pickle.dumps((False, ChildError(text)))


def _finish(write: int, answer: bytes) -> NoReturn:
    with os.fdopen(write, "wb") as pipe:
        pipe.write(answer)
    os._exit(0)


# ---- signals ---------------------------------------------------------------------------------

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_RIP_IN_CONTEXT = 40 + 16 * 8  # ucontext_t: gregs after flags, link and stack; REG_RIP is 16
_SA_SIGINFO = 4


class _SigAction(ctypes.Structure):
    """struct sigaction of glibc on x86-64."""

    _fields_ = (
        ("handler", _HANDLER),
        ("mask", ctypes.c_uint8 * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


_installed: list[Any] = []


def _install_handler(write: int) -> None:
    """Report the first fault through the pipe, then end the child."""

    def handle(number: int, _info: int, context: int) -> None:
        address = ctypes.c_uint64.from_address(context + _RIP_IN_CONTEXT).value
        name = signal.Signals(number).name
        fault = MetalFault(name, _trap_kind(number, address), _frames(address))
        _finish(write, pickle.dumps((False, fault)))

    handler = _HANDLER(handle)
    action = _SigAction(handler, flags=_SA_SIGINFO)
    _installed[:] = [handler, action]
    library = ctypes.CDLL(None)
    for number in (signal.SIGILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGALRM):
        library.sigaction(int(number), ctypes.byref(action), None)


def _trap_kind(number: int, address: int) -> TrapKind | None:
    """The operand of ``ud1 eax, [eax + kind]``, which is how compiled code stops itself."""
    if number != signal.SIGILL:
        return None
    code = ctypes.string_at(address, 5)
    return TrapKind(code[4]) if code[:4] == b"\x67\x0f\xb9\x40" else None


def _frames(address: int) -> list[Frame]:
    """Where an address is in the source: link the same units and ask the debug information."""
    found = [(jit, *place) for jit in LOADED if (place := jit.locate(address)) is not None]
    if found:
        jit, symbol, offset = min(found, key=lambda part: part[2])  # several lie close together
        script = "SECTIONS { . = 0x400000; .text : { *(.text*) } /DISCARD/ : { *(.eh_frame*) } }"
        with contextlib.suppress(Exception):
            symbols = Symbols(link(jit.units.values(), script, [symbol]))
            return symbols.frames(symbols.address(symbol) + offset)
    return []
