"""The start information of a PVH boot (Xen's public/arch-x86/hvm/start_info.h)."""

from __future__ import annotations

from questv.metal.lang import u32, u64
from questv.metal.structs import Struct, offsetof, sizeof

MAGIC = 0x336E_C578
MEMORY_MAP_RAM = 1
ELF_NOTE_PHYS32_ENTRY = 18
ELF_NOTE_NAME = b"Xen\0"


class StartInfo(Struct):
    """What ebx points to at the entry point."""

    magic: u32
    version: u32
    flags: u32
    module_count: u32
    modules: u64
    command_line: u64  # physical address of a string that ends with a zero byte, or 0
    acpi_root: u64  # physical address of the RSDP, or 0
    memory_map: u64  # from version 1 on
    memory_map_entries: u32
    reserved: u32


class MemoryMapEntry(Struct):
    """One range of the machine's physical memory."""

    address: u64
    size: u64
    kind: u32
    reserved: u32


assert sizeof(StartInfo) == 56
assert offsetof(StartInfo, "memory_map") == 40
assert sizeof(MemoryMapEntry) == 24
