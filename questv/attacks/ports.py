"""Attacks on devices by I/O ports. The attacker has some of its own, next to which others begin."""

from __future__ import annotations

from questv.arch.x86.instructions import in8, out8, out32
from questv.attacks.orders import Orders
from questv.attacks.sight import see_everything
from questv.metal.lang import asm, metal, u8, u16, u32, u64


@metal
def read(orders: Orders) -> None:
    """Ask a device that is not the attacker's."""
    in8(u16(orders.target))


@metal
def write(orders: Orders) -> None:
    """Command a device that is not the attacker's, such as one that resets the machine."""
    out8(u16(orders.target), u8(orders.value & 0xFF))


@metal
def read_16(orders: Orders) -> None:
    """Ask a device by two ports at once, of which one may be one's own."""
    asm("in ax, dx", u16, "={ax},{dx}", u16(orders.target))


@metal
def write_16(orders: Orders) -> None:
    """Command a device by two ports at once, of which one may be one's own."""
    asm("out dx, ax", None, "{dx},{ax}", u16(orders.target), u16(orders.value & 0xFFFF))


@metal
def read_32(orders: Orders) -> None:
    """Ask a device by four ports at once, of which some may be one's own."""
    asm("in eax, dx", u32, "={eax},{dx}", u16(orders.target))


@metal
def write_32(orders: Orders) -> None:
    """Command a device by four ports at once, of which some may be one's own."""
    out32(u16(orders.target), u32(orders.value & 0xFFFF_FFFF))


@metal
def read_string(orders: Orders) -> None:
    """Have a device's bytes written to memory by one instruction."""
    place = orders.scratch
    see_everything(orders)
    asm("rep insb", None, "{dx},{rdi},{rcx}", u16(orders.target), place, u64(16))


@metal
def write_string(orders: Orders) -> None:
    """Have a device commanded by bytes of memory, in one instruction."""
    place = orders.scratch
    see_everything(orders)
    asm("rep outsb", None, "{dx},{rsi},{rcx}", u16(orders.target), place, u64(16))


@metal
def read_string_across(orders: Orders) -> None:
    """Write another's memory by string input from a port of one's own, which nobody forbids."""
    see_everything(orders)
    asm("rep insb", None, "{dx},{rdi},{rcx}", u16(orders.value), orders.target - 8, u64(16))


@metal
def write_string_across(orders: Orders) -> None:
    """Read another's memory by string output to a port of one's own."""
    see_everything(orders)
    asm("rep outsb", None, "{dx},{rsi},{rcx}", u16(orders.value), orders.target - 8, u64(16))
