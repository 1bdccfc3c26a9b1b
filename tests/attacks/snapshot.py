"""The memory that must not change, whatever an attacker does: which it is, and what it holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from questv.arch.x86.paging import PAGE_SIZE
from questv.arch.x86.svm import Vmcb
from questv.machine import GuestMemory
from questv.machine.memory import FIRST_BANK_END, LOW_BANK_START
from questv.metal.structs import sizeof
from questv.metal.symbols import Symbols
from questv.plan.build import BuiltSystem
from questv.plan.model import Owner, Plan, SandboxPlan

ATTACKER = "attacker"
_CANARY = b"untouched memory"


@dataclass(frozen=True)
class Stretch:
    """Memory that has a name."""

    start: int
    end: int
    name: str


def written_by_others(built: BuiltSystem) -> list[Stretch]:
    """Memory that changes without an attacker's doing: what kernels and monitors work with."""
    found = []
    for sandbox in built.plan.sandboxes:
        for window in sandbox.view:
            # The rest of a kernel's memory is its page tables, which it never changes, and
            # memory that it does not use. An attacker may do that to its own.
            unused = window.name == "page tables and free memory" and sandbox.name != ATTACKER
            if window.rights == "rw" and not unused:
                start, end = window.physical, window.physical + window.size
                found += _around(_settled(built, sandbox), Stretch(start, end, window.name))
        for window in sandbox.monitor_windows:
            if window.name in ("stack", "public", "control"):
                found.append(Stretch(window.physical, window.physical + window.size, window.name))
            elif window.rights == "rw" and not window.device:
                found += _monitor_state(sandbox, built.monitor.symbols)
        found.append(Stretch(sandbox.host_save, sandbox.host_save + PAGE_SIZE, "host save area"))
    return sorted(found, key=lambda stretch: stretch.start)


def _settled(built: BuiltSystem, sandbox: SandboxPlan) -> Iterator[Stretch]:
    """Variables of a kernel that it sets before it says that it runs, and never again."""
    if sandbox.name == ATTACKER:
        return
    symbols = built.kernels[sandbox.name].symbols
    for name in _SETTLED:
        symbol = symbols.by_name[name]
        start = sandbox.physical(symbol.address)
        yield Stretch(start, start + symbol.size, name)


_SETTLED = (
    "questv.kernel.tables.gdt",
    "questv.kernel.tables.idt",
    "kernel_task_state",
    "questv.kernel.doorbells._by_vector",
)


def _around(holes: Iterable[Stretch], whole: Stretch) -> Iterator[Stretch]:
    """What is left of a stretch without the holes."""
    at = whole.start
    for hole in sorted(holes, key=lambda hole: hole.start):
        if whole.start <= hole.start < whole.end:
            yield Stretch(at, hole.start, whole.name)
            at = hole.end
    yield Stretch(at, whole.end, whole.name)


def _monitor_state(sandbox: SandboxPlan, symbols: Symbols) -> Iterator[Stretch]:
    """The variables by which a monitor works; its others are set once."""
    restarts = _OF_RESTARTS if sandbox.recovery is not None else ()
    for name in ("questv.monitor.svm.registers", *restarts):
        symbol = symbols.by_name[name]
        for window in sandbox.monitor_windows:
            if window.address <= symbol.address < window.address + window.size:
                start = window.physical + symbol.address - window.address
                yield Stretch(start, start + symbol.size, name)


_OF_RESTARTS = (
    "questv.monitor.recovery._restarts",
    "questv.monitor.pending.table",
    "questv.monitor.suspicion._entered",
)
"""What a monitor writes when it restarts its kernel."""


def constant_memory(built: BuiltSystem) -> list[Stretch]:
    """All memory but what is ``written_by_others``, split where owners change."""
    plan = built.plan
    regions = [(region.start, region.end) for region in plan.regions]
    borders = {border for region in regions for border in region}
    above = [(start, end) for start, end in regions if start >= plan.memory]
    found = []
    for first, last in ((0, FIRST_BANK_END), (LOW_BANK_START, plan.memory), *above):
        at = first
        for hole in (*written_by_others(built), Stretch(last, last, "")):
            if at < hole.start <= last:
                cuts = sorted({at, hole.start, *(b for b in borders if at < b < hole.start)})
                for start, end in itertools.pairwise(cuts):
                    found.append(Stretch(start, end, _name(plan, start)))
            if first <= hole.start < last:
                at = max(at, hole.end)
    return found


def _name(plan: Plan, address: int) -> str:
    region = plan.region_at(address)
    return region.name if region else "memory that nobody has"


class Snapshot:
    """The memory that must not change, at one moment, and the settings of all control blocks."""

    def __init__(self, memory: GuestMemory, built: BuiltSystem) -> None:
        self._stretches = constant_memory(built)
        self._contents = [
            memory.read(stretch.start, stretch.end - stretch.start) for stretch in self._stretches
        ]
        self._blocks = {
            sandbox.name: Vmcb.view(memory.read(sandbox.control, sizeof(Vmcb)))
            for sandbox in built.plan.sandboxes
        }

    def changes(self, later: Snapshot) -> Iterator[str]:
        """What is different later, in words."""
        for stretch, before, after in zip(
            self._stretches, self._contents, later._contents, strict=True
        ):
            if before != after:
                at = next(i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b)
                yield f"memory at {stretch.start + at:#x} has changed ({stretch.name})"
        for name, block in self._blocks.items():
            for setting in _SETTINGS:
                if _setting(block, setting) != _setting(later._blocks[name], setting):
                    yield f"the control block of {name} has another {setting}"


def _setting(block: Vmcb, name: str) -> int:
    value = int(getattr(block, name))
    # The lower bits are the processor's, which says there what the task priority was.
    return value >> 16 if name == "virtual_interrupt" else value


_SETTINGS = (
    *("intercept_cr", "intercept_dr", "intercept_exceptions", "intercept3", "intercept4"),
    *("io_permissions", "msr_permissions", "tsc_offset", "asid", "virtual_interrupt"),
    *("nested_paging", "nested_cr3"),
)
"""What a monitor sets in a control block once and for all."""


def canaries(built: BuiltSystem, folder: Path) -> tuple[tuple[int, Path], ...]:
    """Contents for all memory that nobody uses, so that a write there shows."""
    placed = []
    for index, (start, end) in enumerate(_unused(built.plan)):
        file = folder / f"canary-{index}"
        file.write_bytes(_CANARY * ((end - start) // len(_CANARY)))
        placed.append((start, file))
    return tuple(placed)


def _unused(plan: Plan) -> Iterator[tuple[int, int]]:
    """What no region holds, and what no kernel uses of its own, from the first region on."""
    regions = sorted(plan.regions, key=lambda region: region.start)
    for region, following in zip(regions, [*regions[1:], None], strict=True):
        end = min(following.start if following else plan.memory, plan.memory)
        if region.end < end:
            yield region.end, end
        if region.owner is Owner.SANDBOX and region.of != ATTACKER:
            yield region.start + plan.sandbox(region.of).memory_used, region.end
