"""Images to audit, and memory with something changed in it."""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from questv.audit.auditor import Auditor, Subject
from questv.audit.model import Audit
from questv.audit.sources import ImageMemory, Memory
from questv.plan.build import BuiltSystem, build
from questv.plan.model import Plan

HELLO = Path(__file__).parents[2] / "examples" / "hello"
PAGE = 4096


@functools.cache
def built(folder: Path) -> BuiltSystem:
    return build(folder)


def hello() -> BuiltSystem:
    return built(HELLO)


def subject(built: BuiltSystem, /, **changes: Any) -> Subject:
    """What is audited; ``changes`` replace parts of it."""
    programs = [built.boot, built.monitor, *built.kernels.values(), *built.processes.values()]
    parts = {
        "name": built.plan.name,
        "image": built.hash,
        "system": built.description.system,
        "plan": built.plan,
        "programs": {program.name: program.elf for program in programs},
    }
    return Subject(**{**parts, **changes})


class Changed:
    """Memory with other bytes at some places."""

    def __init__(self, memory: Memory, changes: Mapping[int, bytes]) -> None:
        self._memory = memory
        self._changes = changes

    def read(self, address: int, length: int) -> bytes:
        found = bytearray(self._memory.read(address, length))
        for start, change in self._changes.items():
            for offset, byte in enumerate(change):
                if address <= start + offset < address + length:
                    found[start + offset - address] = byte
        return bytes(found)


def memory(system: BuiltSystem) -> ImageMemory:
    return ImageMemory(system.image)


def audited(system: BuiltSystem, changes: Mapping[int, bytes] | None = None) -> Audit:
    """The audit of a system's image with other bytes at some physical addresses."""
    return Auditor(subject(system), Changed(memory(system), changes or {}), live=False).audit()


def word(system: BuiltSystem, address: int) -> int:
    return int.from_bytes(memory(system).read(address, 8), "little")


def flipped(system: BuiltSystem, address: int, *bits: int) -> dict[int, bytes]:
    """A change of some bits of the word at ``address``."""
    return {address: struct.pack("<Q", word(system, address) ^ sum(1 << bit for bit in bits))}


def entry_of(system: BuiltSystem, root: int, address: int, level: int = 1) -> int:
    """Where the entry of a table of ``level`` for an address stands; tables without large pages."""
    table = root
    for above in range(4, level, -1):
        index = address >> 12 + 9 * (above - 1) & 511
        table = word(system, table + 8 * index) & 0x000F_FFFF_FFFF_F000
    return table + 8 * (address >> 12 + 9 * (level - 1) & 511)


def with_sandbox(plan: Plan, name: str, **changes: Any) -> Plan:
    """The plan with other claims for one sandbox."""
    return plan.model_copy(
        update={
            "sandboxes": tuple(
                each.model_copy(update=changes) if each.name == name else each
                for each in plan.sandboxes
            )
        }
    )
