"""What a restart takes, by its phases, for each kind of fault: in instructions of the core alone.

A phase lies between two instructions of the core that is repaired, of which its own alone count. A
hang is found by another core; how long that takes is a time of the clock that both share.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machines import SYSTEMS, ended
from benchmarks.statistics import Result, summarize
from questv.counter import InstructionCounter, Mark
from questv.inspect.crash import kept_records
from questv.monitor.interface import PublicPage
from questv.plan.build import build

FAULTS = {
    "panic": 0,
    "page fault": 1,
    "forbidden instruction": 2,
    "denied MSR": 3,
    "denied port": 4,
    "bad hypercall": 5,
    "shutdown": 6,
    "hang": 7,
}
RESTARTS = 12
_DEADLINE = 300_000
_TIME = 40_000_000  # nanoseconds of a run, until it has been stopped for good
_GOAL = 50_000

_SYSTEM = """
version = 1
name = "recovery"
[machine]
memory = "16 MiB"
[run]
until = ["other"]
[[sandbox]]
name = "victim"
memory = "512 KiB"
[sandbox.recovery]
on_fault = "restart"
limit = {restarts}
window = "10 s"
back_off = "1 ns"
[sandbox.heartbeat]
period = "100 us"
deadline = "{deadline} ns"
[[sandbox.task]]
name = "live"
run = "tasks:live"
priority = 1
bind = {{ fault = {fault} }}
[[sandbox]]
name = "other"
memory = "512 KiB"
[sandbox.heartbeat]
period = "100 us"
watches = ["victim"]
[[sandbox.task]]
name = "last"
run = "tasks:last"
priority = 1
bind = {{ nanoseconds = {time} }}
"""

PHASES = {
    "found": ("recovery_fail", "questv.monitor.evidence.begin"),
    "decided": ("questv.monitor.evidence.begin", "questv.monitor.restore.memory"),
    "restored": ("questv.monitor.restore.memory", "questv.monitor.restore.core"),
    "core reset": ("questv.monitor.restore.core", "kernel_entry"),
    "first task": ("kernel_entry", "tasks.live"),
    "all of it": ("recovery_fail", "tasks.live"),
}
"""Each phase with where it begins and where it ends: a task's function, or a monitor's."""


@dataclass(frozen=True)
class Restarts:
    """The restarts after one kind of fault: instructions by phase, and nanoseconds until a hang
    was found."""

    phases: dict[str, list[int]]
    silence: list[int]


def recovery() -> Iterator[Result]:
    """All kinds of faults, each again and again."""
    for name in FAULTS:
        found = restarts(name)
        for phase, samples in found.phases.items():
            if name == "hang" and phase in ("found", "all of it"):
                continue  # it waits for somebody to look
            goal = _GOAL if phase == "all of it" else None
            title = f"restart after a {name}: {phase}"
            yield summarize(title, "instructions", "instructions of the core", samples, goal)
        if name == "hang":
            title = "a hang with interrupts off: found after the last sign of life, in deadlines"
            silence = [nanoseconds / _DEADLINE for nanoseconds in found.silence]
            yield summarize(title, "ratio", "deadlines", silence, 1.5)


def restarts(fault: str, count: int = RESTARTS) -> Restarts:
    """What ``count`` restarts take after a fault."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = {"restarts": count, "deadline": _DEADLINE, "fault": FAULTS[fault], "time": _TIME}
        (folder / "system.toml").write_text(_SYSTEM.format(**words))
        (folder / "tasks.py").write_bytes((SYSTEMS / "recovery" / "tasks.py").read_bytes())
        system = build(folder)
    victim = system.plan.sandbox("victim")
    monitor, kernel = system.monitor.symbols, system.kernels["victim"].symbols
    marks = {
        name: Mark(victim.core, (monitor if "monitor" in name else kernel).address(name))
        for names in PHASES.values()
        for name in names
    }
    with InstructionCounter(list(marks.values())) as counter:
        with ended(system, "", counter.arguments, faults=True) as machine:
            page = PublicPage.view(machine.memory.read(victim.public, 4096))
            assert int(page.incarnation) == count, page
            silence = [int(record.address) for _, record in kept_records(page)]
        passages = {name: counter.passages(mark) for name, mark in marks.items()}
    phases = {
        phase: list(_between(passages[start], passages[end]))
        for phase, (start, end) in PHASES.items()
    }
    return Restarts(phases, silence)


def _between(starts: list[int], ends: list[int]) -> Iterator[int]:
    """From each start to the first end after it, if there is one before the next start."""
    for start, following in zip(starts, [*starts[1:], 1 << 63], strict=True):
        end = next((count for count in ends if count > start), None)
        if end is not None and end <= following:
            yield end - start
