"""What processes pay for their isolation: calling the kernel, and changing places."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.machines import SYSTEMS, samples
from benchmarks.statistics import Result, summarize
from questv.plan.build import build

_WARM_UP = 10
_LINUX = 387  # instructions of a system call on the same emulated machine


def processes() -> Iterator[Result]:
    """A system call, and from a process to another and back: interrupt, two switches, a sleep."""
    system = build(SYSTEMS / "process")
    program = system.processes["process-first.main"]
    for name, symbol, goal in (
        ("system call of a process", "samples", _LINUX),
        ("timer interrupt to another process and back", "gaps", None),
    ):
        measured = samples(system, "first", program, symbol)[_WARM_UP:]
        yield summarize(name, "instructions", "instructions", measured, goal)
