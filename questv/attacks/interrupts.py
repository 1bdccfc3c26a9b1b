"""Attacks on other cores by interprocessor interrupts, and on what the local APIC is and does."""

from __future__ import annotations

from questv.arch.x86.apic import X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, pause, write_msr
from questv.attacks.descriptors import handle_all, returns
from questv.attacks.orders import Orders
from questv.kernel import lapic
from questv.kernel.hypercall import hypercall
from questv.metal.lang import addr, metal, u32, u64
from questv.monitor.interface import Hypercall


@metal
def send_command(orders: Orders) -> None:
    """Interrupt, stop or restart another core."""
    write_msr(X2APIC_MSR_BASE + u32(ApicRegister.COMMAND), orders.target)


@metal
def ask_for_command(orders: Orders) -> None:
    """Interrupt, stop or restart another core by asking the monitor for it."""
    hypercall(Hypercall.APIC_WRITE, u64(ApicRegister.COMMAND), orders.target)


@metal
def ring_for_ever(orders: Orders) -> None:
    """Keep another from its work by a doorbell that the plan allows, rung without end."""
    while True:
        lapic.send(u32(orders.target >> 32), u32(orders.target & 0xFFFF_FFFF))


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


@metal
def interrupt_self(orders: Orders) -> None:
    """Leave the own core with an interrupt that nobody ends, of a vector for exceptions or none."""
    handle_all(addr(returns))
    enable_interrupts()
    for _ in range(orders.value):
        write_msr(X2APIC_MSR_BASE + u32(ApicRegister.SELF_INTERRUPT), orders.target)


@metal
def interrupt_self_for_ever(orders: Orders) -> None:
    """Keep the run from ending by nothing but interrupts to oneself."""
    handle_all(addr(returns))
    while True:
        write_msr(X2APIC_MSR_BASE + u32(ApicRegister.SELF_INTERRUPT), orders.target)
        write_msr(X2APIC_MSR_BASE + u32(ApicRegister.END_OF_INTERRUPT), 0)


@metal
def raise_priority(orders: Orders) -> None:
    """Keep the run from ending by a priority above that of every interrupt."""
    write_msr(X2APIC_MSR_BASE + u32(ApicRegister.TASK_PRIORITY), 0xFF)
    write_msr(X2APIC_MSR_BASE + u32(ApicRegister.TIMER_DIVIDE), 0)
