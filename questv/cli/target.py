"""What a person wants to run: a system, which is built first, or an image."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from questv.cli.expectations import require_check
from questv.cli.output import Output, UserError
from questv.plan.build import BuiltSystem, build
from questv.plan.image import Image, image_hash
from questv.plan.model import Plan
from questv.plan.programs import Program
from questv.system.model import System

_ELF_MAGIC = b"\x7fELF"


@dataclass(frozen=True)
class Target:
    """An image with its description, its plan, and its programs by their names.

    ``expect`` names the function that checks a run, ``module:function`` in ``folder``; an image
    has neither.
    """

    image: bytes
    system: System
    plan: Plan
    programs: Mapping[str, Program]
    folder: Path | None = None
    expect: str | None = None

    @property
    def hash(self) -> str:
        """The image's SHA-256."""
        return image_hash(self.image)


def load_target(path: Path, output: Output, *, checks: bool) -> Target:
    """The image at ``path``, or the system that is described there, built.

    Raises UserError, DiagnosticsError, LinkError or ImageError.
    """
    if _is_image(path):
        if checks:
            raise UserError(
                f"{path} is an image, which has been built already",
                "leave out --checks, or name the system's folder",
            )
        image = Image.read(path)
        return Target(path.read_bytes(), image.system, image.plan, image.programs)
    built = build_system(path, output, checks=checks)
    programs = [built.boot, built.monitor, *built.kernels.values(), *built.processes.values()]
    return Target(
        image=built.image,
        system=built.description.system,
        plan=built.plan,
        programs={program.name: program for program in programs},
        folder=path if path.is_dir() else path.parent,
        expect=built.description.system.run.expect,
    )


def build_system(path: Path, output: Output, *, checks: bool) -> BuiltSystem:
    """Build the system at ``path``, and say so meanwhile where somebody watches.

    Raises UserError, DiagnosticsError or LinkError.
    """
    if _is_image(path):
        raise UserError(f"{path} is an image, and no description", "name the system's folder")
    watched = output.errors.is_terminal
    status = output.errors.status(f"building {path}") if watched else nullcontext()
    with status, redirect_stdout(sys.stderr):  # for what its modules print while they are imported
        built = build(path, checks=checks)
        if built.description.system.run.expect is not None:
            folder = path if path.is_dir() else path.parent
            require_check(folder, built.description.system.run.expect)
        return built


def _is_image(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_ELF_MAGIC)) == _ELF_MAGIC
    except OSError:
        return False
