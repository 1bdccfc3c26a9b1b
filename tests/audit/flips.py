"""Flips every bit of what isolation rests on, one at a time, and asks the audit.

``python -m tests.audit.flips`` does it for all of two systems, prints what came of it, and writes
docs/results/bit-flips.jsonl. What widens a right is said by ``oracle``, not by the audit.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from questv.audit import control, maps
from questv.audit.binaries import Binary
from questv.audit.declared import Declared
from questv.audit.entries import Entry
from questv.audit.sources import ImageMemory, NoMemoryError
from questv.audit.tables import Tables, kernel_tables, monitor_tables, view_tables
from questv.audit.walk import Above, Walk
from questv.plan.build import BuiltSystem
from questv.plan.model import SandboxPlan
from tests.audit.oracle import control_widens, shown
from tests.running import run_system

from .subjects import HELLO, PAGE, built

RESULTS = Path(__file__).parents[2] / "docs" / "results" / "bit-flips.jsonl"


@dataclass
class Count:
    """Of one kind of thing: bits flipped, how many flips widen a right, and what was caught."""

    system: str
    what: str
    flips: int = 0
    widening: int = 0
    widening_caught: int = 0
    others_caught: int = 0

    def add(self, widens: bool, caught: bool) -> None:
        self.flips += 1
        self.widening += widens
        self.widening_caught += widens and caught
        self.others_caught += caught and not widens


@dataclass
class Patched:
    """Memory with something else at one place, which may change between two looks."""

    memory: ImageMemory
    at: int
    contents: bytearray

    def read(self, address: int, length: int) -> bytes:
        if address == self.at:
            return bytes(self.contents[:length])
        return self.memory.read(address, length)


class Flips:
    """All flips of one system."""

    def __init__(self, system: BuiltSystem) -> None:
        self.plan = system.plan
        self.memory = ImageMemory(system.image)
        kernels = {
            name: Binary(program.name, program.elf) for name, program in system.kernels.items()
        }
        monitor = Binary("monitor", system.monitor.elf)
        self.declared = Declared(system.description.system, self.plan, monitor, kernels, {})

    def tables(self, sandbox: SandboxPlan) -> Iterator[tuple[str, Tables, int, bool]]:
        """The sandbox's three sets of tables: what, what they may show, the root, and if nested."""
        name = sandbox.name
        yield "nested tables", view_tables(self.declared, name), sandbox.nested_tables, True
        yield "kernels' tables", kernel_tables(self.declared, name), sandbox.kernel_tables, False
        yield "monitors' tables", monitor_tables(self.declared, name), sandbox.monitor_tables, False

    # ---- page tables -------------------------------------------------------------------------

    def flip_tables(self, count: Count, tables: Tables, root: int, nested: bool) -> None:
        """Every bit of every entry of one set of tables."""
        region = self.plan.region_at(root)
        assert region is not None
        own = range(region.start, region.end, PAGE)
        whole = Walk(self.memory, own).from_top(root)
        assert not whole.faults
        for entry, address, above, rights in self._entries(root, 4, 0, Above(), "wxu"):
            below = Walk(self.memory, own)
            below.entry(entry, address, above)
            let = set(shown(self._page, entry.value, entry.level, address, rights, nested=nested))
            for bit in range(64):
                value = entry.value ^ 1 << bit
                flipped = Entry(entry.table, entry.index, value, entry.level)
                walk = Walk(self.memory, own)
                walk.tables = whole.tables - below.tables
                walk.entry(flipped, address, above)
                caught = bool(walk.faults) or any(
                    True for leaf in walk.leaves for _ in tables.leaf(leaf, self.declared)
                )
                found = shown(self._page, value, entry.level, address, rights, nested=nested)
                count.add(any(each not in let for each in found), caught)

    def _entries(
        self, table: int, level: int, base: int, above: Above, rights: str
    ) -> Iterator[tuple[Entry, int, Above, str]]:
        """All entries, empty ones too, each with its address and what is left on the way to it."""
        words = struct.unpack("<512Q", self.memory.read(table, PAGE))
        for index, value in enumerate(words):
            entry = Entry(table, index, value, level)
            address = base + index * entry.size
            yield entry, address, above, rights
            if entry.present and not entry.shows_memory:
                left = rights if entry.writable else rights.replace("w", "")
                left = left if entry.user else left.replace("u", "")
                left = left if entry.executable else left.replace("x", "")
                yield from self._entries(entry.target, level - 1, address, above.below(entry), left)

    def _page(self, address: int) -> bytes | None:
        try:
            return self.memory.read(address, PAGE)
        except NoMemoryError:
            return None

    # ---- permission maps ---------------------------------------------------------------------

    def flip_msrs(self, count: Count, sandbox: SandboxPlan, step: int) -> None:
        """Every bit of an MSR map, or one in ``step``."""
        contents = self.memory.read(sandbox.msr_map, 2 * PAGE)
        _flip_map(count, contents, maps.check_msrs, self.declared.msrs(sandbox.name), step)

    def flip_ports(self, count: Count, sandbox: SandboxPlan, step: int) -> None:
        """Every bit of an I/O map, or one in ``step``."""
        contents = self.memory.read(sandbox.io_map, 3 * PAGE)
        _flip_map(count, contents, maps.check_ports, self.declared.ports(sandbox.name), step)

    def flip_guards(self, count: Count, sandbox: SandboxPlan, step: int) -> None:
        """Every bit, or one in ``step``, of what lies where QEMU may look instead of a map."""
        for distance in maps.GUARD_DISTANCES:
            at = sandbox.msr_map + distance
            guard = bytearray(self.memory.read(at, maps.GUARD_SIZE))
            memory = Patched(self.memory, at, guard)
            for bit in range(0, 8 * len(guard), step):
                widens = bool(guard[bit // 8] >> bit % 8 & 1)
                guard[bit // 8] ^= 1 << bit % 8
                found = maps.check_guards("", memory, sandbox.msr_map, self.declared.owner_at)
                count.add(widens, any(True for _ in found))
                guard[bit // 8] ^= 1 << bit % 8

    # ---- control blocks ----------------------------------------------------------------------

    def flip_control(self, count: Count, sandbox: SandboxPlan, block: bytes) -> None:
        """Every bit of the control area of a control block as a machine has left it."""
        wanted = control.fields((sandbox.nested_tables,), sandbox.msr_map, sandbox.io_map)
        changed = bytearray(block)
        assert not list(control.check_control("", block, 0, wanted))
        for bit in range(8 * 0x400):
            before = changed[bit // 8] >> bit % 8 & 1
            changed[bit // 8] ^= 1 << bit % 8
            caught = any(True for _ in control.check_control("", bytes(changed), 0, wanted))
            count.add(control_widens(bit, before), caught)
            changed[bit // 8] ^= 1 << bit % 8


def _flip_map(
    count: Count, contents: bytes, check: Callable[..., Iterator[Any]], declared: Any, step: int
) -> None:
    """One bit at a time: one that becomes 0 lets something through."""

    def caught() -> bool:
        return any(True for _ in check("", bytes(changed), 0, declared))

    changed = bytearray(contents)
    assert not caught()
    for bit in range(0, 8 * len(changed), step):
        widens = bool(changed[bit // 8] >> bit % 8 & 1)
        changed[bit // 8] ^= 1 << bit % 8
        count.add(widens, caught())
        changed[bit // 8] ^= 1 << bit % 8


def flip_all(
    system: BuiltSystem, names: tuple[str, ...], scratch: Path, *, maps_step: int = 1
) -> list[Count]:
    """Every bit of all that isolates the sandboxes of these names; the system is run once.

    Of permission maps, whose bits don't depend on each other, one in ``maps_step`` will do.
    """
    flips = Flips(system)
    counts: dict[str, Count] = {}

    def counted(what: str, flip: Callable[[Count], None]) -> None:
        flip(counts.setdefault(what, Count(system.plan.name, what)))

    run = run_system(system, scratch)
    for name in names:
        sandbox = system.plan.sandbox(name)
        for what, tables, root, nested in flips.tables(sandbox):
            counted(what, lambda c, t=tables, r=root, n=nested: flips.flip_tables(c, t, r, n))  # type: ignore[misc]
        counted("MSR maps", lambda c, s=sandbox: flips.flip_msrs(c, s, maps_step))  # type: ignore[misc]
        counted("MSR guards", lambda c, s=sandbox: flips.flip_guards(c, s, maps_step))  # type: ignore[misc]
        counted("I/O maps", lambda c, s=sandbox: flips.flip_ports(c, s, maps_step))  # type: ignore[misc]
        block = run.memory(sandbox.control, PAGE)
        counted("control blocks", lambda c, s=sandbox, b=block: flips.flip_control(c, s, b))  # type: ignore[misc]
    return list(counts.values())


def main() -> None:
    lines = []
    for folder in (HELLO, HELLO.parent / "thermostat"):
        system = built(folder)
        with tempfile.TemporaryDirectory() as scratch:
            counts = flip_all(system, tuple(system.kernels), Path(scratch))
        for count in counts:
            print(f"{count.system:10} {count.what:17} {count.flips:9,} flips, "
                  f"{count.widening:9,} widen, {count.widening_caught:9,} of them caught, "
                  f"{count.others_caught:9,} others caught")  # fmt: skip
            lines.append(json.dumps(asdict(count)))
    if "--write" in sys.argv:
        RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
