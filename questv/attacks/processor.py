"""Attacks with instructions that command the processor itself."""

from __future__ import annotations

from questv.arch.x86.descriptors import TablePointer
from questv.arch.x86.instructions import (
    disable_interrupts,
    in8,
    load_idt,
    out8,
    read_msr,
    write_msr,
)
from questv.attacks.orders import Orders
from questv.metal.lang import addr, asm, local, metal, u16, u32


@metal
def read_denied_msr(orders: Orders) -> None:
    """Learn where the machine keeps its state: read an MSR that is not declared."""
    read_msr(u32(orders.target))


@metal
def write_denied_msr(orders: Orders) -> None:
    """Change the machine: write an MSR that is not declared."""
    write_msr(u32(orders.target), 0)


@metal
def read_wide_msr(orders: Orders) -> None:
    """Confuse who looks into the MSR map: give RDMSR a number of over 32 bits."""
    asm("rdmsr", (u32, u32), "={eax},={edx},{rcx}", orders.target)


@metal
def write_wide_msr(orders: Orders) -> None:
    """The same with WRMSR."""
    low = orders.value & 0xFFFF_FFFF
    asm("wrmsr", None, "{rcx},{rax},{rdx}", orders.target, low, orders.value >> 32)


@metal
def read_denied_port(orders: Orders) -> None:
    """Ask a device that is not the attacker's."""
    in8(u16(orders.target))


@metal
def write_denied_port(orders: Orders) -> None:
    """Command a device that is not the attacker's, such as the one that resets the machine."""
    out8(u16(orders.target), 0x0E)


@metal
def vmrun(orders: Orders) -> None:
    """Run a guest of one's own, with a view of one's own."""
    asm("vmrun rax", None, "{rax}", orders.target)


@metal
def vmload(orders: Orders) -> None:
    """Load processor state from memory that the processor reads by physical address."""
    asm("vmload rax", None, "{rax}", orders.target)


@metal
def vmsave(orders: Orders) -> None:
    """Have the processor write its state over physical memory."""
    asm("vmsave rax", None, "{rax}", orders.target)


@metal
def stgi(orders: Orders) -> None:
    """Set the global interrupt flag, which is the monitor's."""
    asm("stgi", None, "")


@metal
def clgi(orders: Orders) -> None:
    """Clear the global interrupt flag, and never be interrupted again, not even by NMI."""
    asm("clgi", None, "")


@metal
def skinit(orders: Orders) -> None:
    """Restart the processor securely, into code of one's own."""
    asm("skinit eax", None, "{eax}", u32(orders.target & 0xFFFF_0000))


@metal
def invlpga(orders: Orders) -> None:
    """Drop another address space's translations."""
    asm("invlpga rax, ecx", None, "{rax},{ecx}", orders.target, u32(0))


@metal
def triple_fault(orders: Orders) -> None:
    """Reset the machine by a fault that can't be reported, in a fault that can't be reported."""
    nothing: TablePointer = local()
    load_idt(addr(nothing))
    asm("ud2", None, "")


@metal
def bad_hypercall(orders: Orders) -> None:
    """Find a call that the monitor does not check."""
    asm("vmmcall", None, "{rax}", orders.target)


@metal
def hang(orders: Orders) -> None:
    """Keep the run from ending: never end, and never be interrupted."""
    disable_interrupts()
    while True:
        pass


@metal
def single_step(orders: Orders) -> None:
    """Begin an exception whose delivery some processors repeat for ever: a debug exception."""
    asm("pushfq\nor qword ptr [rsp], 0x100\npopfq\nnop", None, "")
