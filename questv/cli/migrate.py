"""``questv migrate``."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.text import Text

from questv.cli.machines import find_machine
from questv.cli.output import Output, UserError, command
from questv.inspect.guest import Guest
from questv.inspect.model import Found
from questv.inspect.moves import (
    MovingTask,
    is_there,
    mover,
    moving_tasks,
    place_of,
    request,
    request_address,
)
from questv.machine.memory import GuestMemory
from questv.plan.image import Image
from questv.system.units import format_duration
from questv.system.wording import suggest

PATIENCE = 5.0
"""Seconds after which a request is withdrawn that no kernel could meet."""

_LOOK = 0.002


class Migration(Found):
    """A task that was moved; ``away`` is for how many nanoseconds no kernel had it."""

    machine: str
    task: str
    origin: str
    to: str
    away: int


def migrate(machine: str, task: str, sandbox: str, *, json: bool) -> None:
    """Move a task of a running machine to a sandbox."""
    with command(json=json) as output:
        moved = _migrate(machine, task, sandbox, output)
        where = f"{moved.task} has moved from {moved.origin} to {moved.to}"
        output.result(moved, Text(f"{where}, and was away for {format_duration(moved.away)}"))


def _migrate(machine: str, name: str, sandbox: str, output: Output) -> Migration:
    found = find_machine(machine, output)
    plan = Image.read(found.image).plan
    task = _choose(moving_tasks(plan), name)
    if sandbox not in task.places:
        raise UserError(
            f'task "{task.full_name}" can\'t be in sandbox "{sandbox}"',
            suggest(sandbox, task.places, "name one that its migrates_to names, or its own"),
        )
    with found.memory(writable=True) as memory:
        guest = Guest(plan, memory)
        origin = place_of(guest, task)
        if origin is None:
            raise UserError(f'task "{task.full_name}" has ended', "move it while it runs")
        if origin == sandbox:
            raise UserError(
                f'task "{task.full_name}" is in sandbox "{sandbox}"', "name another one"
            )
        _move(guest, memory, task, origin, sandbox)
        left, came = mover(guest, task, origin).counters, mover(guest, task, sandbox).counters
        away = guest.clock.duration(max(0, int(came.taken) - int(left.stopped)))
    return Migration(machine=found.name, task=task.full_name, origin=origin, to=sandbox, away=away)


def _choose(tasks: Sequence[MovingTask], name: str) -> MovingTask:
    found = [task for task in tasks if name in (task.name, task.full_name)]
    known = [task.full_name for task in tasks]
    if not found:
        raise UserError(
            f'no task "{name}" can move',
            suggest(name, [*known, *(task.name for task in tasks)], "give it migrates_to"),
        )
    if len(found) > 1:
        names = " or ".join(task.full_name for task in found)
        raise UserError(f'there are several tasks "{name}"', f"write {names}")
    return found[0]


def _move(guest: Guest, memory: GuestMemory, task: MovingTask, origin: str, sandbox: str) -> None:
    """Ask for the task to be moved until it is there; raises UserError if it does not come.

    One request is not enough: a kernel on a busy host may take longer to answer than an offer
    stands, and a request ends with its offer.
    """
    place = request_address(guest.plan, task, origin)
    until = time.monotonic() + PATIENCE
    try:
        while not is_there(guest, task, sandbox):
            if time.monotonic() > until:
                raise UserError(
                    f'task "{task.full_name}" did not move within {PATIENCE:g} s, and the request '
                    "was withdrawn",
                    f'see with \'questv inspect\' whether "{origin}" and "{sandbox}" run; a move '
                    "waits as long as the task could miss a deadline",
                )
            memory.write(place, request(task, sandbox))
            time.sleep(_LOOK)
    finally:
        memory.write(place, request(task, None))
