"""The local APIC, as far as a monitor handles it: doorbells, and kernels that can't reach it."""

from __future__ import annotations

from questv.arch.x86.apic import (
    COMMAND_ASSERT,
    COMMAND_NMI,
    LVT_MASKED,
    LVT_NMI,
    LVT_PERIODIC,
    SPURIOUS_ENABLE,
    TIMER_DIVIDE_BY_1,
    X2APIC_MSR_BASE,
    ApicRegister,
)
from questv.arch.x86.instructions import read_msr, write_msr
from questv.arch.x86.xapic import read_xapic, send_through_xapic, write_xapic
from questv.metal.lang import Array, addr, external, metal, static, u8, u32, u64
from questv.monitor import pending
from questv.monitor.interface import VECTORS
from questv.monitor.memory import plan

SPURIOUS_VECTOR = 0xFF
_NMIS_PER_SECOND = 100
_FIRST_VECTOR = 16  # lower ones are errors to the APIC
_TIMER_ONE_SHOT = LVT_MASKED | 0xFF  # the bits of a one-shot timer: any vector, masked or not

page: u8 = external("monitor_apic_page")
"""The xAPIC's registers; unused where there is an x2APIC."""

allowed: Array[u64, VECTORS] = static()
"""By vector, the one command that this sandbox may send with it; 0: none."""


@metal
def start() -> None:
    """Enable this core's APIC, and work out the doorbells that the plan allows."""
    _write(u32(ApicRegister.SPURIOUS), SPURIOUS_ENABLE | SPURIOUS_VECTOR)
    for vector in range(u32(_FIRST_VECTOR), VECTORS):
        core = plan.doorbells[vector]
        if core != 0:
            target = plan.machine.apic_ids[core - 1]
            allowed[vector] = u64(target) << 32 | u64(vector)


@metal
def reset() -> None:
    """Leave nothing of what a kernel has set, asked for or not ended.

    The timer is stopped first. Interrupts in service are ended, the highest each time; those that
    have been requested can't be taken back, so they are taken, by nobody.
    """
    _write(u32(ApicRegister.SPURIOUS), SPURIOUS_ENABLE | SPURIOUS_VECTOR)
    for register in range(u32(ApicRegister.TIMER), u32(ApicRegister.ERROR) + 1):
        _write(register, LVT_MASKED)
    _write(u32(ApicRegister.TIMER_INITIAL), 0)
    _write(u32(ApicRegister.TASK_PRIORITY), 0)
    for _ in range(u32(VECTORS)):
        if not _any_in(u32(ApicRegister.IN_SERVICE)):
            break
        _write(u32(ApicRegister.END_OF_INTERRUPT), 0)
    requested = _any_in(u32(ApicRegister.REQUESTED))
    if requested:
        pending.take(plan.machine.x2apic != 0)


@metal
def _any_in(first: u32) -> bool:
    """Whether one of the 256 bits of the registers from this one on is set."""
    for i in range(u32(VECTORS // 32)):
        if _read(first + i) != 0:
            return True
    return False


@metal(inline=True)
def ring(command: u64) -> bool:
    """Send an interprocessor interrupt if it is a doorbell of the plan; say whether it is.

    ``command`` is in the form of the x2APIC's register: destination in the high half. A doorbell
    has fixed delivery to one core and nothing else set.
    """
    if command == 0 or allowed[command & 0xFF] != command:
        return False
    _send(command)
    return True


@metal
def interrupt(core: u32, vector: u32) -> None:
    """Interrupt a core's kernel; no kernel can do so with a vector that is a monitor's."""
    _send(u64(plan.machine.apic_ids[core]) << 32 | u64(vector))


@metal
def send_nmi(core: u32) -> None:
    """Interrupt another core's monitor, whatever its kernel is doing."""
    _send(u64(plan.machine.apic_ids[core]) << 32 | COMMAND_NMI | COMMAND_ASSERT)


@metal
def start_nmis() -> None:
    """Have this core's own timer interrupt its monitor again and again, every 10 ms."""
    _write(u32(ApicRegister.TIMER), LVT_NMI | LVT_PERIODIC)
    _write(u32(ApicRegister.TIMER_DIVIDE), TIMER_DIVIDE_BY_1)
    _write(u32(ApicRegister.TIMER_INITIAL), u32(plan.machine.apic_frequency // _NMIS_PER_SECOND))


@metal(inline=True)
def _send(command: u64) -> None:
    if plan.machine.x2apic != 0:
        write_msr(X2APIC_MSR_BASE + u32(ApicRegister.COMMAND), command)
    else:
        send_through_xapic(addr(page), command)


# ---- for guarded kernels ------------------------------------------------------------------------


@metal
def is_one_shot(timer: u64) -> bool:
    """Whether a timer that is set like this does no more than interrupt its kernel, once.

    As an SMI it would run code that is nobody's; as an NMI, or again and again in no time, it
    would only keep the core from its monitor.
    """
    return timer & ~u64(_TIMER_ONE_SHOT) == 0


# Where there is an x2APIC they reach the others of these registers themselves.


@metal
def may_read(register: u64) -> bool:
    """Whether a kernel that has to ask may read this register."""
    return plan.machine.x2apic == 0 and register == u64(ApicRegister.TIMER_CURRENT)


@metal
def may_write(register: u64, value: u64) -> bool:
    """Whether a kernel that has to ask may write it: what can only concern its own core."""
    if plan.machine.x2apic != 0 or value > u32.MAX:
        return False
    return (
        (register == u64(ApicRegister.TIMER) and is_one_shot(value))
        or register == u64(ApicRegister.END_OF_INTERRUPT)
        or register == u64(ApicRegister.TIMER_INITIAL)
        or register == u64(ApicRegister.TIMER_DIVIDE)
    )


@metal
def read(register: u64) -> u64:
    """A register that ``may_read`` has approved."""
    return u64(read_xapic(addr(page), u32(register)))


@metal
def write(register: u64, value: u64) -> None:
    """Set a register that ``may_write`` or ``is_one_shot`` has approved."""
    _write(u32(register), u32(value))


@metal
def _read(register: u32) -> u32:
    if plan.machine.x2apic != 0:
        return u32.wrap(read_msr(X2APIC_MSR_BASE + register))
    return read_xapic(addr(page), register)


@metal
def _write(register: u32, value: u32) -> None:
    if plan.machine.x2apic != 0:
        write_msr(X2APIC_MSR_BASE + register, u64(value))
    else:
        write_xapic(addr(page), register, value)
