"""Words for the numbers that processors and kernels use."""

from __future__ import annotations

from enum import Enum

from questv.arch.x86.apic import X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.registers import Msr
from questv.system.devices import SERIAL_PORTS
from questv.system.reserved import RESERVED_MSRS, RESERVED_PORTS

_X2APIC_MSRS = range(X2APIC_MSR_BASE, X2APIC_MSR_BASE + 0x100)

_PAGE_FAULT = 14
_EXCEPTIONS = {
    0: "division error",
    1: "debug exception",
    2: "non-maskable interrupt",
    3: "breakpoint",
    4: "overflow",
    5: "bound range exceeded",
    6: "invalid opcode",
    7: "device not available",
    8: "double fault",
    10: "invalid task state segment",
    11: "segment not present",
    12: "stack fault",
    13: "general protection fault",
    14: "page fault",
    16: "x87 floating-point error",
    17: "alignment check",
    18: "machine check",
    19: "SIMD floating-point error",
    21: "control protection fault",
    28: "hypervisor injection exception",
    29: "VMM communication exception",
    30: "security exception",
}  # APM vol. 2, table 8-1

_MSRS = {
    0x10: "TSC",
    0x174: "SYSENTER_CS",
    0x175: "SYSENTER_ESP",
    0x176: "SYSENTER_EIP",
    0x277: "PAT",
    0x6E0: "TSC_DEADLINE",
    0xC000_0081: "STAR",
    0xC000_0082: "LSTAR",
    0xC000_0083: "CSTAR",
    0xC000_0084: "SFMASK",
    0xC000_0100: "FS_BASE",
    0xC000_0101: "GS_BASE",
    0xC000_0102: "KERNEL_GS_BASE",
    0xC000_0103: "TSC_AUX",
    0xC001_0112: "SMM_ADDR",
    0xC001_0113: "SMM_MASK",
    **{int(msr): msr.name for msr in Msr},
}  # APM vol. 2, appendix A

_PORTS = (
    (range(0x70, 0x72), "the real-time clock (CMOS)"),
    (range(0x80, 0x81), "the POST code display"),
    (range(0x170, 0x178), "an IDE controller"),
    (range(0x1F0, 0x1F8), "an IDE controller"),
    (range(0x3B0, 0x3E0), "a VGA adapter"),
    *((port.ports, f"the serial port {name}") for name, port in SERIAL_PORTS.items()),
)


def words(value: object) -> str:
    """An enum's member as words in small letters; what is none of its members, as a number."""
    if isinstance(value, Enum):
        return value.name.lower().replace("_", " ")
    return f"unknown ({value})"


def exception(vector: int) -> str:
    """The processor's exception ``vector``, without article."""
    return _EXCEPTIONS.get(vector, f"exception {vector}")


def fault(vector: int, error: int, address: int) -> str:
    """The exception ``vector`` with its error code; ``address`` is that of a page fault."""
    if vector != _PAGE_FAULT:
        return exception(vector) + (f", error code {error:#x}" if error else "")
    access = "executing" if error & 1 << 4 else "writing to" if error & 1 << 1 else "reading from"
    why = "which it has no right to" if error & 1 << 0 else "where it has no memory"
    return f"page fault {access} {address:#x}, {why}"


def msr(number: int) -> str:
    """An MSR: its number, and what it is if that is known."""
    name = _MSRS.get(number)
    if name is None and number in _X2APIC_MSRS:
        name = f"x2APIC: {apic_register(number - X2APIC_MSR_BASE)}"
    if name is None:
        name = next((each.what for each in RESERVED_MSRS if number in each.numbers), None)
    return f"MSR {number:#x} ({name})" if name else f"MSR {number:#x}"


def port(number: int) -> str:
    """An I/O port: its number, and whose it is if that is known."""
    known = (*((each.numbers, each.what) for each in RESERVED_PORTS), *_PORTS)
    owner = next((what for ports, what in known if number in ports), None)
    return f"port {number:#x} ({owner})" if owner else f"port {number:#x}"


def apic_register(number: int) -> str:
    """A register of the local APIC, by its number as an x2APIC's."""
    try:
        return words(ApicRegister(number))
    except ValueError:
        return f"register {number:#x}"
