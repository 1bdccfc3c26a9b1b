"""Moves of tasks, by phase: in instructions of the core that does it, and how long a task is away.

A phase lies between two instructions of one core's, whose own instructions alone count. *Turns* are
all that the task that moves others does from when the core is handed to it until it waits again:
its budget pays for them. How long a task is away is a time of the clock that both cores share.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machines import SYSTEMS, ended
from benchmarks.statistics import Result, summarize
from questv.counter import InstructionCounter, Mark
from questv.kernel.processes import Process
from questv.metal.structs import sizeof
from questv.plan.build import BuiltSystem, build
from questv.plan.model import SandboxPlan

_TIME = 160_000_000  # nanoseconds of a run
_HEAD = 'version = 1\nname = "migration"\n[machine]\nmemory = "32 MiB"\n'
_SANDBOX = """
[[sandbox]]
name = "{name}"
memory = "1 MiB"
apic = "direct"
[sandbox.migration]
period = "500 us"
budget = "80 us"
[[sandbox.task]]
name = "drive"
run = "drivers:drive"
bind = {{ place = {other} }}
"""
_ROAM = """
[[sandbox.task]]
name = "roam{number}"
run = "tasks:roam"
isolation = "process"
migrates_to = ["two"]
bind = {{ first = {number} }}
"""
_MARKS = {
    "turn": "tasks._dispatch",
    "wait": "tasks._block_with_care",
    "look": "migration._look_after",
    "consider": "migration._consider",
    "send": "migration._send",
    "receive": "migration._receive",
    "unpack": "migration._unpack",
    "sleep": "doorbells._block_until",
    "divert": "ring3.divert",
    "again": "ring3.enter_again",
}
_STOP = "kernel_process_stop"


@dataclass
class Moves:
    """What was seen, in instructions; ``away`` is in nanoseconds of the shared clock."""

    stop: list[int] = field(default_factory=list)
    own_stop: list[int] = field(default_factory=list)
    offer: list[int] = field(default_factory=list)
    take: list[int] = field(default_factory=list)
    unpack: list[int] = field(default_factory=list)
    send_turn: list[int] = field(default_factory=list)
    receive_turn: list[int] = field(default_factory=list)
    ask_turn: list[int] = field(default_factory=list)
    idle_turn: list[int] = field(default_factory=list)
    away: list[int] = field(default_factory=list)

    @property
    def whole(self) -> int:
        """What a move to a kernel and away again takes of the budget there, at most.

        The task comes; somebody asks for it, and it stops; it is offered; and the answer comes.
        """
        turns = (self.receive_turn, self.ask_turn, self.send_turn, self.idle_turn)
        return sum(max(turn) for turn in turns)


def migration() -> Iterator[Result]:
    """Moves of one task, at times in the middle of its calls, at others between two of them."""
    found = moves(1)
    for name, samples in (
        ("move: a request is seen, until the task has stopped between two calls", found.stop),
        ("move: the task stops itself in the middle of a call", found.own_stop),
        (
            "move: the task has stopped, until it is offered and the other kernel is rung",
            found.offer,
        ),
        ("move: the offer is seen, until it is copied, checked and taken", found.take),
        ("move: it is taken, until the task can go on", found.unpack),
        ("move: turn of the sender, which offers the task", found.send_turn),
        ("move: turn of the sender, which asks a task to stop in its call", found.ask_turn),
        ("move: turn of the receiver, which takes the task", found.receive_turn),
        ("move: turn in which there is nothing to do", found.idle_turn),
    ):
        yield summarize(name, "instructions", "instructions of the core", samples)
    yield summarize("move: to a kernel and away, all turns", "instructions", "", [found.whole])
    yield summarize(
        "move: longest that the task was away", "instructions", "ns of the shared clock", found.away
    )


def moves(tasks: int, time: int = _TIME) -> Moves:
    """What moves take while so many tasks move between two kernels."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "system.toml").write_text(_description(tasks))
        for module in ("tasks.py", "drivers.py"):
            (folder / module).write_bytes((SYSTEMS / "migration" / module).read_bytes())
        system = build(folder)
    plans = system.plan.sandboxes
    marks = {plan.name: _marks(system, plan) for plan in plans}
    found = Moves()
    with InstructionCounter([mark for each in marks.values() for mark in each.values()]) as counter:
        with ended(system, f"for={time}", counter.arguments) as machine:
            for plan in plans:
                for process in plan.processes:
                    place = plan.physical(process.object)
                    record = Process.view(machine.memory.read(place, sizeof(Process)))
                    found.away.append(int(record.mover.counters.longest))
        for plan in plans:
            own = marks[plan.name]
            passages = {name: counter.passages(mark) for name, mark in own.items()}
            _add(found, passages)
    return found


def _marks(system: BuiltSystem, plan: SandboxPlan) -> dict[str, Mark]:
    symbols = system.kernels[plan.name].symbols
    names = {name: f"questv.kernel.{symbol}" for name, symbol in _MARKS.items()} | {"stop": _STOP}
    return {name: Mark(plan.core, symbols.address(symbol)) for name, symbol in names.items()}


def _add(found: Moves, at: dict[str, list[int]]) -> None:
    """Add what one core has done, of which ``at`` has its count at each passage of the marks."""

    def after(mark: str, count: int) -> int | None:
        index = bisect_right(at[mark], count)
        return at[mark][index] if index < len(at[mark]) else None

    def between(start: str, end: str, most: int = 4_000) -> Iterator[int]:
        for count in at[start]:
            reached = after(end, count)
            if reached is not None and reached - count <= most:
                yield reached - count

    found.offer += between("send", "sleep")
    found.take += between("receive", "unpack")
    found.unpack += between("unpack", "sleep")
    found.own_stop += between("stop", "wait")
    for begin, end in _turns(at):

        def has(mark: str, begin: int = begin, end: int = end) -> bool:
            return bisect_left(at[mark], begin) < bisect_left(at[mark], end)

        kinds = {"send": found.send_turn, "receive": found.receive_turn, "divert": found.ask_turn}
        kind = next((turns for mark, turns in kinds.items() if has(mark)), found.idle_turn)
        kind.append(end - begin)
        if has("send") and has("consider"):
            consider = at["consider"][bisect_left(at["consider"], begin)]
            send = after("send", consider)
            assert send is not None
            found.stop.append(send - consider)


def _turns(at: dict[str, list[int]]) -> Iterator[tuple[int, int]]:
    """From when the core was handed to the task that moves others until it waits.

    Where it had the core before, and nobody since, a turn begins with its first look.
    """
    waited = 0
    for end in at["wait"]:
        look = bisect_left(at["look"], waited)
        if look < bisect_left(at["look"], end):
            last = bisect_left(at["turn"], end) - 1
            handed = at["turn"][last] if last >= 0 else 0
            first = at["look"][look]
            if handed <= first:  # else it was interrupted
                yield (handed if handed > waited else first), end
        waited = end


def _description(tasks: int) -> str:
    roaming = "".join(_ROAM.format(number=number) for number in range(tasks))
    one, two = _SANDBOX.format(name="one", other=1), _SANDBOX.format(name="two", other=0)
    return _HEAD + one + roaming + two
