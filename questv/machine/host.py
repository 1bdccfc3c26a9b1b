"""What this host has of what Quest-V needs: the facts behind ``questv doctor``."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from questv.machine import packages
from questv.machine.errors import MachineError
from questv.machine.machine import ROOM
from questv.machine.options import MIB
from questv.machine.qemu import Qemu, find_qemu
from questv.machine.runfiles import free_room, roots


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    """Quest-V works, with a drawback."""
    MISSING = "missing"
    """Quest-V can't run machines."""


@dataclass(frozen=True)
class Check:
    """One fact: its ``name``, its ``state``, what was ``found``, and the ``fix`` (empty if OK)."""

    name: str
    state: State
    found: str
    fix: str = ""


def host_checks() -> list[Check]:
    """All checks, in the order in which a person would mend what is wrong. Takes about 0.1 s."""
    return [_python(), *_emulator(), _setpriv(), _linker(), _gdb(), _room(), _cores(), _kvm()]


def _python() -> Check:
    enough = sys.version_info >= (3, 11)
    return Check(
        "Python",
        State.OK if enough else State.MISSING,
        platform.python_version(),
        "" if enough else "make a virtual environment with Python 3.11 or newer",
    )


def _emulator() -> Iterator[Check]:
    try:
        qemu = find_qemu()
    except MachineError as error:
        yield Check("QEMU", State.MISSING, error.message, error.fix)
        return
    version = ".".join(map(str, qemu.version))
    yield Check("QEMU", State.OK, f"{version}, {qemu.path}")
    yield _svm(qemu)
    yield _x2apic(qemu)
    yield _counter(qemu)
    yield _firmware(qemu)


def _svm(qemu: Qemu) -> Check:
    if qemu.has_svm:
        return Check("SVM", State.OK, "emulated, with nested paging")
    return Check("SVM", State.MISSING, "not emulated by this QEMU", packages.install_qemu())


def _x2apic(qemu: Qemu) -> Check:
    if qemu.has_x2apic:
        return Check("x2APIC", State.OK, "emulated")
    return Check(
        "x2APIC",
        State.WARNING,
        "not emulated by this QEMU: guarded interrupts cost exits for timer and acknowledgement",
        f"get QEMU 9 or newer: {packages.install_qemu()}",
    )


def _counter(qemu: Qemu) -> Check:
    if qemu.can_count:
        return Check("plugins", State.OK, "can count each core's instructions")
    return Check(
        "plugins",
        State.WARNING,
        "none, or too old: what counts each core's instructions can't be measured or tested",
        f"get QEMU 9 or newer: {packages.install_qemu()}",
    )


def _firmware(qemu: Qemu) -> Check:
    listing = subprocess.run([qemu.path, "-L", "help"], capture_output=True, text=True).stdout
    for directory in listing.splitlines():
        firmware = Path(directory) / "qboot.rom"
        if firmware.is_file():
            return Check("firmware", State.OK, str(firmware))
    return Check(
        "firmware", State.MISSING, "QEMU has no qboot.rom", packages.install("qemu-system-data")
    )


def _setpriv() -> Check:
    found = shutil.which("setpriv")
    if found is None:
        return Check("setpriv", State.MISSING, "not found", packages.install("util-linux"))
    return Check("setpriv", State.OK, found)


def _gdb() -> Check:
    found = shutil.which("gdb")
    if found is None:
        what = "not found; 'questv debug' needs it, and nothing else does"
        return Check("gdb", State.WARNING, what, packages.install("gdb"))
    return Check("gdb", State.OK, found)


def _linker() -> Check:
    found = shutil.which("ld")
    version = ""
    if found is not None:
        answer = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
        version = answer.partition("\n")[0]
    if version.startswith("GNU ld"):
        return Check("GNU ld", State.OK, version)
    found_text = f"{found} is another linker" if found else "not found"
    return Check("GNU ld", State.MISSING, found_text, packages.install("binutils"))


def _room() -> Check:
    places = [(root.parent, free_room(root)) for root in roots()]
    for directory, room in places:
        if room >= ROOM:
            return Check("room", State.OK, f"{room // MIB} MiB in {directory}")
    return Check(
        "room",
        State.MISSING,
        ", ".join(f"{room // MIB} MiB in {directory}" for directory, room in places),
        f"free {ROOM // MIB} MiB there, or set TMPDIR to a directory with more room",
    )


def _cores() -> Check:
    count = len(os.sched_getaffinity(0))
    if count > 1:
        return Check("cores", State.OK, str(count))
    return Check(
        "cores",
        State.WARNING,
        "1: the cores of a machine take turns",
        "give this host more cores",
    )


def _kvm() -> Check:
    device = Path("/dev/kvm")
    if not device.exists():
        found = "absent (not needed)"
    elif os.access(device, os.R_OK | os.W_OK):
        found = "present (not needed)"
    else:
        found = "present, not open to this user (not needed)"
    return Check("KVM", State.OK, found)
