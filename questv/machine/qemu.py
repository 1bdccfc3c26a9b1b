"""The QEMU of this host: where it is, and what it can do, in its own words."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from questv.machine import packages
from questv.machine.errors import MachineError
from questv.machine.interrupts import uninterrupted
from questv.machine.leash import bound_to_this_process

OLDEST = (7, 2)
"""The oldest QEMU that Quest-V runs on."""

OLDEST_COUNTING = (9, 0)
"""The oldest QEMU whose plugins (of their interface's version 2) can count instructions."""

_QUESTIONS = (
    {"execute": "qmp_capabilities"},
    # "max" has exactly what the emulation can do; a named model also lists what it can't.
    {
        "execute": "query-cpu-model-expansion",
        "arguments": {"type": "full", "model": {"name": "max"}},
    },
    {"execute": "query-command-line-options", "arguments": {"option": "plugin"}},
    {"execute": "quit"},
)
_ARGUMENTS = (
    *("-nodefaults", "-no-user-config", "-S"),
    *("-display", "none"),
    *("-machine", "none"),
    *("-accel", "tcg"),
    *("-qmp", "stdio"),
)


@dataclass(frozen=True)
class Qemu:
    """A QEMU for x86-64: its program, its version (major, minor, micro) and what its CPU has."""

    path: Path
    version: tuple[int, int, int]
    has_x2apic: bool
    has_svm: bool
    """SVM with nested paging."""
    has_plugins: bool

    @property
    def can_count(self) -> bool:
        """Whether a plugin can count each core's instructions."""
        return self.has_plugins and self.version[:2] >= OLDEST_COUNTING


def find_qemu() -> Qemu:
    """The QEMU that $QUESTV_QEMU names, or else the ``qemu-system-x86_64`` on the path.

    Raises MachineError if there is none, it can't be asked, or it is older than ``OLDEST``.
    """
    chosen = os.environ.get("QUESTV_QEMU")
    program = chosen or "qemu-system-x86_64"
    found = shutil.which(program)
    if found is None:
        raise MachineError(
            f"QUESTV_QEMU names {program}, which is not a program"
            if chosen
            else f"there is no {program} on this host",
            "set QUESTV_QEMU to the path of qemu-system-x86_64, or unset it"
            if chosen
            else packages.install_qemu(),
        )
    path = Path(found).resolve()
    qemu = _ask(path, path.stat().st_mtime_ns)
    if qemu.version[:2] < OLDEST:
        oldest, version = (".".join(map(str, numbers)) for numbers in (OLDEST, qemu.version))
        raise MachineError(
            f"{path} is QEMU {version}; Quest-V needs {oldest} or newer", packages.install_qemu()
        )
    return qemu


@functools.lru_cache(maxsize=8)
def _ask(path: Path, changed: int) -> Qemu:
    """Ask the QEMU at ``path``, once for each time that the file ``changed``."""
    try:
        command = bound_to_this_process([str(path), *_ARGUMENTS])
        with uninterrupted():
            answer = subprocess.run(
                command,
                input="\n".join(map(json.dumps, _QUESTIONS)),
                capture_output=True,
                text=True,
                timeout=20,
                start_new_session=True,
            ).stdout
        greeting, _, expansion, plugins, *_ = map(json.loads, answer.splitlines())
        version = greeting["QMP"]["version"]["qemu"]
        features = expansion["return"]["model"]["props"]
    except (OSError, ValueError, LookupError, TypeError, subprocess.TimeoutExpired) as error:
        raise MachineError(
            f"{path} does not answer as QEMU does", packages.install_qemu()
        ) from error
    return Qemu(
        path,
        (version["major"], version["minor"], version["micro"]),
        has_x2apic=features.get("x2apic", False),
        has_svm=features.get("svm", False) and features.get("npt", False),
        has_plugins=bool(plugins.get("return")),
    )
