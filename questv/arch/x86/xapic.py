"""The xAPIC: the local APIC's registers in a page, 16 bytes apart (APM vol. 2, 16.3.2)."""

from __future__ import annotations

from questv.arch.x86.apic import COMMAND_PENDING, ApicRegister
from questv.arch.x86.instructions import pause
from questv.metal.lang import Ptr, Register, metal, u32, u64

_DESTINATION_SHIFT = 24


@metal
def read_xapic(page: u64, register: u32) -> u32:
    """A register of the local APIC whose page is at this address."""
    return _register(page, register)[0].read()


@metal
def write_xapic(page: u64, register: u32, value: u32) -> None:
    """Set a register of the local APIC, other than the interrupt command."""
    _register(page, register)[0].write(value)


@metal
def send_through_xapic(page: u64, command: u64) -> None:
    """Send an interprocessor interrupt, as soon as the last one is on its way.

    ``command`` is in the form of the x2APIC's register: destination in the high half. Here it is
    two registers, and writing the low one sends (APM vol. 2, 16.5).
    """
    while read_xapic(page, u32(ApicRegister.COMMAND)) & COMMAND_PENDING != 0:
        pause()
    destination = u32(command >> 32) << _DESTINATION_SHIFT
    write_xapic(page, u32(ApicRegister.COMMAND_HIGH), destination)
    write_xapic(page, u32(ApicRegister.COMMAND), u32(command & 0xFFFF_FFFF))


@metal
def _register(page: u64, register: u32) -> Ptr[Register[u32]]:
    return Ptr[Register[u32]](page + u64(register) * 16)
