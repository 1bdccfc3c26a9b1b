"""The part of ACPI that tells which processors and I/O APICs a machine has (ACPI 6.5, 5.2)."""

from __future__ import annotations

from questv.metal.lang import Array, u8, u16, u32, u64
from questv.metal.structs import Struct, sizeof


class RootPointer(Struct, packed=True):
    """RSDP (5.2.5.3); the fields from ``length`` on exist from revision 2."""

    signature: u64  # "RSD PTR "
    checksum: u8
    oem: Array[u8, 6]
    revision: u8
    rsdt: u32
    length: u32
    xsdt: u64
    extended_checksum: u8
    reserved: Array[u8, 3]


class TableHeader(Struct, packed=True):
    """The header of every description table (5.2.6)."""

    signature: u32
    length: u32  # of the whole table, this header included
    revision: u8
    checksum: u8
    oem: Array[u8, 6]
    oem_table: u64
    oem_revision: u32
    creator: u32
    creator_revision: u32


class InterruptController(Struct, packed=True):
    """The head of an entry of the MADT (5.2.12)."""

    kind: u8
    length: u8


class LocalApicEntry(Struct, packed=True):
    """Processor local APIC (5.2.12.2)."""

    kind: u8
    length: u8
    processor: u8
    apic_id: u8
    flags: u32


class LocalX2ApicEntry(Struct, packed=True):
    """Processor local x2APIC (5.2.12.12)."""

    kind: u8
    length: u8
    reserved: Array[u8, 2]
    apic_id: u32
    flags: u32
    processor: u32


class IoApicEntry(Struct, packed=True):
    """I/O APIC (5.2.12.3)."""

    kind: u8
    length: u8
    id: u8
    reserved: u8
    address: u32
    first_line: u32  # number of its first line among those of all I/O APICs


class OverrideEntry(Struct, packed=True):
    """Interrupt source override (5.2.12.5): an ISA interrupt on a line of another number."""

    kind: u8
    length: u8
    bus: u8
    source: u8
    line: u32
    flags: u16


assert sizeof(RootPointer) == 36
assert sizeof(TableHeader) == 36
assert sizeof(LocalApicEntry) == 8
assert sizeof(LocalX2ApicEntry) == 16
assert sizeof(IoApicEntry) == 12
assert sizeof(OverrideEntry) == 10

RSDP_SIGNATURE = int.from_bytes(b"RSD PTR ", "little")
MADT_SIGNATURE = int.from_bytes(b"APIC", "little")
MADT_ENTRIES_OFFSET = 44
"""After the header: the local APIC's address and flags, four bytes each (5.2.12)."""
KIND_LOCAL_APIC = 0
KIND_IO_APIC = 1
KIND_OVERRIDE = 2
KIND_LOCAL_X2APIC = 9
PROCESSOR_ENABLED = 1
