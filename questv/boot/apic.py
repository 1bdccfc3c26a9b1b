"""The local APIC, as the boot reaches it."""

from __future__ import annotations

from questv.arch.x86.apic import X2APIC_MSR_BASE, XAPIC_ADDRESS, ApicRegister
from questv.arch.x86.instructions import read_msr, write_msr
from questv.arch.x86.machine import MachineFacts
from questv.arch.x86.registers import APIC_BASE_ENABLE, APIC_BASE_X2APIC, Msr
from questv.arch.x86.xapic import read_xapic, send_through_xapic, write_xapic
from questv.metal.lang import metal, u32, u64


@metal
def enable(x2apic: bool) -> None:
    """Turn this core's local APIC on, in x2APIC mode if the machine has it."""
    base = read_msr(u32(Msr.APIC_BASE)) | APIC_BASE_ENABLE
    write_msr(u32(Msr.APIC_BASE), base | APIC_BASE_X2APIC if x2apic else base)


@metal
def read_apic(machine: MachineFacts, register: ApicRegister) -> u32:
    """A register of this core's local APIC."""
    if machine.x2apic != 0:
        return u32(read_msr(X2APIC_MSR_BASE + u32(register)))
    return read_xapic(XAPIC_ADDRESS, u32(register))


@metal
def write_apic(machine: MachineFacts, register: ApicRegister, value: u32) -> None:
    """Set a register of this core's local APIC, other than the interrupt command."""
    if machine.x2apic != 0:
        write_msr(X2APIC_MSR_BASE + u32(register), u64(value))
    else:
        write_xapic(XAPIC_ADDRESS, u32(register), value)


@metal
def send_command(machine: MachineFacts, apic_id: u32, command: u32) -> None:
    """Send an interprocessor interrupt to one core."""
    whole = u64(apic_id) << 32 | u64(command)
    if machine.x2apic != 0:
        write_msr(X2APIC_MSR_BASE + u32(ApicRegister.COMMAND), whole)
    else:
        send_through_xapic(XAPIC_ADDRESS, whole)


@metal
def own_id(machine: MachineFacts) -> u32:
    """This core's APIC identifier."""
    value = read_apic(machine, ApicRegister.ID)
    return value if machine.x2apic != 0 else value >> 24
