"""What of a sandbox can be hit: its memory by region, and its code."""

from __future__ import annotations

from dataclasses import dataclass

from questv.machine import GuestMemory
from questv.plan.model import Owner, Plan, SandboxPlan

LINE = 64
"""Bytes of memory that are used or not as one, as in a processor's cache."""


@dataclass(frozen=True)
class Target:
    """A stretch of physical memory of one of a sandbox's regions.

    ``region`` is what reports call it: text, constants, data, stacks, channels or page tables.
    """

    region: str
    start: int
    size: int

    def holds(self, address: int) -> bool:
        """Whether it has the byte at ``address``."""
        return self.start <= address < self.start + self.size


@dataclass(frozen=True)
class CodeStretch:
    """Code by the addresses at which it is executed; ``ring0``: the kernel's, not a process's."""

    start: int
    size: int
    physical: int
    ring0: bool


def targets(plan: Plan, sandbox: SandboxPlan) -> tuple[Target, ...]:
    """The memory of a sandbox that faults can hit: what it uses of its own, and what it sends."""
    own = next(
        region
        for region in plan.regions
        if region.owner is Owner.SANDBOX and region.of == sandbox.name
    )
    found = {}
    for window in sandbox.windows:
        inside = own.start <= window.physical < own.end
        if window.size > 0 and (inside or window.name.endswith("(own side)")):
            found[window.physical] = Target(_region(window.name), window.physical, window.size)
    end = own.start + sandbox.memory_used
    found[sandbox.kernel_tables] = Target(
        "page tables", sandbox.kernel_tables, end - sandbox.kernel_tables
    )
    return tuple(found[start] for start in sorted(found))


def region_at(targets: tuple[Target, ...], address: int) -> str | None:
    """The region that holds a physical address; None if it is not the sandbox's to be hit."""
    return next((target.region for target in targets if target.holds(address)), None)


def used_lines(memory: GuestMemory, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """The lines of memory in ``targets`` that hold something, as far as all else is zero."""
    found = []
    for target in targets:
        for start, length in memory.held(target.start, target.size):
            data = memory.read(start, length)
            for at in range(0, length, LINE):
                line = data[at : at + LINE]
                if line.count(0) != len(line):
                    found.append(Target(target.region, start + at, len(line)))
    return tuple(found)


def _region(window: str) -> str:
    match window.partition(" ")[0]:
        case "text":
            return "text"
        case "rodata" | "info":
            return "constants"
        case "stack":
            return "stacks"
        case _:
            return "channels" if window.endswith("(own side)") else "data"


def code_of(sandbox: SandboxPlan) -> tuple[CodeStretch, ...]:
    """The code of a sandbox's kernel and of its processes."""
    return tuple(
        CodeStretch(
            window.address, window.size, window.physical, ring0=window in sandbox.kernel_windows
        )
        for window in sandbox.windows
        if "x" in window.rights
    )
