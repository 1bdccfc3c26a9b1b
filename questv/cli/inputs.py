"""Files of the host for the inputs of a system."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from questv.arch.x86.paging import PAGE_SIZE
from questv.cli.output import UserError
from questv.kernel.info import INPUT_MAGIC, InputHeader
from questv.plan.model import InputPlan, Plan
from questv.system.wording import suggest


@dataclass(frozen=True)
class BoundInput:
    """A file of ``size`` bytes for an input."""

    plan: InputPlan
    file: Path
    size: int

    def contents(self, folder: Path) -> list[tuple[int, Path]]:
        """What has to be in memory before the boot, by address: a header, and the file's bytes.

        The header becomes a file in ``folder``.
        """
        header = folder / f"input-{self.plan.name}"
        header.write_bytes(bytes(InputHeader(magic=INPUT_MAGIC, length=self.size)))
        contents = [(self.plan.physical, header)]
        if self.size:
            contents.append((self.plan.physical + PAGE_SIZE, self.file))
        return contents


def bind_inputs(plan: Plan, bindings: Sequence[str]) -> tuple[BoundInput, ...]:
    """The inputs that ``bindings``, each ``NAME=FILE``, give files; raises UserError."""
    known = {each.name: each for sandbox in plan.sandboxes for each in sandbox.inputs}
    bound: dict[str, BoundInput] = {}
    for binding in bindings:
        name, separator, file = binding.partition("=")
        if not separator or not file:
            raise UserError(f"'{binding}' gives no input a file", "write --input NAME=FILE")
        if name not in known:
            raise UserError(
                f"{plan.name} has no input '{name}'",
                suggest(name, known, "leave it out: this system has no inputs"),
            )
        if name in bound:
            raise UserError(
                f"input '{name}' is given two files: {bound[name].file} and {file}",
                "give it one of them",
            )
        bound[name] = _bind(known[name], Path(file))
    return tuple(bound.values())


def _bind(plan: InputPlan, file: Path) -> BoundInput:
    what = f"input '{plan.name}' can't be {file}"
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UserError(f"{what}: it is a directory", "name a file")
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{what}: it is not a regular file", "save it to a file first")
        with file.open("rb") as opened:
            opened.seek(max(0, status.st_size - 1))
            ends_there = len(opened.read(2)) == min(1, status.st_size)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{what}: {reason}", "name a file that is there and readable") from error
    if not ends_there:  # such as what /proc and /sys make up when they are read
        raise UserError(
            f"{what}: it does not say how long it is",
            f"save it to a plain file first: cat {file} > copy",
        )
    if status.st_size > plan.capacity:
        raise UserError(
            f"{what}: it has {status.st_size} bytes, and there is room for {plan.capacity}",
            "name a smaller file, or give the input a larger size in the description",
        )
    return BoundInput(plan, file, status.st_size)
