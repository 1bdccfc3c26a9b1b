"""What a machine is: its kind, its image, its cores and what its memory holds before boot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MIB = 1 << 20

WITH_X2APIC = "EPYC,+svm,+npt,+x2apic"
WITHOUT_X2APIC = "EPYC,+svm,+npt,-x2apic"
"""QEMU's names of the processors that an image runs on."""


class MachineKind(StrEnum):
    """The machines that an image runs on."""

    MICROVM = "microvm"
    Q35 = "q35"


@dataclass(frozen=True, kw_only=True)
class MachineOptions:
    """All that decides how a machine behaves.

    ``image`` is a 64-bit ELF file with a PVH note. ``memory`` is in bytes, a multiple of 1 MiB.
    ``command_line`` reaches the guest as the PVH command line. Each of ``contents`` is a
    guest-physical address and a file, all of whose bytes are in memory from there on before the
    guest's first instruction.

    With ``deterministic`` two runs of the same options are alike to the last instruction, and one
    instruction takes one nanosecond of the guest's time; otherwise each core has a host thread.

    With ``debugger`` the guest waits before its first instruction until a debugger, on the socket
    ``debugger`` in the run directory, lets it go on.

    Each of ``streams`` is a serial port, ``com1`` or ``com2``, and a connected socket's file
    descriptor that it sends to and receives from, or None for a port that nobody is connected to.
    A ``com1`` that is not named there only sends, to the run directory. Each of ``consoles`` is a
    slot for virtio devices, which only a microvm has, with the same: there is a virtio console.

    ``extra`` is appended to QEMU's arguments as it stands.
    """

    image: Path
    memory: int
    kind: MachineKind = MachineKind.MICROVM
    cores: int = 1
    deterministic: bool = False
    command_line: str = ""
    contents: tuple[tuple[int, Path], ...] = ()
    cpu: str = WITH_X2APIC
    debugger: bool = False
    streams: tuple[tuple[str, int | None], ...] = ()
    consoles: tuple[tuple[int, int | None], ...] = ()
    extra: tuple[str, ...] = ()
