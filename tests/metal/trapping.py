"""Calls compiled code and says how it ended, thousands of times a second, without a process each.

A handler of SIGILL and SIGSEGV sends the thread back to where the call began, as a debugger
would. It belongs into a child (``questv.metal.isolate``): code that went astray may have
overwritten anything.
"""

from __future__ import annotations

import ctypes
import signal
from typing import Any

from questv.metal.definitions import MetalFunction
from questv.metal.jit import Jit
from questv.metal.tree import TrapKind

from . import gate

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_REGISTERS = 40  # ucontext_t: the general registers come after flags, link and stack
_RSP, _RIP = _REGISTERS + 15 * 8, _REGISTERS + 16 * 8
_SI_ADDR = 16  # siginfo_t
_UD1 = b"\x67\x0f\xb9\x40"  # ud1 eax, [eax + kind]


class _SigAction(ctypes.Structure):
    _fields_ = (
        ("handler", _HANDLER),
        ("mask", ctypes.c_uint8 * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


class Runner:
    """Calls functions of one ``Jit`` that was made with ``gate`` among its modules."""

    def __init__(self, jit: Jit) -> None:
        """Install the handlers; they stay for the rest of the process."""
        self._jit = jit
        self._saved = (ctypes.c_uint64 * 2)()
        self._arguments = (ctypes.c_uint64 * 6)()
        prototype = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_void_p] * 3)
        self._enter = prototype(jit.address(gate.enter))  # type: ignore[arg-type]
        self._stopped: str | None = None
        self._handler = _HANDLER(self._handle)
        self._action = _SigAction(self._handler, flags=4)  # SA_SIGINFO
        library = ctypes.CDLL(None)
        for number in (signal.SIGILL, signal.SIGSEGV):
            library.sigaction(int(number), ctypes.byref(self._action), None)

    def _handle(self, number: int, info: int, context: int) -> None:
        instruction = ctypes.c_uint64.from_address(context + _RIP)
        stack = ctypes.c_uint64.from_address(context + _RSP)
        self._stopped = signal.Signals(number).name
        if number == signal.SIGILL:
            code = ctypes.string_at(instruction.value, 5)
            if code[:4] == _UD1:
                self._stopped = TrapKind(code[4]).name
        else:
            address = ctypes.c_uint64.from_address(info + _SI_ADDR).value
            self._stopped += f" at {address:#x}"
        stack.value, instruction.value = self._saved

    def call(self, function: Any, arguments: list[int]) -> int | str:
        """What is in RAX when the function returns, or why it stopped."""
        assert isinstance(function, MetalFunction)
        for index, argument in enumerate(arguments):
            self._arguments[index] = argument % 2**64
        self._stopped = None
        result: int = self._enter(self._saved, self._jit.address(function), self._arguments)
        return result if self._stopped is None else self._stopped
