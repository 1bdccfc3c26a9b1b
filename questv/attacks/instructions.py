"""Attacks with instructions that command the processor itself, or hand it to somebody else."""

from __future__ import annotations

from questv.attacks.orders import Orders
from questv.metal.lang import asm, metal, u32, u64


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
def vmsave_with_repeat(orders: Orders) -> None:
    """Confuse who decodes instructions by a prefix that means nothing here: REP."""
    asm(".byte 0xF3, 0x0F, 0x01, 0xDB", None, "{rax}", orders.target)


@metal
def vmsave_with_operand_size(orders: Orders) -> None:
    """Confuse who decodes instructions by a prefix of the operand's size."""
    asm(".byte 0x66, 0x0F, 0x01, 0xDB", None, "{rax}", orders.target)


@metal
def vmsave_with_address_size(orders: Orders) -> None:
    """Confuse who decodes instructions by a prefix that makes the address 32 bits wide."""
    asm(".byte 0x67, 0x0F, 0x01, 0xDB", None, "{rax}", orders.target)


@metal
def vmrun_with_prefixes(orders: Orders) -> None:
    """Confuse who decodes instructions by as many prefixes as one can have."""
    asm(
        ".byte 0x66, 0x67, 0x2E, 0x3E, 0x64, 0x65, 0xF2, 0xF3, 0x48, 0x0F, 0x01, 0xD8",
        None,
        "{rax}",
        orders.target,
    )


@metal
def clgi_with_lock(orders: Orders) -> None:
    """Confuse who decodes instructions by LOCK, which no such instruction may have."""
    asm(".byte 0xF0, 0x0F, 0x01, 0xDD", None, "")


@metal
def invd(orders: Orders) -> None:
    """Throw away what caches hold, others' last writes among it."""
    asm("invd", None, "")


@metal
def wbinvd(orders: Orders) -> None:
    """Empty caches that others share, again and again."""
    asm("wbinvd", None, "")


@metal
def monitor(orders: Orders) -> None:
    """Watch another's writes to a line of memory."""
    asm("monitor", None, "{rax},{rcx},{rdx}", orders.target, u64(0), u64(0))


@metal
def mwait(orders: Orders) -> None:
    """Put the core into a sleep of one's own choice, from which it may not wake for the monitor."""
    asm("mwait", None, "{rax},{rcx}", u64(0x60), u64(0))


@metal
def rsm(orders: Orders) -> None:
    """Return from system management mode, without having been there, to any state at all."""
    asm("rsm", None, "")


@metal
def set_extended_control(orders: Orders) -> None:
    """Turn processor extensions on or off by XSETBV, under the monitor as well."""
    asm("mov rax, cr4\nor eax, 0x40000\nmov cr4, rax", None, "~{rax}")
    asm("xsetbv", None, "{ecx},{eax},{edx}", u32(0), u32(3), u32(0))


@metal
def enter_system(orders: Orders) -> None:
    """Go to where SYSENTER, SYSCALL and SYSEXIT lead, with registers that nobody has set."""
    asm("syscall", None, "~{rcx},~{r11}")


@metal
def breakpoint_of_hardware(orders: Orders) -> None:
    """Raise a debug exception past who looks for them, by an instruction of its own: ICEBP."""
    asm(".byte 0xF1", None, "")


@metal
def read_counters(orders: Orders) -> None:
    """Learn what the processor tells anybody: identification and time."""
    asm(
        "cpuid\nrdtsc\nrdtscp\npause",
        None,
        "{eax},{ecx},~{rax},~{rbx},~{rcx},~{rdx}",
        u32(0x8000_000A),
        u32(0),
    )
