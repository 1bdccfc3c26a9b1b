"""``questv inspect``."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from rich.console import Group
from rich.text import Text

from questv.cli.machines import MachineEntry, find_machine, machine_entry
from questv.cli.output import Output, UserError, command
from questv.cli.start import ASKED
from questv.inspect.inspector import Inspector
from questv.inspect.model import AskedMachine, ConsoleReport, Snapshot
from questv.inspect.report import read_report
from questv.machine import RunningMachine
from questv.plan.image import Image
from questv.view.run import report_view
from questv.view.snapshot import inspection_view


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
        _show(find_machine(what, output), output)


def _is_report(what: str) -> bool:
    return what.endswith(".json") or Path(what).is_file()


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
            running=machine_entry(machine),
            console=tuple(inspector.console(sandbox.name) for sandbox in image.plan.sandboxes),
        )
    title = Text.assemble((machine.name, "bold"), f", process {machine.pid}")
    output.result(inspection, Group(title, inspection_view(inspection, inspection.console)))
