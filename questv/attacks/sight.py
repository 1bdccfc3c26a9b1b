"""Page tables of the attacker's own that show all memory and all devices at their own addresses.

Nothing in a kernel's memory can prevent that; what must hold are the nested tables below.
"""

from __future__ import annotations

from questv.arch.x86.paging import ENTRIES, LARGE, PAGE_SIZE, PRESENT, USER, WRITABLE
from questv.attacks.orders import DIRECTORY_ENTRIES, Orders
from questv.metal.lang import Array, Ptr, addr, asm, metal, static, u64

_EVERYTHING = PRESENT | WRITABLE | USER
_PAGES = 3
_KERNEL = 1  # the GiB at which the kernel has its own program and stacks
_DEVICES = 3  # the GiB below 4 GiB
_GIB_SHIFT = 30

scratch: Array[u64, ENTRIES * (_PAGES + 1)] = static(export="attack_scratch")
"""Memory for page tables: whole pages from the first boundary on."""


@metal
def _skipped() -> u64:
    return (PAGE_SIZE - addr(scratch) % PAGE_SIZE) % PAGE_SIZE


@metal
def own_page(index: u64) -> Ptr[u64]:
    """A page of ``scratch``, as the kernel sees it: two for tables, then one of zeros."""
    return Ptr[u64](addr(scratch) + _skipped() + index * PAGE_SIZE)


@metal
def own_page_physical(orders: Orders, index: u64) -> u64:
    """Where that page lies."""
    return orders.scratch + _skipped() + index * PAGE_SIZE


@metal
def see_everything(orders: Orders) -> None:
    """Show the first GiB, that of the devices and the target's; the kernel's stays where it is."""
    directory = own_page(1)
    own_page(0)[0] = own_page_physical(orders, 1) | _EVERYTHING
    for i in range(u64(DIRECTORY_ENTRIES)):
        directory[i] = orders.directory[i]
    _show(0)
    _show(_DEVICES)
    wanted = orders.target >> _GIB_SHIFT
    if wanted < ENTRIES and wanted != _KERNEL:
        _show(wanted)
    asm("mov cr3, $0", None, "r", own_page_physical(orders, 0))


@metal
def _show(gib: u64) -> None:
    own_page(1)[gib] = gib << _GIB_SHIFT | _EVERYTHING | LARGE
