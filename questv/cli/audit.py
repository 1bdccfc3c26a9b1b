"""``questv audit``."""

from __future__ import annotations

from pathlib import Path

import typer

from questv.audit.auditor import Subject, audit_image, audit_machine
from questv.audit.model import Audit
from questv.cli.machines import find_machine
from questv.cli.output import ExitCode, Output, UserError, command
from questv.cli.target import load_target
from questv.machine import RunningMachine
from questv.plan.image import Image, image_hash
from questv.view.audit import audit_view


def audit(what: str | None, *, live: bool, json: bool) -> None:
    """Audit an image, a system that is built first, or with ``live`` a running machine.

    Exit code 1 if anything is not as declared.
    """
    with command(json=json) as output:
        found = _audit_machine(find_machine(what, output)) if live else _audit_image(what, output)
        output.result(found, audit_view(found))
        if found.verdict != "proven":
            raise typer.Exit(ExitCode.FAILED)


def _audit_image(what: str | None, output: Output) -> Audit:
    if what is None:
        raise UserError(
            "nothing is named that could be audited",
            "name a system or an image, or add --live for the machine that runs",
        )
    target = load_target(Path(what), output, checks=False)
    programs = {name: program.elf for name, program in target.programs.items()}
    subject = Subject(target.plan.name, target.hash, target.system, target.plan, programs)
    return audit_image(subject, target.image)


def _audit_machine(machine: RunningMachine) -> Audit:
    image = Image.read(machine.image)
    programs = {name: program.elf for name, program in image.programs.items()}
    digest = image_hash(machine.image.read_bytes())
    subject = Subject(machine.name, digest, image.system, image.plan, programs)
    with machine.memory() as memory:
        return audit_machine(subject, memory)
