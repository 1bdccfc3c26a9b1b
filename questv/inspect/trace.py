"""Which calls led to where a stopped kernel is, from its stack and its debug information."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from questv.inspect.guest import Guest
from questv.inspect.model import Frame
from questv.kernel.stubs import INTERRUPT_STUBS, INTERRUPTED
from questv.metal.symbols import Symbols
from questv.plan.model import SandboxPlan

CALL_LIMIT = 64
"""Calls that are followed at most: a stack that a kernel has scribbled over may lead anywhere."""

_WORD = 8


class Stack:
    """The stack of a kernel that no longer runs."""

    def __init__(self, guest: Guest, sandbox: SandboxPlan, symbols: Symbols) -> None:
        """Read the memory of ``sandbox``, whose program has ``symbols``."""
        self._guest = guest
        self._sandbox = sandbox
        self._symbols = symbols

    def calls(self, instruction: int, frame: int, stack: int) -> tuple[Frame, ...]:
        """The calls down to ``instruction``, the innermost first.

        ``frame`` and ``stack`` are the frame and stack pointers there.
        """
        reached = frames_at(self._symbols, instruction)
        if not reached:
            reached = [Frame(function="?", file="", line=0, address=instruction)]
        elif reached[0].line == 0:
            # Assembly keeps no frame of its own: its caller is where its return leads to.
            caller = self._guest.word(self._sandbox, stack)
            reached += self._call_before(caller) if caller is not None else []
        return (*reached, *self._callers(frame))

    def callers(self, frame: int) -> tuple[Frame, ...]:
        """The calls down to the one whose frame pointer is ``frame``, which is left out."""
        return tuple(self._callers(frame))

    def _callers(self, frame: int) -> list[Frame]:
        found: list[Frame] = []
        for inner, address in self._return_addresses(frame):
            calls = self._call_before(address)
            if not calls:
                break
            found += self._interrupted(inner, calls) or calls
        while found and found[-1].line == 0:
            found.pop()  # the kernel's first instructions, which are the same for everything
        return found

    def _call_before(self, address: int) -> list[Frame]:
        return call_before(self._symbols, address)

    def _interrupted(self, frame: int, calls: list[Frame]) -> list[Frame]:
        """What was interrupted, if an interrupt's stub called ``frame``; else nothing."""
        if calls[0].function not in INTERRUPT_STUBS:
            return []
        address = self._guest.word(self._sandbox, frame + 2 * _WORD + INTERRUPTED)
        return frames_at(self._symbols, address) if address is not None else []

    def _return_addresses(self, frame: int) -> Iterator[tuple[int, int]]:
        """Each frame and where its call returns to, up to where the chain ends or breaks."""
        for _ in range(CALL_LIMIT):
            if frame % _WORD:
                return
            outer = self._guest.word(self._sandbox, frame)
            address = self._guest.word(self._sandbox, frame + _WORD)
            if outer is None or address is None:
                return
            yield frame, address
            if outer <= frame:
                return
            frame = outer


def kept_calls(
    symbols: Symbols, instruction: int | None, returns: Sequence[int]
) -> tuple[Frame, ...]:
    """The calls down to ``instruction``, if that is given, from where they return to.

    The innermost comes first; what is in no function ends them.
    """
    found = [] if instruction is None else frames_at(symbols, instruction)
    for address in returns:
        calls = call_before(symbols, address)
        if not calls:
            break
        found += calls
    while found and found[-1].line == 0:
        found.pop()
    return tuple(found)


def call_before(symbols: Symbols, address: int) -> list[Frame]:
    """The call that returns to ``address``; it may be the last instruction of its function."""
    return [
        frame.model_copy(update={"address": address}) for frame in frames_at(symbols, address - 1)
    ]


def frames_at(symbols: Symbols, address: int) -> list[Frame]:
    """The calls that ``address`` lies in, the innermost inlined one first.

    There is none if it is in no function.
    """
    return [
        Frame(
            # Assembly has no debug information, only a symbol with its module's name in front.
            function=frame.function if frame.line else frame.function.rpartition(".")[2],
            file=frame.file if frame.line else "",
            line=frame.line,
            address=address,
        )
        for frame in symbols.frames(address)
    ]
