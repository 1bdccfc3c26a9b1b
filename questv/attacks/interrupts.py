"""Attacks on other cores, by interprocessor interrupt, and on where the local APIC is."""

from __future__ import annotations

from questv.arch.x86.apic import X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.instructions import write_msr
from questv.arch.x86.registers import APIC_BASE_ENABLE, Msr
from questv.attacks.orders import Orders
from questv.metal.lang import metal, u32


@metal
def send_command(orders: Orders) -> None:
    """Interrupt, stop or restart another core: send what is no doorbell of the plan."""
    write_msr(X2APIC_MSR_BASE + u32(ApicRegister.COMMAND), orders.target)


@metal
def relocate_apic(orders: Orders) -> None:
    """Put the local APIC's page over memory, or back into the mode that is not filtered."""
    write_msr(u32(Msr.APIC_BASE), orders.target | APIC_BASE_ENABLE)
