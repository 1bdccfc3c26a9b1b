"""The local APIC as a kernel reaches it: directly where it may, through its monitor elsewhere."""

from __future__ import annotations

from enum import IntEnum

from questv.arch.x86.apic import (
    SPURIOUS_ENABLE,
    TIMER_DIVIDE_BY_1,
    X2APIC_MSR_BASE,
    ApicRegister,
)
from questv.arch.x86.instructions import (
    disable_interrupts,
    enable_interrupts,
    read_flags,
    write_msr,
)
from questv.arch.x86.registers import RFLAGS_INTERRUPTS
from questv.arch.x86.xapic import send_through_xapic, write_xapic
from questv.kernel.hypercall import hypercall
from questv.kernel.info import info
from questv.metal.lang import addr, external, metal, static, u8, u32, u64
from questv.metal.structs import width
from questv.monitor.interface import ApicMode, Hypercall

SPURIOUS_VECTOR = 0xFF

page: u8 = external("kernel_apic_page")
"""The xAPIC's registers; mapped only for a kernel whose APIC is direct."""


@width(u32)
class Access(IntEnum):
    """The three ways to a register."""

    X2APIC = 0
    PAGE = 1
    HYPERCALL = 2


access: Access = static(Access.X2APIC)


@metal
def start() -> None:
    """Choose the way, and enable the APIC where the monitor leaves that to the kernel."""
    global access
    if info.machine.x2apic == 0:
        access = Access.PAGE if info.apic_mode == ApicMode.DIRECT else Access.HYPERCALL
    if info.apic_mode == ApicMode.DIRECT:
        _write(ApicRegister.SPURIOUS, SPURIOUS_ENABLE | SPURIOUS_VECTOR)


@metal(inline=True)
def end_of_interrupt() -> None:
    """Tell the APIC that the interrupt being handled has been taken care of."""
    _write(ApicRegister.END_OF_INTERRUPT, 0)


@metal
def set_timer_vector(vector: u32) -> None:
    """Let the timer interrupt with ``vector``, once each time that it is armed."""
    _write(ApicRegister.TIMER_DIVIDE, TIMER_DIVIDE_BY_1)
    _write(ApicRegister.TIMER, vector)


@metal(inline=True)
def arm_timer(ticks: u32) -> None:
    """Interrupt after this many ticks of ``machine.apic_frequency``; 0 disarms."""
    _write(ApicRegister.TIMER_INITIAL, ticks)


@metal
def destination(core: u32) -> u32:
    """Where to ``send`` an interrupt for a core."""
    return info.machine.apic_ids[core]


@metal(inline=True)
def send(destination: u32, vector: u32) -> None:
    """Send an interprocessor interrupt, a doorbell of the plan."""
    if access == Access.X2APIC:
        write_msr(X2APIC_MSR_BASE + u32(ApicRegister.COMMAND), _command(destination, vector))
    else:
        _send_slowly(destination, vector)


@metal
def _send_slowly(destination: u32, vector: u32) -> None:
    command = _command(destination, vector)
    if access == Access.HYPERCALL:
        hypercall(Hypercall.APIC_WRITE, u64(ApicRegister.COMMAND), command)
    else:
        # It takes two registers: a more urgent task must not send in between. A kernel that has
        # been restarted sends while it starts, with interrupts off.
        enabled = read_flags() & RFLAGS_INTERRUPTS != 0
        disable_interrupts()
        send_through_xapic(addr(page), command)
        if enabled:
            enable_interrupts()


@metal(inline=True)
def _command(destination: u32, vector: u32) -> u64:
    return u64(destination) << 32 | u64(vector)


@metal(inline=True)
def _write(register: ApicRegister, value: u32) -> None:
    if access == Access.X2APIC:
        write_msr(X2APIC_MSR_BASE + u32(register), u64(value))
    else:
        _write_slowly(register, value)


@metal
def _write_slowly(register: ApicRegister, value: u32) -> None:
    if access == Access.PAGE:
        write_xapic(addr(page), u32(register), value)
    else:
        hypercall(Hypercall.APIC_WRITE, u64(register), u64(value))
