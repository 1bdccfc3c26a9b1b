"""Reads the lines that a kernel writes, while it writes them."""

from __future__ import annotations

from questv.inspect.guest import Clock, Guest
from questv.inspect.model import ConsoleReport, Line
from questv.kernel.console import SLOTS, Console, Slot
from questv.metal.lang import ACQUIRE
from questv.plan.model import SandboxPlan
from questv.text import LINE


def lines_since(guest: Guest, sandbox: SandboxPlan, since: int) -> ConsoleReport:
    """The lines after number ``since``, and how many of them are lost.

    A kernel that was started again has begun to count anew: then all its lines are new.
    """
    address = sandbox.physical(sandbox.console)
    written = _written(guest, address)
    if written < since:
        since = 0
    if written == since:
        return ConsoleReport(sandbox=sandbox.name, written=written, lost=0, lines=())
    # A line that is counted as written is in its slot. If the slot still has the line's number
    # after it was copied, nobody has written to it in between.
    console, after = guest.at(Console, address), guest.at(Console, address)
    clock = guest.clock
    lines = []
    for number in range(max(since, written - SLOTS) + 1, written + 1):
        index = (number - 1) % SLOTS
        if _number(console.slots[index]) == _number(after.slots[index]) == number:
            lines.append(_line(sandbox, number, console.slots[index], clock))
    lost = written - since - len(lines)
    return ConsoleReport(sandbox=sandbox.name, written=written, lost=lost, lines=tuple(lines))


def _written(guest: Guest, console: int) -> int:
    """The number of the newest line; ``written`` is the first field of the console."""
    return int.from_bytes(guest.read(console, 8), "little")


def _number(slot: Slot) -> int:
    return int(slot.number.load(ACQUIRE))


def _line(sandbox: SandboxPlan, number: int, slot: Slot, clock: Clock) -> Line:
    task = int(slot.task)
    text = bytes(slot.text)[: min(int(slot.length), LINE)]
    return Line(
        number=number,
        sandbox=sandbox.name,
        task=sandbox.tasks[task].name if task < len(sandbox.tasks) else None,
        time=clock.nanoseconds(int(slot.time)),
        text=text.decode(errors="replace"),
    )
