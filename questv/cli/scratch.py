"""A folder for the files of one run, gone with it however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from questv.machine.interrupts import uninterrupted
from questv.machine.runfiles import RunDirectory


@contextmanager
def scratch_folder(name: str, room: int) -> Iterator[Path]:
    """A private folder with space for ``room`` bytes; ``name`` is for people.

    If this process is killed, the next run removes it. Raises MachineError if there is no space.
    """
    with ExitStack() as stack:
        with uninterrupted():
            directory = RunDirectory.make(name, room)
            stack.callback(_remove, directory)
        yield directory.path


def _remove(directory: RunDirectory) -> None:
    with uninterrupted():
        directory.remove()
