"""Where an image runs: machines on QEMU, and the guest's live memory.

::

    with Machine(MachineOptions(image=image, memory=64 * MIB)) as machine:
        end = machine.wait(timeout=10)
        print(machine.serial_text(), machine.memory.read(0x200000, 16), end.value)
"""

from __future__ import annotations

from questv.machine.errors import MachineError
from questv.machine.exits import Exit, ExitKind
from questv.machine.host import Check, State, host_checks
from questv.machine.machine import Machine
from questv.machine.memory import GuestMemory, MemoryLayout, memory_layout, memory_size
from questv.machine.options import (
    MIB,
    WITH_X2APIC,
    WITHOUT_X2APIC,
    MachineKind,
    MachineOptions,
)
from questv.machine.qemu import Qemu, find_qemu
from questv.machine.running import RunningMachine, running

__all__ = [
    "MIB",
    "WITHOUT_X2APIC",
    "WITH_X2APIC",
    "Check",
    "Exit",
    "ExitKind",
    "GuestMemory",
    "Machine",
    "MachineError",
    "MachineKind",
    "MachineOptions",
    "MemoryLayout",
    "Qemu",
    "RunningMachine",
    "State",
    "find_qemu",
    "host_checks",
    "memory_layout",
    "memory_size",
    "running",
]
