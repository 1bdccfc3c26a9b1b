"""The machines that ``questv run`` has started and that run now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from questv.cli.output import ExitCode, Output, UserError
from questv.cli.start import ASKED
from questv.inspect.model import Found
from questv.machine import MachineError, RunningMachine, running
from questv.system.wording import suggest
from questv.view.terminal import table, unbroken


class MachineEntry(Found):
    """A machine that runs on this host; ``pid`` is that of the process that runs it."""

    name: str
    pid: int
    started: datetime


def find_machine(what: str | None, output: Output) -> RunningMachine:
    """The machine that ``what`` names, by its name or process, or the only one that runs.

    Raises UserError if there is none, and typer.Exit if there are several, which are then shown.
    """
    machines = _find(what)
    if len(machines) == 1:
        return machines[0]
    entries = [machine_entry(machine) for machine in machines]
    output.result([entry.model_dump(mode="json") for entry in entries], _list(entries))
    raise typer.Exit(ExitCode.BAD_INPUT)


def machine_entry(machine: RunningMachine) -> MachineEntry:
    """What names a machine."""
    return MachineEntry(name=machine.name, pid=machine.pid, started=machine.started)


def _find(what: str | None) -> Sequence[RunningMachine]:
    """The machines that ``what`` names, at least one; raises UserError."""
    machines = [machine for machine in running() if _is_inspectable(machine)]
    if what is None:
        if not machines:
            raise UserError("no machine runs", "start one: questv run SYSTEM")
        return machines
    found = [machine for machine in machines if what in (machine.name, str(machine.pid))]
    if not found:
        known = [name for machine in machines for name in (machine.name, str(machine.pid))]
        raise UserError(
            f"no machine '{what}' runs", suggest(what, known, "start one: questv run SYSTEM")
        )
    return found


def _is_inspectable(machine: RunningMachine) -> bool:
    """Whether ``questv run`` has started it, and it is still there."""
    try:
        return bool(machine.published(ASKED))
    except MachineError:
        return False


def _list(entries: Sequence[MachineEntry]) -> RenderableType:
    made = table("name", "process", "started", numbers=("process",))
    for entry in entries:
        made.add_row(entry.name, str(entry.pid), f"{entry.started.astimezone():%Y-%m-%d %H:%M:%S}")
    return Group(unbroken(made), "", Text("several machines run; name one by its process"))
