"""Attacks on other cores, by interprocessor interrupt, and on what the local APIC is and does."""

from __future__ import annotations

from questv.arch.x86.apic import X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.instructions import disable_interrupts, pause, write_msr
from questv.arch.x86.registers import APIC_BASE_ENABLE, Msr
from questv.attacks.orders import Orders
from questv.kernel.hypercall import hypercall
from questv.metal.lang import metal, u32
from questv.monitor.interface import Hypercall


@metal
def send_command(orders: Orders) -> None:
    """Interrupt, stop or restart another core: send what is no doorbell of the plan."""
    write_msr(X2APIC_MSR_BASE + u32(ApicRegister.COMMAND), orders.target)


@metal
def relocate_apic(orders: Orders) -> None:
    """Put the local APIC's page over memory, or back into the mode that is not filtered."""
    write_msr(u32(Msr.APIC_BASE), orders.target | APIC_BASE_ENABLE)


@metal
def set_timer(orders: Orders) -> None:
    """Let the own timer interrupt as something else, or so often that nothing else happens."""
    write_msr(X2APIC_MSR_BASE + u32(ApicRegister.TIMER), orders.target)
    write_msr(X2APIC_MSR_BASE + u32(ApicRegister.TIMER_INITIAL), 1)
    while True:
        pause()


@metal
def arm_timer(orders: Orders) -> None:
    """Have the own timer go off at once again and again; then be stopped for something else."""
    disable_interrupts()
    for _ in range(orders.target):
        write_msr(X2APIC_MSR_BASE + u32(ApicRegister.TIMER_INITIAL), 1)
    hypercall(Hypercall.PANIC, 0, 0)
