"""From an interrupt to the task that it wakes, in instructions of the core on which that happens.

The interrupt's first instruction, its stub's, begins the interval; the first one of the task after
the call in which it waited ends it. What other cores execute meanwhile does not count.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.machines import SYSTEMS, ended
from benchmarks.statistics import Result, summarize
from questv.counter import InstructionCounter, Mark
from questv.kernel.stubs import STUB_SIZE, TIMER_VECTOR
from questv.metal.structs import sizeof
from questv.monitor.interface import PublicPage
from questv.plan.build import BuiltSystem, build

GOAL, WORST = 150, 2
"""Of the median, and of the worst over the median."""

_TIME, _WARM_UP = 60_000_000, 10  # nanoseconds of a run, events
_MEASURED, _FAILING = "measured", "failing"
_BETWEEN_FAULTS = 250_000  # nanoseconds, at least
_RESTART = """\
[sandbox.recovery]
on_fault = "restart"
limit = 1
window = "200 us"
back_off = "1 ns"
"""
_HEAD = 'version = 1\nname = "latency"\n[machine]\nmemory = "16 MiB"\n'
_CHANNEL = """\
[[channel]]
name = "numbers"
kind = "ring"
from = "sender"
to = "measured"
size = "4 KiB"
"""


@dataclass(frozen=True)
class Load:
    """What there is besides: ``neighbours`` that are always busy, a busy task ``below`` that which
    is measured, and a kernel that is ``failing`` again and again and is restarted each time."""

    neighbours: int = 0
    below: bool = False
    failing: bool = False


_LOADS = {
    "alone": Load(),
    "beside 3 busy kernels": Load(neighbours=3),
    "beside a kernel that fails again and again": Load(failing=True),
    "above a busy task": Load(below=True),
    "above a busy task, beside 3 busy kernels": Load(neighbours=3, below=True),
}


def latencies() -> Iterator[Result]:
    """Of the timer and of doorbells, alone and under load."""
    for event, (words, load) in product(("timer", "doorbell"), _LOADS.items()):
        found = latency(event, load)[_WARM_UP:]
        name = f"{event} to task, {words}"
        result = summarize(name, "instructions", "instructions of the core", found, GOAL)
        yield result
        worst = [result.maximum / result.median]
        yield summarize(f"{name}, worst over median", "ratio", "", worst, WORST)


def latency(event: str, load: Load, time: int = _TIME) -> list[int]:
    """For each ``timer`` or ``doorbell`` event within ``time``, how many instructions it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "system.toml").write_text(_description(event, load))
        (folder / "tasks.py").write_bytes((SYSTEMS / "latency" / "tasks.py").read_bytes())
        system = build(folder)
    start, end = _marks(system, event)
    with InstructionCounter([start, end]) as counter:
        with ended(system, f"for={time}", counter.arguments, faults=load.failing) as machine:
            if load.failing:
                place = system.plan.sandbox(_FAILING).public
                page = PublicPage.view(machine.memory.read(place, sizeof(PublicPage)))
                assert int(page.incarnation) > time // _BETWEEN_FAULTS // 2, "it fails too seldom"
        return counter.intervals(start, end)


def _marks(system: BuiltSystem, event: str) -> tuple[Mark, Mark]:
    plan, symbols = system.plan.sandbox(_MEASURED), system.kernels[_MEASURED].symbols
    vector = TIMER_VECTOR if event == "timer" else plan.ends[0].bell_vector
    stub = symbols.address("kernel_interrupt_stubs") + vector * STUB_SIZE
    return Mark(plan.core, stub), Mark(plan.core, symbols.address(f"{event}_task"))


def _description(event: str, load: Load) -> str:
    """The system, whose tasks never end."""
    tasks = ["ticks" if event == "timer" else "messages", *(["work"] if load.below else [])]
    parts = [_HEAD, _sandbox(_MEASURED, *tasks)]
    parts += [_sandbox("sender", "send"), _CHANNEL] if event == "doorbell" else []
    parts += [_sandbox(f"busy-{number}", "work") for number in range(load.neighbours)]
    parts += [_sandbox(_FAILING, "fail", keys=_RESTART)] if load.failing else []
    return "\n".join(parts)


def _sandbox(name: str, *tasks: str, keys: str = "") -> str:
    """The most urgent task first."""
    text = f'[[sandbox]]\nname = "{name}"\nmemory = "512 KiB"\n{keys}'
    for priority, task in zip(range(len(tasks), 0, -1), tasks, strict=True):
        words = f'name = "{task}"\nrun = "tasks:{task}"\npriority = {priority}\n'
        text += f"[[sandbox.task]]\n{words}"
    return text
