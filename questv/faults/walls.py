"""The memory that must not change, whatever one sandbox does, and the settings of control blocks.

Everything counts but what the sandbox itself may write, and what the others and the monitors work
with. Of those the variables count that are set before a kernel runs and never again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from questv.arch.x86.paging import PAGE_SIZE
from questv.arch.x86.svm import Vmcb
from questv.machine import GuestMemory
from questv.machine.memory import FIRST_BANK_END, LOW_BANK_START
from questv.metal.structs import offsetof, sizeof
from questv.metal.symbols import Symbols
from questv.monitor.interface import PublicPage
from questv.monitor.plan import MonitorPlan
from questv.plan.model import Plan, SandboxPlan
from questv.plan.programs import Program

_SETTLED = (
    "questv.kernel.tables.gdt",
    "questv.kernel.tables.idt",
    "kernel_task_state",
    "questv.kernel.doorbells._by_vector",
)
_OF_ENTRIES = ("questv.monitor.svm.registers", "questv.monitor.suspicion._entered")
"""What a monitor writes when it enters its kernel; the second, a time, at each beginning."""
_OF_WATCHERS = ("questv.monitor.suspicion._asked",)
_OF_RESTARTS = (
    "questv.monitor.recovery._restarts",
    "questv.monitor.pending.table",
)
"""What a monitor writes when its kernel suspects another, and when it restarts its kernel."""
_SETTINGS = (
    *("intercept_cr", "intercept_dr", "intercept_exceptions", "intercept3", "intercept4"),
    *("io_permissions", "msr_permissions", "tsc_offset", "asid", "virtual_interrupt"),
    *("nested_paging", "nested_cr3"),
)
"""What a monitor sets in a control block once and for all."""


_WORD = 8


@dataclass(frozen=True)
class Stretch:
    """Memory that has a name. What a kernel settles holds from when it has said that it runs."""

    start: int
    end: int
    name: str
    settled_by: str = ""


def constant_memory(plan: Plan, programs: Mapping[str, Program], suspect: str) -> list[Stretch]:
    """All memory but what ``suspect`` or others may write, split where owners change."""
    regions = [(region.start, region.end) for region in plan.regions]
    above = [(start, end) for start, end in regions if start >= plan.memory]
    holes = _written(plan, programs, suspect)
    places = [(place, each.name) for each in plan.sandboxes for place in _settled(programs, each)]
    settled = {place.start: name for place, name in places}
    borders = {border for region in regions for border in region}
    borders |= {border for place, _ in places for border in (place.start, place.end)}
    found: list[Stretch] = []
    for first, last in ((0, FIRST_BANK_END), (LOW_BANK_START, plan.memory), *above):
        at = first
        for hole in (*holes, Stretch(last, last, "")):
            if at < hole.start <= last:
                cuts = sorted({at, hole.start, *(b for b in borders if at < b < hole.start)})
                for start, end in itertools.pairwise(cuts):
                    found.append(Stretch(start, end, _name(plan, start), settled.get(start, "")))
            if first <= hole.start < last:
                at = max(at, hole.end)
    return found


def _written(plan: Plan, programs: Mapping[str, Program], suspect: str) -> list[Stretch]:
    """Memory that changes without anybody's fault: what kernels and monitors work with."""
    found = [_exchanges(programs)]
    for sandbox in plan.sandboxes:
        for window in sandbox.view:
            # The rest of a kernel's memory is its page tables, which it never changes, and
            # memory that it does not use. A suspect may do that to its own.
            unused = window.name == "page tables and free memory" and sandbox.name != suspect
            if window.rights == "rw" and not unused:
                start, end = window.physical, window.physical + window.size
                whole = Stretch(start, end, window.name)
                kept = () if sandbox.name == suspect else _settled(programs, sandbox)
                found += _around(kept, whole)
        for window in sandbox.monitor_windows:
            if window.name in ("stack", "public", "control"):
                found.append(Stretch(window.physical, window.physical + window.size, window.name))
            elif window.rights == "rw" and not window.device:
                found += _monitor_state(sandbox, programs["monitor"].symbols)
        found.append(Stretch(sandbox.host_save, sandbox.host_save + PAGE_SIZE, "host save area"))
        error = sandbox.monitor_plan + offsetof(MonitorPlan, "tsc_error")
        found.append(Stretch(error, error + _WORD, "error of its clock"))
    return sorted(found, key=lambda stretch: stretch.start)


def _exchanges(programs: Mapping[str, Program]) -> Stretch:
    """What cores have told each other of their clocks while they booted.

    One kernel may run while the next core boots. These are times, and so are the errors that they
    come to: they depend on how quick all cores are.
    """
    symbol = programs["boot"].symbols.by_name["questv.boot.offsets.exchanges"]
    return Stretch(symbol.address, symbol.address + symbol.size, "what clocks say")


def _settled(programs: Mapping[str, Program], sandbox: SandboxPlan) -> Iterator[Stretch]:
    """Variables of a kernel that it sets before it says that it runs, and never again."""
    if sandbox.foreign is not None:
        return
    symbols = programs[f"kernel-{sandbox.name}"].symbols
    for name in _SETTLED:
        symbol = symbols.by_name[name]
        start = sandbox.physical(symbol.address)
        yield Stretch(start, start + symbol.size, name)


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
    watches = _OF_WATCHERS if sandbox.heartbeat is not None else ()
    restarts = _OF_RESTARTS if sandbox.recovery is not None else ()
    for name in (*_OF_ENTRIES, *watches, *restarts):
        symbol = symbols.by_name[name]
        for window in sandbox.monitor_windows:
            if window.address <= symbol.address < window.address + window.size:
                start = window.physical + symbol.address - window.address
                yield Stretch(start, start + symbol.size, name)


def _name(plan: Plan, address: int) -> str:
    region = plan.region_at(address)
    return region.name if region else "memory that nobody has"


class Walls:
    """The memory that must not change, at one moment, and the settings of all control blocks."""

    def __init__(self, memory: GuestMemory, plan: Plan, stretches: list[Stretch]) -> None:
        """Copy all of it; ``stretches`` are those of ``constant_memory``."""
        self._stretches = stretches
        self._pieces = [dict(_pieces(memory, stretch)) for stretch in stretches]
        self._started = {
            sandbox.name
            for sandbox in plan.sandboxes
            if int(PublicPage.view(memory.read(sandbox.public, sizeof(PublicPage))).started)
        }
        self._blocks = {
            sandbox.name: Vmcb.view(memory.read(sandbox.control, sizeof(Vmcb)))
            for sandbox in plan.sandboxes
        }

    def changes(self, later: Walls, put: bytes = b"", at: int = 0) -> Iterator[str]:
        """What is different later, in words, but for ``put``, which somebody has put ``at`` there.

        Only the first difference within each stretch is told.
        """
        expected = dict(enumerate(put, start=at))
        for stretch, before, after in zip(
            self._stretches, self._pieces, later._pieces, strict=True
        ):
            settled = not stretch.settled_by or stretch.settled_by in later._started
            if settled and before != after:
                place = next(_differences(before, after, expected), None)
                if place is not None:
                    yield f"memory at {place:#x} has changed ({stretch.name})"
        for name, block in self._blocks.items():
            for setting in _SETTINGS:
                if _setting(block, setting) != _setting(later._blocks[name], setting):
                    yield f"the control block of {name} has another {setting}"


def _pieces(memory: GuestMemory, stretch: Stretch) -> Iterator[tuple[int, bytes]]:
    """The parts of a stretch within pages, by their addresses, that are not zero all through."""
    for start, length in memory.held(stretch.start, stretch.end - stretch.start):
        data = memory.read(start, length)
        at = 0
        while at < length:
            end = min(at + PAGE_SIZE - (start + at) % PAGE_SIZE, length)
            piece = data[at:end]
            if piece.count(0) != len(piece):
                yield start + at, piece
            at = end


def _differences(
    before: Mapping[int, bytes], after: Mapping[int, bytes], expected: Mapping[int, int]
) -> Iterator[int]:
    """The addresses at which pieces differ and have not what is ``expected`` there."""
    for start in sorted(before.keys() | after.keys()):
        old, new = before.get(start, b""), after.get(start, b"")
        for offset, (one, other) in enumerate(itertools.zip_longest(old, new, fillvalue=0)):
            if one != other and expected.get(start + offset) != other:
                yield start + offset


def _setting(block: Vmcb, name: str) -> int:
    value = int(getattr(block, name))
    # The lower bits are the processor's, which says there what the task priority was.
    return value >> 16 if name == "virtual_interrupt" else value
