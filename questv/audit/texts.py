"""Whether memory holds the programs of the image, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from questv.audit.binaries import Binary, Section
from questv.audit.declared import Declared
from questv.audit.model import Violation
from questv.audit.sources import Memory, NoMemoryError


@dataclass(frozen=True)
class Copy:
    """A section of a program, and where somebody has a copy of it: ``contents``, in whole pages
    but for the boot, behind whose sections nothing is loaded.
    """

    who: str
    name: str
    contents: bytes
    physical: int


def copies(declared: Declared, boot: Binary, *, with_data: bool) -> list[Copy]:
    """Everybody's own copy of their program: what is never written and, before it runs, the rest.

    Foreign kernels may write all of theirs, and whatever they do with it is their own business.

    Of the boot's data nothing: its plan is part of it, and nobody sees it after the boot.
    """
    found = [
        Copy("boot", section.name, section.contents, section.address)
        for section in boot.sections
        if "w" not in section.rights
    ]
    for sandbox in declared.plan.sandboxes:
        of = [(f"monitor of {sandbox.name}", declared.monitor_program, sandbox.monitor_windows)]
        if not declared.is_foreign(sandbox.name):
            kernel = declared.kernel_programs[sandbox.name]
            of.append((f"kernel of {sandbox.name}", kernel, sandbox.kernel_windows))
        for process in sandbox.processes:
            task = sandbox.tasks[process.task].name
            program = declared.process_programs[process.program]
            of.append((f"process {task} of {sandbox.name}", program, process.windows))
        for who, program, windows in of:
            places = {window.address: window.physical for window in windows}
            found += [
                Copy(who, section.name, _in_pages(section), places[section.address])
                for section in program.sections
                if section.address in places and (with_data or "w" not in section.rights)
            ]
    return found


def check_copies(memory: Memory, found: Sequence[Copy]) -> Iterator[Violation]:
    """Each section that is not the program's, with the first byte that differs."""
    for copy in found:
        wanted, name = copy.contents, copy.name
        try:
            there = memory.read(copy.physical, len(wanted))
        except NoMemoryError as error:
            yield Violation(copy.who, f"{name} of the {copy.who}: {error}", "", copy.physical)
            continue
        if there != wanted:
            at = next(index for index, byte in enumerate(there) if byte != wanted[index])
            yield Violation(
                copy.who,
                f"{name} of the {copy.who} has {there[at]:#04x} at {copy.physical + at:#x}",
                f"{wanted[at]:#04x}, as in the program",
                copy.physical + at,
            )


def _in_pages(section: Section) -> bytes:
    return section.contents.ljust(section.size, b"\0")
