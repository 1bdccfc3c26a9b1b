"""The permission maps of a sandbox: which MSRs and I/O ports it reaches without its monitor.

Both are allow-lists. In the MSR map each MSR of three ranges has two bits, reading and writing; in
the I/O map each port has one. A set bit leads to the monitor (APM vol. 2, 15.10.1 and 15.11).
"""

from __future__ import annotations

from collections.abc import Iterable

from questv.arch.x86.apic import X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.registers import Msr
from questv.arch.x86.svm import IO_MAP_SIZE, MSR_MAP_RANGES, MSR_MAP_SIZE

_RANGE_LENGTH = 0x2000

GUARDED_APIC: dict[int, str] = {
    ApicRegister.ID: "r",
    ApicRegister.VERSION: "r",
    ApicRegister.TASK_PRIORITY: "rw",
    ApicRegister.END_OF_INTERRUPT: "w",
    ApicRegister.ERROR_STATUS: "rw",
    ApicRegister.TIMER: "r",  # its other modes reach beyond an interrupt of the own core
    ApicRegister.TIMER_INITIAL: "rw",
    ApicRegister.TIMER_CURRENT: "r",
    ApicRegister.TIMER_DIVIDE: "rw",
    ApicRegister.SELF_INTERRUPT: "w",
    **dict.fromkeys(range(ApicRegister.IN_SERVICE, ApicRegister.ERROR_STATUS), "r"),
}
"""Registers of the x2APIC that concern only their own core, and what is allowed there."""

DIRECT_APIC: dict[int, str] = dict.fromkeys(range(0x40), "rw")
"""All of them."""


FOREIGN_MSRS: dict[int, str] = {
    int(Msr.APIC_BASE): "r",
    **dict.fromkeys((0x174, 0x175, 0x176), "rw"),  # SYSENTER
    **dict.fromkeys(range(0xC000_0081, 0xC000_0085), "rw"),  # STAR, LSTAR, CSTAR, SFMASK
    **dict.fromkeys(range(0xC000_0100, 0xC000_0104), "rw"),  # bases of FS and GS, TSC_AUX
}
"""What any kernel needs for itself, besides: it concerns the own core, and no monitor uses it."""


def apic_msrs(registers: dict[int, str]) -> dict[int, str]:
    """The MSRs of x2APIC registers."""
    return {X2APIC_MSR_BASE + register: rights for register, rights in registers.items()}


def msr_map(allowed: dict[int, str]) -> bytes:
    """The MSR permission map; ``allowed`` has ``r``, ``w`` or ``rw`` for each MSR.

    Raises ValueError for an MSR that the map does not cover.
    """
    contents = bytearray(b"\xff" * MSR_MAP_SIZE)
    for number, rights in allowed.items():
        at, bit = msr_place(number)
        denied = ("r" not in rights) | ("w" not in rights) << 1
        contents[at] = contents[at] & ~(0b11 << bit) | denied << bit
    return bytes(contents)


def msr_place(number: int) -> tuple[int, int]:
    """Where an MSR's two bits are in the map: a byte, and the bit of it that is about reading.

    Raises ValueError for an MSR that the map does not cover.
    """
    for first, offset in MSR_MAP_RANGES:
        if first <= number < first + _RANGE_LENGTH:
            bit = (number - first) * 2
            return offset + bit // 8, bit % 8
    raise ValueError(f"MSR {number:#x} is outside the permission map")


def io_map(allowed: Iterable[range]) -> bytes:
    """The I/O permission map; ``allowed`` are ranges of ports."""
    contents = bytearray(b"\xff" * IO_MAP_SIZE)
    for ports in allowed:
        for port in ports:
            contents[port // 8] &= ~(1 << port % 8)
    return bytes(contents)
