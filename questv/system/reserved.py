"""I/O ports and MSRs that no sandbox is ever given, with the reason for each.

The numbers are those of PCs and of the machines that QEMU emulates (its ``hw/isa`` and
``hw/i386``), and of the AMD64 Architecture Programmer's Manual, volume 2, appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reserved:
    """``numbers`` of ports or MSRs: what they belong to, and what their holder could do."""

    numbers: range
    what: str
    danger: str


def _span(first: int, last: int, what: str, danger: str) -> Reserved:
    return Reserved(range(first, last + 1), what, danger)


_PIC = ("the interrupt controllers (PIC)", "which can raise interrupts on another core")
_PIT = ("the interval timer (PIT)", "whose ticks and NMI gate are the whole machine's")
_DMA = ("the ISA DMA controllers", "which write to memory past all page tables")
_SMI = ("the SMI command port", "which takes all cores into firmware")
_RESET = "which resets the whole machine"

RESERVED_PORTS = (
    _span(0x00, 0x1F, *_DMA),
    _span(0x20, 0x21, *_PIC),
    _span(0x40, 0x43, *_PIT),
    _span(0x60, 0x60, "the keyboard controller", _RESET),
    _span(0x61, 0x61, *_PIT),
    _span(0x64, 0x64, "the keyboard controller", _RESET),
    _span(0x81, 0x8F, *_DMA),
    _span(0x92, 0x92, "the fast reset port", _RESET),
    _span(0xA0, 0xA1, *_PIC),
    _span(0xB2, 0xB3, *_SMI),
    _span(0xC0, 0xDF, *_DMA),
    _span(0xF4, 0xF7, "the emulator's exit port", "which ends the whole machine"),
    _span(0x4D0, 0x4D1, *_PIC),
    _span(0x510, 0x51B, "the firmware configuration device", "which writes to any memory by DMA"),
    _span(0x600, 0x6FF, "ACPI power management", "which switches the whole machine off"),
    _span(0xA00, 0xA17, "hot-plug of memory", "which takes memory away from the machine"),
    _span(0xCC0, 0xCF7, "hot-plug of devices and cores", "which takes others' away"),
    _span(
        0xCF8,
        0xCFF,
        "PCI configuration and reset",
        "which moves and starts any device, or resets the whole machine",
    ),
)

_MTRR = ("memory types (MTRR, PAT)", "which change how a core caches memory that others share")
_SMM = ("system management mode", "which runs past all page tables")
_MEMORY_MAP = ("the memory map of the chip", "which decides where accesses to memory go")
_SVM = ("virtualization itself", "which would let a kernel out of its sandbox")
_MICROCODE = ("the microcode loader", "which replaces how the core works")

_CLOCK = ("the time-stamp counter", "which its monitor measures time with, too; RDTSC reads it")

RESERVED_MSRS = (
    _span(0x10, 0x10, *_CLOCK),
    _span(0x1B, 0x1B, "APIC_BASE", "which moves or disables the interrupt controller"),
    _span(0x3B, 0x3B, *_CLOCK),
    _span(0x79, 0x79, *_MICROCODE),
    _span(0x200, 0x2FF, *_MTRR),
    _span(0x800, 0x8FF, "x2APIC", 'which is given by apic = "guarded" or "direct", not here'),
    _span(0xC0000080, 0xC0000080, "EFER", "whose SVME bit the processor needs while a guest runs"),
    _span(
        0xC0010010, 0xC0010010, "SYSCFG", "which turns the MTRRs and memory encryption on or off"
    ),
    _span(0xC0010015, 0xC0010015, "HWCR", "which unlocks system management mode"),
    _span(0xC0010016, 0xC001001D, *_MEMORY_MAP),
    _span(0xC0010020, 0xC0010020, *_MICROCODE),
    _span(0xC0010050, 0xC0010056, *_SMM),
    _span(0xC0010058, 0xC0010058, "the PCI configuration base", "which lays devices over memory"),
    _span(0xC0010111, 0xC0010113, *_SMM),
    _span(0xC0010114, 0xC0010114, "VM_CR", _SVM[1]),
    _span(0xC0010116, 0xC0010116, *_SMM),
    _span(0xC0010117, 0xC0010118, *_SVM),
)
