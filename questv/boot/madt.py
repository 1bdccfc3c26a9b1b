"""ACPI's table of interrupt controllers, the MADT: processors and I/O APICs."""

from __future__ import annotations

from questv.arch.x86.acpi import (
    MADT_ENTRIES_OFFSET,
    MADT_SIGNATURE,
    RSDP_SIGNATURE,
    InterruptController,
    RootPointer,
    TableHeader,
)
from questv.arch.x86.pvh import StartInfo
from questv.boot.serial import say, stop
from questv.metal.lang import Ptr, metal, u32, u64
from questv.metal.structs import Struct, sizeof


class Madt(Struct):
    """Where its entries are, in physical memory."""

    start: u64
    end: u64


@metal
def find(start: StartInfo, found: Madt) -> None:
    """Look for the firmware's MADT; end the boot if there is none."""
    root = Ptr[RootPointer](start.acpi_root)
    if start.acpi_root == 0 or root[0].signature != RSDP_SIGNATURE:
        say("the firmware has no ACPI tables; start the machine with ACPI (QEMU: acpi=on)")
        stop()
    table = _find_table(root[0])
    if table == 0:
        say("the firmware's ACPI tables name no processors (no MADT); Quest-V needs it")
        stop()
    found.start = table + MADT_ENTRIES_OFFSET
    found.end = table + u64(Ptr[TableHeader](table)[0].length)


@metal
def _find_table(root: RootPointer) -> u64:
    """The physical address of the MADT, or 0."""
    wide = root.revision >= 2 and root.xsdt != 0
    table = root.xsdt if wide else u64(root.rsdt)
    width: u64 = 8 if wide else 4
    header = Ptr[TableHeader](table)[0]
    at = table + sizeof(TableHeader)
    while at + width <= table + u64(header.length):
        address = Ptr[u64](at)[0] if wide else u64(Ptr[u32](at)[0])
        if Ptr[TableHeader](address)[0].signature == MADT_SIGNATURE:
            return address
        at += width
    return 0


@metal
def first(tables: Madt) -> u64:
    """The address of the first entry, or 0."""
    return _entry(tables, tables.start)


@metal
def next(tables: Madt, at: u64) -> u64:
    """The address of the entry after the one at ``at``, or 0."""
    return _entry(tables, at + u64(Ptr[InterruptController](at)[0].length))


@metal
def _entry(tables: Madt, at: u64) -> u64:
    """``at`` if a whole head of an entry is there, or 0."""
    if at + sizeof(InterruptController) > tables.end:
        return 0
    return at if Ptr[InterruptController](at)[0].length >= sizeof(InterruptController) else 0
