"""A machine's memory, addressed as the plan does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from questv.arch.x86.machine import MachineFacts
from questv.metal.structs import Struct, sizeof
from questv.plan.model import Plan, SandboxPlan

S = TypeVar("S", bound=Struct)

_NANOSECONDS = 1_000_000_000
_WORD = 8


class Memory(Protocol):
    """Guest-physical memory, live or a copy."""

    def read(self, address: int, length: int) -> bytes:
        """A copy of ``length`` bytes."""
        ...


@dataclass(frozen=True)
class Clock:
    """Turns time-stamp counters into nanoseconds since the machine's start.

    ``frequency`` is in hertz; 0 stands for a clock that nobody has measured yet.
    """

    start: int
    frequency: int

    def nanoseconds(self, tsc: int) -> int | None:
        """The moment of a counter's value; None for 0, which means never."""
        if tsc == 0 or self.frequency == 0:
            return None
        return self.duration(tsc - self.start)

    def duration(self, ticks: int) -> int:
        """A stretch of time in nanoseconds; 0 while nobody has measured the clock."""
        return ticks * _NANOSECONDS // self.frequency if self.frequency else 0

    def stretch(self, ticks: int) -> int | None:
        """As many ticks in nanoseconds, rounded away from zero."""
        if self.frequency == 0:
            return None
        return -self.duration(-ticks) if ticks > 0 else self.duration(ticks)


class Guest:
    """Reads a machine that runs ``plan``. Everything that it gives is a copy of the moment."""

    def __init__(self, plan: Plan, memory: Memory) -> None:
        """Look at ``memory``; nothing is read yet."""
        self.plan = plan
        self._memory = memory

    @property
    def facts(self) -> MachineFacts:
        """What the boot has found of the machine; zeros until then."""
        return self.at(MachineFacts, self.plan.boot_machine)

    @property
    def clock(self) -> Clock:
        """The machine's clock."""
        facts = self.facts
        return Clock(int(facts.start_tsc), int(facts.tsc_frequency))

    def read(self, address: int, length: int) -> bytes:
        """The bytes at a physical address."""
        return self._memory.read(address, length)

    def at(self, struct: type[S], address: int) -> S:
        """The struct at a physical address."""
        return struct.view(self.read(address, sizeof(struct)))

    def of(self, sandbox: SandboxPlan, struct: type[S], address: int) -> S:
        """The struct at an address of a sandbox's kernel, or of one of its processes."""
        return self.at(struct, sandbox.physical(address))

    def word(self, sandbox: SandboxPlan, address: int) -> int | None:
        """The 8 bytes at an address of a sandbox's kernel, or of one of its processes.

        None if there is no memory.
        """
        for window in sandbox.windows:
            offset = address - window.address
            if 0 <= offset <= window.size - _WORD and not window.device:
                return int.from_bytes(self.read(window.physical + offset, _WORD), "little")
        return None
