"""Single instructions that Python has no operator for."""

from __future__ import annotations

from questv.metal.lang import asm, assembly, metal, u8, u16, u32, u64

# ---- control of the processor ----------------------------------------------------------------


@metal(inline=True)
def pause() -> None:
    """Tell the processor (and an emulator) that this is a wait loop."""
    asm("pause", None, "")


@metal(inline=True)
def halt() -> None:
    """Sleep until the next interrupt that can be delivered."""
    asm("hlt", None, "")


@metal(inline=True)
def disable_interrupts() -> None:
    """Clear RFLAGS.IF."""
    asm("cli", None, "")


@metal(inline=True)
def enable_interrupts() -> None:
    """Set RFLAGS.IF; an interrupt that waits is taken after the next instruction."""
    asm("sti", None, "")


@metal(inline=True)
def read_flags() -> u64:
    """RFLAGS."""
    return asm("pushfq\npop $0", u64, "=r")


@metal(inline=True)
def read_tsc() -> u64:
    """The time-stamp counter; not ordered with other instructions."""
    low, high = asm("rdtsc", (u32, u32), "={eax},={edx}")
    return u64(high) << 32 | u64(low)


@metal(inline=True)
def read_tsc_in_order() -> u64:
    """The time-stamp counter, read after all before has been done, and before all after begins.

    LFENCE sees to that (APM vol. 3).
    """
    low, high = asm("lfence\nrdtsc\nlfence", (u32, u32), "={eax},={edx}")
    return u64(high) << 32 | u64(low)


@metal(inline=True)
def cpuid(leaf: u32, register: u32) -> u32:
    """CPUID of ``leaf``, subleaf 0: eax, ebx, ecx or edx as ``register`` 0 to 3."""
    a, b, c, d = asm("cpuid", (u32, u32, u32, u32), "={eax},={ebx},={ecx},={edx},0,2", leaf, u32(0))
    if register == 0:
        return a
    if register == 1:
        return b
    return c if register == 2 else d


# ---- model-specific registers, ports ---------------------------------------------------------


@metal(inline=True)
def read_msr(number: u32) -> u64:
    """RDMSR. All of rcx is set: QEMU looks at its upper half, too, whether a guest may do this."""
    low, high = asm("rdmsr", (u32, u32), "={eax},={edx},{rcx}", u64(number))
    return u64(high) << 32 | u64(low)


@metal(inline=True)
def write_msr(number: u32, value: u64) -> None:
    """WRMSR, likewise."""
    asm("wrmsr", None, "{rcx},{eax},{edx}", u64(number), u32.wrap(value), u32(value >> 32))


@metal(inline=True)
def out8(port: u16, value: u8) -> None:
    """Write a byte to an I/O port."""
    asm("out dx, al", None, "{dx},{al}", port, value)


@metal(inline=True)
def in8(port: u16) -> u8:
    """Read a byte from an I/O port."""
    return asm("in al, dx", u8, "={al},{dx}", port)


@metal(inline=True)
def out32(port: u16, value: u32) -> None:
    """Write four bytes to an I/O port."""
    asm("out dx, eax", None, "{dx},{eax}", port, value)


# ---- control registers and tables ------------------------------------------------------------


@metal(inline=True)
def read_cr0() -> u64:
    """CR0."""
    return asm("mov $0, cr0", u64, "=r")


@metal(inline=True)
def write_cr0(value: u64) -> None:
    """Set CR0."""
    asm("mov cr0, $0", None, "r", value)


@metal(inline=True)
def read_cr3() -> u64:
    """CR3."""
    return asm("mov $0, cr3", u64, "=r")


@metal(inline=True)
def write_cr3(value: u64) -> None:
    """Use the page tables at this physical address."""
    asm("mov cr3, $0", None, "r", value)


@metal(inline=True)
def read_cr4() -> u64:
    """CR4."""
    return asm("mov $0, cr4", u64, "=r")


@metal(inline=True)
def write_cr4(value: u64) -> None:
    """Set CR4."""
    asm("mov cr4, $0", None, "r", value)


@metal(inline=True)
def save_floats(state: u64) -> None:
    """Store the x87, MMX and SSE registers at an address that 16 divides: 512 bytes."""
    asm("fxsave64 [$0]", None, "r", state)


@metal(inline=True)
def restore_floats(state: u64) -> None:
    """Load what ``save_floats`` stored."""
    asm("fxrstor64 [$0]", None, "r", state)


@metal(inline=True)
def read_cr2() -> u64:
    """CR2: the address of the last page fault."""
    return asm("mov $0, cr2", u64, "=r")


@metal(inline=True)
def load_gdt(pseudo_descriptor: u64) -> None:
    """LGDT from a ``TablePointer`` at this address."""
    asm("lgdt [$0]", None, "r", pseudo_descriptor)


@metal(inline=True)
def load_idt(pseudo_descriptor: u64) -> None:
    """LIDT from a ``TablePointer`` at this address."""
    asm("lidt [$0]", None, "r", pseudo_descriptor)


@metal(inline=True)
def load_task_register(selector: u16) -> None:
    """LTR."""
    asm("ltr $0", None, "r", selector)


@metal(inline=True)
def crc32c(state: u32, value: u64) -> u32:
    """One step of CRC-32C (Castagnoli) over eight bytes."""
    return u32.wrap(asm("crc32 $0, $1", u64, "=r,r,0", value, u64(state)))


# ---- memory ----------------------------------------------------------------------------------


@assembly(
    """
    mov rcx, rdx
    rep movsq
    ret
    """
)
def copy_words(to: u64, source: u64, count: u64) -> None:
    """Copy ``count`` words of eight bytes upwards."""


@assembly(
    """
    mov rcx, rsi
    xor eax, eax
    rep stosq
    ret
    """
)
def clear_words(to: u64, count: u64) -> None:
    """Set ``count`` words of eight bytes to zero."""
