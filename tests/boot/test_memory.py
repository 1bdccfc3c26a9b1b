"""Which memory maps the boot accepts."""

from __future__ import annotations

from typing import Any

import pytest

from questv.arch.x86.pvh import MAGIC, MEMORY_MAP_RAM, MemoryMapEntry, StartInfo
from questv.boot import memory, serial
from questv.boot.plan import BootPlan
from questv.metal.interpret.events import Steps
from questv.metal.interpret.interpreter import Interpreter, Model
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program

PROGRAM = Program()
RESERVED = 2
MEBIBYTE = 1 << 20
HIGH = (MEBIBYTE, 15 * MEBIBYTE, MEMORY_MAP_RAM)
"""Room for all of the plan."""


class StoppedError(Exception):
    """The boot has ended."""


def said(*ranges: tuple[int, int, int]) -> str:
    """What the boot says about a memory map; nothing if it goes on."""
    space = Memory()
    entries = b"".join(
        bytes(MemoryMapEntry(address=address, size=size, kind=kind))
        for address, size, kind in ranges
    )
    start = StartInfo(
        magic=MAGIC,
        version=1,
        memory_map=space.reserve(entries).start,
        memory_map_entries=len(ranges),
    )
    plan = BootPlan(region_count=1)
    plan.regions[0].start, plan.regions[0].size = 2 * MEBIBYTE, MEBIBYTE
    text = ""

    def put(byte: int) -> Steps[None]:
        nonlocal text
        yield from ()
        text += chr(byte)

    def stop() -> Steps[None]:
        yield from ()
        raise StoppedError

    models: dict[Any, Model] = {serial._put: put, serial.stop: stop}
    domain = Interpreter(PROGRAM, space, models=models)
    places = [space.reserve(bytes(struct)).start for struct in (start, plan)]
    try:
        domain.run(memory.check, *places)
    except StoppedError:
        assert text
        return text
    assert not text
    return ""


@pytest.mark.parametrize("low", [(0, 0x9FC00), (0x8000, 0x1000), (0x7FFF, 0x1001)])
def test_the_page_where_cores_start_is_ram(low: tuple[int, int]) -> None:
    assert said((*low, MEMORY_MAP_RAM), HIGH) == ""
    assert said(HIGH, (*low, MEMORY_MAP_RAM)) == ""


@pytest.mark.parametrize(
    "ranges",
    [
        [HIGH],
        [(0, 0x8FFF, MEMORY_MAP_RAM), HIGH],
        [(0x8001, 0x8000, MEMORY_MAP_RAM), HIGH],
        [(0, 0x9FC00, RESERVED), HIGH],
        [(0, 0x9FC00, MEMORY_MAP_RAM), (0x8FFF, 1, RESERVED), HIGH],
    ],
)
def test_the_page_where_cores_start_is_not_ram(ranges: list[tuple[int, int, int]]) -> None:
    assert said(*ranges) == (
        "questv: cores start in the page at 8000, which is not free RAM on this machine; "
        "use another machine or firmware\r\n"
    )


def test_the_plan_is_not_in_ram() -> None:
    low = (0, 0x9FC00, MEMORY_MAP_RAM)
    for start, size in ((MEBIBYTE, 2 * MEBIBYTE - 1), (2 * MEBIBYTE + 1, MEBIBYTE)):
        line = said(low, (start, size, MEMORY_MAP_RAM))
        assert line.startswith("questv: the plan needs memory from 200000 to 300000, ")
