"""Attacks by registers: control and debug registers, and model-specific ones."""

from __future__ import annotations

from questv.arch.x86.apic import ApicRegister
from questv.arch.x86.instructions import read_msr, write_cr0, write_cr4, write_msr
from questv.arch.x86.registers import APIC_BASE_ENABLE, Msr
from questv.attacks.orders import Orders
from questv.kernel.hypercall import hypercall
from questv.metal.lang import asm, metal, u32, u64
from questv.monitor.interface import Hypercall

# ---- control registers -----------------------------------------------------------------------


@metal
def set_cr0(orders: Orders) -> None:
    """Turn off paging, protection or caches, under the monitor as well if it took them over."""
    write_cr0(orders.target)


@metal
def set_cr3(orders: Orders) -> None:
    """Reach another's memory by page tables that lie where there is no memory of one's own."""
    asm("mov cr3, $0", None, "r", orders.target)


@metal
def set_cr4(orders: Orders) -> None:
    """Turn processor features on or off, under the monitor as well if it took them over."""
    write_cr4(orders.target)


@metal
def set_cr8(orders: Orders) -> None:
    """Keep every interrupt from the core, those of the monitor too if it used any."""
    asm("mov cr8, $0", None, "r", u64(15))


@metal
def set_cr4_and_ask(orders: Orders) -> None:
    """Have the monitor go wrong by a state that the processor does not enter."""
    write_cr4(orders.target)
    hypercall(Hypercall.APIC_WRITE, u64(ApicRegister.COMMAND), orders.value)


# ---- debug registers ---------------------------------------------------------------------------


@metal
def set_breakpoint(orders: Orders) -> None:
    """Raise a debug exception in the monitor, where it executes or writes what is watched."""
    asm("mov dr0, $0\nmov dr7, $1", None, "r,r", orders.target, orders.value)
    hypercall(Hypercall.PANIC, 0, 0)


@metal
def read_debug_registers(orders: Orders) -> None:
    """Learn what others debug."""
    asm("mov rax, dr0\nmov rax, dr6\nmov rax, dr7", None, "~{rax}")


# ---- model-specific registers ------------------------------------------------------------------


@metal
def read_denied_msr(orders: Orders) -> None:
    """Learn where the machine keeps its state."""
    read_msr(u32(orders.target))


@metal
def write_denied_msr(orders: Orders) -> None:
    """Change how the core, or the machine, works."""
    write_msr(u32(orders.target), orders.value)


@metal
def read_wide_msr(orders: Orders) -> None:
    """Read an MSR past who looks into the MSR map, by a number of over 32 bits."""
    asm("rdmsr", (u32, u32), "={eax},={edx},{rcx}", orders.target)


@metal
def write_wide_msr(orders: Orders) -> None:
    """Write an MSR past who looks into the MSR map, by a number of over 32 bits."""
    low = orders.value & 0xFFFF_FFFF
    asm("wrmsr", None, "{rcx},{rax},{rdx}", orders.target, low, orders.value >> 32)


@metal
def relocate_apic(orders: Orders) -> None:
    """Put the local APIC's page over memory, or back into the mode that is not filtered."""
    write_msr(u32(Msr.APIC_BASE), orders.target | APIC_BASE_ENABLE)
