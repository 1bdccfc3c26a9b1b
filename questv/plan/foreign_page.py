"""The page that tells a foreign kernel where it is: read-only to it, above its memory."""

from __future__ import annotations

from questv.arch.x86.machine import MachineFacts
from questv.arch.x86.pvh import MAGIC as START_MAGIC
from questv.arch.x86.pvh import MEMORY_MAP_RAM, MemoryMapEntry, StartInfo
from questv.metal.lang import Array, u8, u32, u64
from questv.metal.structs import Struct, at, offsetof, sizeof
from questv.plan.model import SandboxPlan
from questv.system.rules.kernels import COMMAND_LINE_LIMIT

MAGIC = int.from_bytes(b"questvfk", "little")
VERSION = 1
COMMAND_LINE = COMMAND_LINE_LIMIT + 1

LEGACY_HOLE = range(0xA0000, 0x100000)
"""Memory that is there, but in no memory map: PCs have a display adapter and firmware there."""


class ForeignPage(Struct, size=4096):
    """The page. Addresses are guest-physical."""

    magic: u64 = at(0x000)  # "questvfk"
    version: u32 = at(0x008)  # 1
    core: u32 = at(0x00C)  # the sandbox's core, by the plan
    memory: u64 = at(0x010)  # bytes of the sandbox's memory, from address 0
    console: u64 = at(0x018)  # the console's ring
    command_line: u64 = at(0x020)  # the command line, which ends with a zero byte
    start_info: u64 = at(0x028)  # the start information of PVH, whichever way the kernel began
    uart_port: u32 = at(0x030)  # first port of the sandbox's 16550, 0 if it has none
    machine: MachineFacts = at(0x040)  # written by the boot
    start: StartInfo = at(0x400)  # PVH's own layout, as are the entries of the memory map
    memory_map: Array[MemoryMapEntry, 2] = at(0x440)
    text: Array[u8, COMMAND_LINE] = at(0x800)  # the command line itself


def memory_ranges(memory: int) -> list[range]:
    """The memory that a kernel is told of, of ``memory`` bytes from address 0."""
    if memory <= LEGACY_HOLE.stop:
        return [range(min(memory, LEGACY_HOLE.start))]
    return [range(LEGACY_HOLE.start), range(LEGACY_HOLE.stop, memory)]


def foreign_page(sandbox: SandboxPlan, command_line: str) -> ForeignPage:
    """The page of a sandbox, without what the boot writes."""
    address = sandbox.start.rdi
    command = address + offsetof(ForeignPage, "text")
    ranges = memory_ranges(sandbox.memory)
    page = ForeignPage(
        magic=MAGIC,
        version=VERSION,
        core=sandbox.core,
        memory=sandbox.memory,
        console=sandbox.console,
        command_line=command,
        start_info=address + offsetof(ForeignPage, "start"),
        uart_port=sandbox.console_port,
    )
    page.start.magic = START_MAGIC
    page.start.version = 1
    page.start.command_line = command
    page.start.memory_map = address + offsetof(ForeignPage, "memory_map")
    page.start.memory_map_entries = len(ranges)
    for entry, each in zip(page.memory_map, ranges, strict=False):
        entry.address, entry.size, entry.kind = each.start, len(each), MEMORY_MAP_RAM
    for index, byte in enumerate(command_line.encode()):
        page.text[index] = byte
    return page


assert sizeof(MachineFacts) <= offsetof(ForeignPage, "start") - offsetof(ForeignPage, "machine")
