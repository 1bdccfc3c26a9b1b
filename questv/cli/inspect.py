"""``questv inspect``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import typer
from pydantic import ValidationError
from rich.console import Group, RenderableType
from rich.text import Text

from questv.cli.output import ExitCode, Output, UserError, command
from questv.cli.start import ASKED
from questv.inspect.inspector import Inspector
from questv.inspect.model import AskedMachine, ConsoleReport, Found, Snapshot
from questv.inspect.report import read_report
from questv.machine import MachineError, RunningMachine, running
from questv.plan.image import Image
from questv.system.wording import suggest
from questv.view.run import report_view
from questv.view.snapshot import inspection_view
from questv.view.terminal import table, unbroken


class MachineEntry(Found):
    """A machine that runs on this host; ``pid`` is that of the process that runs it."""

    name: str
    pid: int
    started: datetime


class Inspection(Snapshot):
    """A running machine at one moment, with what is left of its consoles' lines."""

    running: MachineEntry
    console: tuple[ConsoleReport, ...]


def inspect(what: str | None, *, json: bool) -> None:
    """Show a running machine by its name or process, or an ended one from its report."""
    with command(json=json) as output:
        if what is not None and _is_report(what):
            report = read_report(Path(what))
            output.result(report, report_view(report))
            return
        machines = _find(what)
        if len(machines) == 1:
            _show(machines[0], output)
        else:
            entries = [_entry(machine) for machine in machines]
            output.result([entry.model_dump(mode="json") for entry in entries], _list(entries))
            raise typer.Exit(ExitCode.BAD_INPUT)  # it is not known which one was meant


def _is_report(what: str) -> bool:
    return what.endswith(".json") or Path(what).is_file()


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


def _entry(machine: RunningMachine) -> MachineEntry:
    return MachineEntry(name=machine.name, pid=machine.pid, started=machine.started)


def _list(entries: Sequence[MachineEntry]) -> RenderableType:
    made = table("name", "process", "started", numbers=("process",))
    for entry in entries:
        made.add_row(entry.name, str(entry.pid), f"{entry.started.astimezone():%Y-%m-%d %H:%M:%S}")
    return Group(unbroken(made), "", Text("several machines run; name one by its process"))


def _show(machine: RunningMachine, output: Output) -> None:
    image = Image.read(machine.image)
    try:
        asked = AskedMachine.model_validate_json(machine.published(ASKED))
    except ValidationError as error:
        raise UserError(
            f"the machine {machine.name} was started by another version of Quest-V",
            "inspect it with that one",
        ) from error
    with machine.memory() as memory:
        inspector = Inspector(image.plan, image.programs, memory)
        inspection = Inspection(
            **dict(inspector.snapshot(asked)),
            running=_entry(machine),
            console=tuple(inspector.console(sandbox.name) for sandbox in image.plan.sandboxes),
        )
    title = Text.assemble((machine.name, "bold"), f", process {machine.pid}")
    output.result(inspection, Group(title, inspection_view(inspection, inspection.console)))
