"""Whether the plan gives each page of the machine one owner, as the description says.

Where things are is the plan's claim. What is checked here makes it safe to rely on: regions don't
meet, each has the size that was declared, and what a claim places is in its owner's region.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeGuard

from questv.audit.binaries import Binary
from questv.audit.declared import Declared, least_sizes, movers_of, stand_ins_of
from questv.audit.model import PAGE, Violation
from questv.diagnostics import BadInputError
from questv.plan.model import Owner, Plan, ProcessPlan, Region, SandboxPlan, Window
from questv.system.model import Isolation, System

FOUR_GIB = 4 << 30
MSR_MAP_SIZE = 2 * PAGE  # APM vol. 2, 15.11
IO_MAP_SIZE = 3 * PAGE  # APM vol. 2, 15.10.1
_ONE_OWNER = "one owner for each page"


def check_names(system: System, plan: Plan, programs: set[str]) -> None:
    """Raise BadInputError unless description, plan and programs are of one system."""
    names = [sandbox.name for sandbox in system.sandboxes]
    needed = {"boot", "monitor", *(f"kernel-{s.name}" for s in system.sandboxes if not s.kernel)}
    own = [
        [task.name for task in sandbox.tasks if task.isolation is Isolation.PROCESS]
        for sandbox in system.sandboxes
    ]
    needed |= {
        f"process-{sandbox.name}.{task}"
        for sandbox, tasks in zip(system.sandboxes, own, strict=True)
        for task in tasks
    }
    guests = [
        [
            each.name_in(sandbox.name)
            for each in movers_of(system)
            if sandbox.name in each.places[1:]
        ]
        for sandbox in system.sandboxes
    ]
    processes = [sorted([*one, *other]) for one, other in zip(own, guests, strict=True)]
    described = (
        names,
        [channel.name for channel in system.channels],
        [[each.name for each in sandbox.inputs] for sandbox in system.sandboxes],
        [bool(sandbox.kernel) for sandbox in system.sandboxes],
        processes,
        [each.home for each in {s.sandbox: s for s in stand_ins_of(system)}.values()],
    )
    claimed = (
        [sandbox.name for sandbox in plan.sandboxes],
        [channel.name for channel in plan.channels],
        [[each.name for each in sandbox.inputs] for sandbox in plan.sandboxes],
        [bool(sandbox.foreign) for sandbox in plan.sandboxes],
        [
            sorted(sandbox.tasks[process.task].name for process in sandbox.processes)
            for sandbox in plan.sandboxes
        ],
        [sandbox.takeover.of for sandbox in plan.sandboxes if sandbox.takeover is not None],
    )
    regions = Counter(region.of for region in plan.regions if region.owner is Owner.SANDBOX)
    whole = needed <= programs
    if not whole or described != claimed or regions != Counter(dict.fromkeys(names, 1)):
        raise BadInputError(
            "the image's description, plan and programs are not of one system",
            "build it again with 'questv build'",
        )


def check_owners(declared: Declared) -> Iterator[Violation]:
    """Everything that is wrong with who owns what."""
    yield from _regions(declared)
    yield from _sizes(declared)
    for sandbox in declared.plan.sandboxes:
        yield from _kernel(declared, sandbox)
        yield from _monitor(declared, sandbox)
        yield from _hardware(declared, sandbox)


# ---- regions ---------------------------------------------------------------------------------


def _regions(declared: Declared) -> Iterator[Violation]:
    memory = declared.system.machine.memory
    regions = sorted(declared.plan.regions, key=lambda region: region.start)
    for region in regions:
        if region.start % PAGE or region.size % PAGE or region.size <= 0:
            yield _wrong(region, "is not in whole pages", _ONE_OWNER)
        if region.end > memory and not _is_above(region):
            yield _wrong(region, "is not all in memory", f"{memory:#x} bytes of memory")
        if not _is_expected(declared, region):
            yield _wrong(region, f"belongs to {region.owner} '{region.of}', which is not there", "")
    for one, other in pairwise(regions):
        if other.start < one.end:
            yield _wrong(other, f"takes pages of {one.name}", _ONE_OWNER)


def _is_above(region: Region) -> bool:
    """Whether it is above 4 GiB, where there are MSR maps with their guards, and nothing else."""
    kinds = (Owner.HARDWARE, Owner.GUARD, Owner.BOOT)
    return region.start >= FOUR_GIB and region.owner in kinds


def _is_expected(declared: Declared, region: Region) -> bool:
    match region.owner:
        case Owner.BOOT | Owner.GUARD:
            return region.of == ""
        case Owner.MONITOR | Owner.HARDWARE | Owner.SANDBOX:
            return region.of in declared.sandboxes
        case Owner.HEARTBEAT:
            return region.of in declared.heartbeats
        case Owner.CHANNEL:
            return region.of in {channel.name for channel in declared.system.channels}
        case Owner.TASK:
            return region.of in {f"{each.home}.{each.name}" for each in declared.movers}
        case Owner.INPUT:
            return any(
                region.of == each.name
                for sandbox in declared.system.sandboxes
                for each in sandbox.inputs
            )


def _sizes(declared: Declared) -> Iterator[Violation]:
    """What was declared is there, and as big as it should be."""
    for sandbox in declared.system.sandboxes:
        region = declared.memory_of(sandbox.name)
        # Above a foreign kernel's memory there is what it is told, and a little more.
        least, is_foreign = sandbox.memory, sandbox.kernel is not None
        if region.size < least or (region.size > least and not is_foreign):
            yield _wrong(region, f"has {region.size:#x} bytes", f"{sandbox.memory:#x} bytes")
        claim = declared.plan.sandbox(sandbox.name)
        if claim.core != declared.cores[sandbox.name]:
            core = declared.cores[sandbox.name]
            yield _claim(sandbox.name, f"is on core {claim.core}", f"core {core}")
        for each, place in zip(sandbox.inputs, claim.inputs, strict=True):
            there = declared.plan.region_at(place.physical)
            if not _is(there, Owner.INPUT, each.name) or there.size < PAGE + each.size:
                yield _claim(
                    sandbox.name,
                    f"has its input '{each.name}' at {place.physical:#x}, where it does not fit",
                    f"{each.size:#x} bytes and their header in a region of their own",
                    place.physical,
                )
    tasks = Counter(region.of for region in declared.plan.regions if region.owner is Owner.TASK)
    for mover in declared.movers:
        of = f"{mover.home}.{mover.name}"
        if tasks[of] != 1:
            yield _claim(f"task {of}", f"has {tasks[of]} regions", "one region of its own")
    beats = Counter(r.of for r in declared.plan.regions if r.owner is Owner.HEARTBEAT)
    for name in declared.heartbeats:
        if beats[name] != 1:
            yield _claim(name, f"has {beats[name]} pages for its heartbeat", "one page of its own")
    for channel in declared.system.channels:
        areas = [area for _, area in declared.sides(channel)]
        fit = [area.size >= least for area, least in zip(areas, least_sizes(channel), strict=False)]
        owned = all(_is(area, Owner.CHANNEL, channel.name) for area in areas)
        if not owned or len({area.start for area in areas}) != 2 or not all(fit):
            yield _claim(
                f"channel {channel.name}",
                "has not two regions of its own that are large enough",
                "a side for each party",
            )


# ---- what is placed in them ------------------------------------------------------------------


def _kernel(declared: Declared, sandbox: SandboxPlan) -> Iterator[Violation]:
    who = f"kernel of {sandbox.name}"
    memory = declared.memory_of(sandbox.name)
    is_foreign = declared.is_foreign(sandbox.name)
    # A foreign kernel has nothing but its memory; its view is the plan's claim, and no reason.
    others = {
        part.physical: part.size
        for part in ([] if is_foreign else declared.reach(sandbox.name))
        if not memory.start <= part.physical < memory.end
    }
    for window in sandbox.kernel_windows:
        own = memory.start <= window.physical and window.physical + window.size <= memory.end
        if not own and window.size > others.get(window.physical, 0):
            yield _misplaced(who, window, "its own memory, its channels, its inputs")
    yield from _apart(who, [*sandbox.kernel_windows, *_own_of_processes(declared, sandbox)])
    if not _is(declared.plan.region_at(sandbox.info), Owner.SANDBOX, sandbox.name):
        yield _claim(
            who, f"has what it is told at {sandbox.info:#x}", "its own memory", sandbox.info
        )
    if is_foreign:
        return  # it has page tables and a program of its own
    program = declared.kernel_programs[sandbox.name]
    yield from _sections_placed(who, program, sandbox.kernel_windows)
    for process in sandbox.processes:
        task = sandbox.tasks[process.task].name
        binary = declared.process_programs[process.program]
        yield from _sections_placed(f"process {task} of {sandbox.name}", binary, process.windows)
        yield from _process_placed(declared, sandbox, process)
    if not _is(declared.plan.region_at(sandbox.kernel_tables), Owner.SANDBOX, sandbox.name):
        yield _claim(
            who,
            f"has its page tables at {sandbox.kernel_tables:#x}",
            "its own memory",
            sandbox.kernel_tables,
        )


def _monitor(declared: Declared, sandbox: SandboxPlan) -> Iterator[Violation]:
    who = f"monitor of {sandbox.name}"
    program = declared.monitor_program
    # What stands there is known without the plan: all public pages, and the APIC.
    apic, peers = program.address("monitor_apic_page"), program.address("monitor_peers")
    own = [each for each in sandbox.monitor_windows if each.address < peers]
    own = [each for each in own if each.address != apic]
    for window in own:
        region = declared.plan.region_at(window.physical)
        end = window.physical + window.size
        if not _is(region, Owner.MONITOR, sandbox.name) or end > region.end:
            yield _misplaced(who, window, "its own memory")
    yield from _apart(who, own)
    yield from _sections_placed(who, program, own)
    for what, address in (
        ("control block", sandbox.control),
        ("public page", sandbox.public),
        ("part of the plan", sandbox.monitor_plan),
    ):
        if not _is(declared.plan.region_at(address), Owner.MONITOR, sandbox.name):
            yield _claim(who, f"has its {what} at {address:#x}", "its own memory", address)
    if declared.is_restarted(sandbox.name) and not _is(
        declared.image_of(sandbox.name), Owner.MONITOR, sandbox.name
    ):
        yield _claim(who, "has no image to restart its kernel from", "its own memory")


def _own_of_processes(declared: Declared, sandbox: SandboxPlan) -> Iterator[Window]:
    """What processes have of their sandbox's memory, but for what is their kernel's, too."""
    for process in sandbox.processes:
        told = declared.process_programs[process.program].address("process_info")
        for window in process.windows:
            own = process.start <= window.physical < process.start + process.size
            if own and window.address != told:
                yield window


def _process_placed(
    declared: Declared, sandbox: SandboxPlan, process: ProcessPlan
) -> Iterator[Violation]:
    """A process lies in its sandbox's memory, and sees what it was given besides."""
    who = f"process {sandbox.tasks[process.task].name} of {sandbox.name}"
    memory = declared.moving(sandbox.name, process) or declared.memory_of(sandbox.name)
    if not memory.start <= process.start <= process.start + process.size <= memory.end:
        yield _claim(who, f"lies at {process.start:#x}", memory.name, process.start)
    seen = {part.physical: part.size for part in declared.process(process, sandbox.name)}
    for window in process.windows:
        end = window.physical + window.size
        own = process.start <= window.physical and end <= process.start + process.size
        if not own and window.size > _region_size(declared, seen, window.physical):
            yield _misplaced(who, window, "its own memory, its ends of channels, its inputs")
    for what, address in (("top page table", process.tables), ("record", process.object)):
        place = address if what == "top page table" else sandbox.physical(address)
        if not _is(declared.plan.region_at(place), Owner.SANDBOX, sandbox.name):
            yield _claim(who, f"has its {what} at {place:#x}", "its sandbox's memory", place)


def _region_size(declared: Declared, seen: Mapping[int, int], physical: int) -> int:
    """How much there may be seen of what begins at a physical address."""
    region = declared.plan.region_at(physical)
    return region.size if physical in seen and region is not None else 0


def _apart(who: str, windows: Sequence[Window]) -> Iterator[Violation]:
    """No page has two purposes, and so no page can be written under another name."""
    ordered = sorted(windows, key=lambda window: window.physical)
    for one, other in pairwise(ordered):
        if other.physical < one.physical + one.size:
            yield _claim(
                who,
                f"has {one.name} and {other.name} at one place",
                "one purpose for each page",
                other.physical,
            )


def _sections_placed(who: str, program: Binary, windows: Sequence[Window]) -> Iterator[Violation]:
    places = {window.address: window.size for window in windows}
    for section in program.sections:
        if places.get(section.address) != section.size:
            yield _claim(
                who,
                f"has no place for {section.name} of its program, at {section.address:#x}",
                f"{section.size:#x} bytes, {section.rights}",
                section.address,
            )


def _hardware(declared: Declared, sandbox: SandboxPlan) -> Iterator[Violation]:
    """What the processor reads is in memory that is for nothing else."""
    places = (
        ("nested tables", sandbox.nested_tables, PAGE),
        ("monitor's tables", sandbox.monitor_tables, PAGE),
        ("MSR map", sandbox.msr_map, MSR_MAP_SIZE),
        ("I/O map", sandbox.io_map, IO_MAP_SIZE),
        ("host save area", sandbox.host_save, PAGE),
        *(
            [("nested tables after a takeover", sandbox.takeover.nested_tables, PAGE)]
            if sandbox.takeover is not None
            else []
        ),
    )
    used: set[int] = set()
    for what, address, size in places:
        region = declared.plan.region_at(address)
        if (
            not _is(region, Owner.HARDWARE, sandbox.name)
            or address % PAGE
            or address + size > region.end
            or region.start in used
        ):
            yield _claim(
                sandbox.name,
                f"has its {what} at {address:#x} ({declared.whose(address)})",
                "a region of its own that only the processor reads",
                address,
            )
        if region is not None:
            used.add(region.start)


def _is(region: Region | None, owner: Owner, of: str) -> TypeGuard[Region]:
    return region is not None and region.owner is owner and region.of == of


def _claim(who: str, what: str, declared: str, page: int | None = None) -> Violation:
    return Violation(who, f"{who} {what}", declared, page)


def _wrong(region: Region, what: str, declared: str) -> Violation:
    return Violation(region.of or region.name, f"{region.name} {what}", declared, region.start)


def _misplaced(who: str, window: Window, declared: str) -> Violation:
    return _claim(who, f"has its {window.name} at {window.physical:#x}", declared, window.physical)
