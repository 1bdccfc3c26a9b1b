"""Each sandbox's program and stacks: what is known before any memory is given out."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from questv.arch.x86.paging import LARGE_PAGE_SIZE, PAGE_SIZE
from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.kernel.console import Console
from questv.kernel.floats import FloatState
from questv.kernel.info import SandboxInfo
from questv.kernel.states import MAX_KEPT, RESTORED
from questv.metal.check.signatures import signature
from questv.metal.stack import StackDepths
from questv.metal.structs import offsetof, sizeof
from questv.plan import addresses, virtual
from questv.plan.addresses import page_up
from questv.plan.devices import drivers
from questv.plan.foreign import LINUX_PARAMETERS, ForeignKernel, read_kernel
from questv.plan.foreign_page import ForeignPage
from questv.plan.meters import meters_in, meters_of_modules
from questv.plan.model import MeterPlan, Region, StartPlan, StatePlan, VcpuPlan, Window
from questv.plan.objects import TABLES
from questv.plan.page_tables import Mapping as PageMapping
from questv.plan.page_tables import PageTables
from questv.plan.processes import PlannedProcess, plan_processes
from questv.plan.programs import KERNEL_MODULES, Program, Programs
from questv.plan.stacks import kernel_stacks
from questv.plan.tasks import FolderTasks
from questv.plan.vcpus import Placed, place_tasks
from questv.plan.virtual import Stacks
from questv.plan.windows import make_window, mappings, state_windows
from questv.system.description import BoundTask, Description
from questv.system.model import Sandbox
from questv.system.movers import MIGRATION, guest_name
from questv.system.tasks import ParameterKind
from questv.system.units import format_size

_PROGRAM_ROOM = addresses.KERNEL_INFO - addresses.KERNEL_PROGRAM
_STATES_ROOM = addresses.KERNEL_STACKS - addresses.KERNEL_STATES
_STACKS_ROOM = addresses.KERNEL_CHANNELS - addresses.KERNEL_STACKS


RUN_PROCESS = "kernel_run_process"
"""The kernel's function that a process is to the scheduler."""

LIVE = "kernel_live"
"""The kernel's function that a process which moves is to the scheduler."""

MOVE_OTHERS = "kernel_migration"
"""The kernel's function that moves them."""

BOTTOM_HALF = "kernel_bottom_half"
"""The kernel's function that does what a stream's interrupts ask for."""


@dataclass(frozen=True)
class PlannedTask:
    """A task or a bottom half, with the symbols of its functions and the stack that it needs.

    The state of its floating-point registers, if it uses any, lies at the top of its stack.
    ``states`` are its own objects, by parameter. If it is a ``process``, the stack is what the
    kernel uses on its behalf.
    """

    placed: Placed
    name: str
    symbol: str
    initialize: str | None
    stack_size: int
    stack_needed: int
    float_state_size: int
    states: tuple[StatePlan, ...]
    process: PlannedProcess | None

    @property
    def bound(self) -> BoundTask:
        """The task itself, or the one that a bottom half works for."""
        return self.placed.task

    @property
    def is_bottom_half(self) -> bool:
        """Whether it does what a device's interrupts ask for."""
        return self.placed.device is not None

    @property
    def moves_others(self) -> bool:
        """Whether it is what moves tasks."""
        return self.bound.task.name == MIGRATION

    @property
    def stands_in_for(self) -> str | None:
        """The task of another sandbox whose place it can take."""
        return None if self.is_bottom_half else self.bound.task.stands_in_for

    @property
    def is_guest(self) -> bool:
        """Whether it belongs to another sandbox."""
        return self.bound.home is not None


@dataclass(frozen=True)
class Begin:
    """What a kernel's plan says of its beginning; see ``SandboxPlan``."""

    start: StartPlan
    entry: int
    stack_top: int
    tables: int
    status: int | None
    console: int
    restored: int | None


@dataclass(frozen=True)
class PlannedSandbox(ABC):
    """A sandbox of either kind: what it has in its memory, before it is known where that lies."""

    index: int
    model: Sandbox
    core: int

    @property
    def name(self) -> str:
        """The sandbox's name."""
        return self.model.name

    @property
    @abstractmethod
    def block_size(self) -> int:
        """Bytes of physical memory that are its alone."""

    @property
    @abstractmethod
    def align(self) -> int:
        """What boundary that memory is to begin on."""

    @abstractmethod
    def parts(self) -> list[Window]:
        """What lies in that memory, one part after the other; physical addresses come later."""

    @abstractmethod
    def tables_size(self, windows: list[Window]) -> int:
        """Bytes of the page tables that lie behind the parts, once it sees these ``windows``."""

    @abstractmethod
    def view(self, windows: list[Window], block: Region, placed: int) -> list[Window]:
        """What it can reach at all; ``placed`` bytes of its ``block`` are parts."""

    @abstractmethod
    def begin(self, tables: int) -> Begin:
        """How its kernel begins; ``tables`` is what lies behind the parts."""

    @abstractmethod
    def content(self) -> Program | ForeignKernel:
        """What its kernel is made of."""

    @abstractmethod
    def symbols_of(self) -> Program | None:
        """The kernel as a program, if it has symbols by which it can be looked into."""


@dataclass(frozen=True)
class TaskSandbox(PlannedSandbox):
    """A kernel of ours with its VCPUs and tasks, the most urgent first, and its linked program."""

    vcpus: tuple[VcpuPlan, ...]
    tasks: tuple[PlannedTask, ...]
    meters: tuple[MeterPlan, ...]
    stacks: Stacks
    program: Program

    @property
    def block_size(self) -> int:
        """What the description gives it."""
        return self.model.memory

    @property
    def align(self) -> int:
        """Whole pages."""
        return PAGE_SIZE

    @property
    def processes(self) -> dict[int, PlannedProcess]:
        """Those of its tasks that are processes, by the task's index, in their own order."""
        found = [
            (index, task.process)
            for index, task in enumerate(self.tasks)
            if task.process is not None
        ]
        return dict(sorted(found, key=lambda each: each[1].index))

    def parts(self) -> list[Window]:
        """The program, its information, its stacks and the states of its own tasks."""
        parts = [
            make_window(segment.name, segment.address, segment.size, segment.rights)
            for segment in self.program.segments
        ]
        parts.append(make_window("info", addresses.KERNEL_INFO, sizeof(SandboxInfo), "r"))
        names = ["start", "exception", *(task.name for task in self.tasks)]
        for name, stack in zip(names, self.stacks.all, strict=True):
            stack_name = f"stack {name}"
            parts.append(make_window(stack_name, stack.bottom, stack.size, "rw", kept=True))
        for task in self.tasks:
            for state in task.states if task.process is None else ():
                windows = state_windows(state, f"{state.name} of {task.name}")
                # What survives of a stand-in's states is the memory of whom it stands in for.
                parts += [each for each in windows if not (each.kept and task.stands_in_for)]
        return parts

    def tables_size(self, windows: list[Window]) -> int:
        """Its page tables show all that it sees; and the top ones of its processes."""
        return PageTables(mappings(windows), user=False).size + len(self.processes) * PAGE_SIZE

    def view(self, windows: list[Window], block: Region, placed: int) -> list[Window]:
        """An identity map that only takes rights away.

        It is what the kernel's own tables and its processes' show, each part with the same rights,
        the kernel's where they differ, and the rest of the sandbox's memory, page tables included,
        for reading and writing.
        """
        seen = {
            window.physical: window.model_copy(update={"address": window.physical})
            for window in reversed(windows)
        }
        view = sorted(seen.values(), key=lambda window: window.physical)
        rest = []
        free = block.start
        inside = [window for window in view if block.start <= window.physical < block.end]
        for window in [*inside, make_window("", block.end, 0, "r", block.end)]:
            size = window.physical - free
            if size:
                rest.append(make_window("page tables and free memory", free, size, "rw", free))
            free = window.physical + window.size
        return sorted([*view, *rest], key=lambda window: window.physical)

    def begin(self, tables: int) -> Begin:
        """On its first stack and its own page tables."""
        symbols = self.program.symbols
        return Begin(
            start=StartPlan(),
            entry=symbols.address("kernel_entry"),
            stack_top=self.stacks.start.top,
            tables=tables,
            status=symbols.address("kernel_status"),
            console=symbols.address("kernel_console"),
            restored=symbols.address(RESTORED),
        )

    def content(self) -> Program:
        """Its program."""
        return self.program

    def symbols_of(self) -> Program:
        """Its program, which has all."""
        return self.program


@dataclass(frozen=True)
class ForeignSandbox(PlannedSandbox):
    """A foreign kernel: its memory from address 0, and what it is given above that."""

    kernel: ForeignKernel

    @property
    def block_size(self) -> int:
        """Its memory and what lies above it."""
        return sum(part.size for part in self.parts())

    @property
    def align(self) -> int:
        """Nested tables show large pages only where both addresses are at their boundaries."""
        return LARGE_PAGE_SIZE

    def parts(self) -> list[Window]:
        """All that it sees, by its own physical addresses, from 0 upwards."""
        sizes = [
            ("memory", self.model.memory, "rwx"),
            ("info", sizeof(ForeignPage), "r"),
            ("console", sizeof(Console), "rw"),
        ]
        if self.kernel.linux_header is not None:
            sizes.append(("boot parameters", LINUX_PARAMETERS, "rw"))
        if self.kernel.mode == "64-bit":
            sizes.append(("stack", PAGE_SIZE, "rw"))
            above = sum(page_up(size) for _, size, _ in sizes)
            sizes.append(("page tables", identity_map(above).size, "rw"))
        parts = []
        at = 0
        for name, size, rights in sizes:
            parts.append(make_window(name, at, size, rights))
            at = parts[-1].address + parts[-1].size
        return parts

    def tables_size(self, windows: list[Window]) -> int:
        """None: those that it begins with are a part."""
        return 0

    def view(self, windows: list[Window], block: Region, placed: int) -> list[Window]:
        """What it sees is what it can reach."""
        return windows

    def begin(self, tables: int) -> Begin:
        """As its format has it; in any case the page that tells it where it is is in rdi."""
        at = {part.name: part for part in self.parts()}
        info, is_64 = at["info"].address, self.kernel.mode == "64-bit"
        stack = at["stack"].address + at["stack"].size if is_64 else 0
        parameters = at.get("boot parameters")
        return Begin(
            start=StartPlan(
                mode=self.kernel.mode,
                rbx=0 if is_64 else info + offsetof(ForeignPage, "start"),
                rsi=parameters.address if parameters else 0,
                rdi=info,
            ),
            entry=self.kernel.entry,
            stack_top=stack,
            tables=at["page tables"].address if is_64 else 0,
            status=None,
            console=at["console"].address,
            restored=None,
        )

    def content(self) -> ForeignKernel:
        """What its file holds."""
        return self.kernel

    def symbols_of(self) -> Program | None:
        """Its file, if it is an ELF file that was not stripped."""
        elf = self.kernel.elf
        return None if elf is None else Program(f"kernel-{self.name}", elf)


def identity_map(end: int) -> PageTables:
    """The page tables that a foreign kernel begins with, which lie at ``end`` themselves.

    They map all addresses to themselves, in large pages, as far as the tables and a little more.
    """
    size = -(-(end + LARGE_PAGE_SIZE) // LARGE_PAGE_SIZE) * LARGE_PAGE_SIZE
    return PageTables([PageMapping(0, 0, size, "rwx")], user=False)


def plan_sandboxes(
    description: Description, folder: FolderTasks, programs: Programs
) -> list[PlannedSandbox]:
    """Link every program and measure its stacks, and read the foreign kernels.

    Raises DiagnosticsError if a task needs more stack than it has, a kernel's virtual memory has no
    room for all of them or for the program, or a foreign kernel can't be used.
    """
    planned: list[PlannedSandbox] = []
    findings: list[Diagnostic] = []
    numbers = itertools.count()
    linked = {
        sandbox.name: plan_processes(description, index, folder, programs, numbers)
        for index, sandbox in enumerate(description.system.sandboxes)
        if sandbox.kernel is None
    }
    for index, sandbox in enumerate(description.system.sandboxes):
        if sandbox.kernel is not None:
            kernel = read_kernel(description, index)
            planned.append(ForeignSandbox(index, sandbox, description.cores[sandbox.name], kernel))
            continue
        bound = description.residents(sandbox.name)
        processes = linked[sandbox.name] | _guests(description, sandbox.name, linked)
        own = [
            task
            for task in description.tasks[sandbox.name]
            if task.task.name not in linked[sandbox.name]
        ]
        functions = [function for task in own for function in folder.functions(task.task.run)]
        needed = drivers(own)
        modules = sorted({function.module for function in functions})
        modules += [driver.module for driver in needed]
        types = {function.symbol: str(signature(function).type) for function in functions}
        parts = [RUN_PROCESS]
        if sandbox.migration is not None:
            parts += [LIVE, MOVE_OTHERS]
        depths = programs.depths([*KERNEL_MODULES, *modules], types)
        vcpus, placed = place_tasks(sandbox, bound)
        tasks = _planned_tasks(placed, folder, depths, processes)
        stacks = virtual.place_stacks([task.stack_size for task in tasks])
        kinds = {kind for task in own for kind in task.signature.parameters.values()}
        objects = [TABLES[kind].symbol for kind in kinds if kind in TABLES]
        objects += [TABLES[ParameterKind.INPUT].symbol] if sandbox.inputs else []
        objects += [BOTTOM_HALF] if any(each.device is not None for each in placed) else []
        for driver in needed:
            objects += [driver.symbol, driver.devices.symbol]
        program = programs.kernel(
            sandbox.name,
            modules,
            [*parts, *objects, *(function.symbol for function in functions)],
            stacks.exception.top,
        )
        core = description.cores[sandbox.name]
        meters = tuple(_meters(tasks, folder, programs.closure(modules), program))
        made = TaskSandbox(index, sandbox, core, vcpus, tasks, meters, stacks, program)
        findings += _stack_findings(description, made)
        findings += _room_findings(description, made)
        planned.append(made)
    findings += _stand_in_findings(description, planned)
    if findings:
        raise DiagnosticsError(findings)
    return planned


def _guests(
    description: Description, sandbox: str, linked: Mapping[str, Mapping[str, PlannedProcess]]
) -> dict[str, PlannedProcess]:
    """The processes of others that can come to a sandbox, behind its own."""
    found = {}
    for index, bound in enumerate(description.guests(sandbox), start=len(linked[sandbox])):
        assert bound.home is not None, "it is a guest"
        name = bound.task.name.removeprefix(guest_name(bound.home, ""))
        found[bound.task.name] = replace(
            linked[bound.home][name], index=index, name=bound.task.name, meters=()
        )
    return found


def _planned_tasks(
    placed: list[Placed],
    folder: FolderTasks,
    depths: StackDepths,
    processes: Mapping[str, PlannedProcess],
) -> tuple[PlannedTask, ...]:
    """All that is placed, with the stacks that it needs."""
    needs = kernel_stacks(depths)
    states = _states(placed, folder, processes)
    tasks = []
    for each, own in zip(placed, states, strict=True):
        process = None if each.device is not None else processes.get(each.task.task.name)
        if each.device is not None:
            name, symbols, floats = f"interrupts of {each.device.name}", [BOTTOM_HALF], 0
        elif each.task.task.name == MIGRATION:
            name, symbols, floats = MIGRATION, [MOVE_OTHERS], 0
        else:
            name = each.task.task.name
            symbols = [function.symbol for function in folder.functions(each.task.task.run)]
            floats = sizeof(FloatState) if each.task.signature.floats and process is None else 0
        if process is None:
            needed = needs.task(max(map(depths.depth, symbols))) + floats
            is_own = each.device is None and name != MIGRATION
            given = each.task.task.stack if is_own else page_up(needed)
        else:
            needed = needs.for_process if not process.places else needs.for_mover
            given = page_up(needed)
        tasks.append(
            PlannedTask(
                each,
                name,
                symbols[0],
                symbols[1] if len(symbols) > 1 else None,
                given,
                needed,
                floats,
                own,
                process,
            )
        )
    return tuple(tasks)


def _states(
    placed: list[Placed], folder: FolderTasks, processes: Mapping[str, PlannedProcess]
) -> list[tuple[StatePlan, ...]]:
    """The states of each of the tasks, with their places."""
    places = virtual.StatePlaces(addresses.KERNEL_STATES)
    found: list[tuple[StatePlan, ...]] = []
    for each in placed:
        if each.device is not None or each.task.task.name == MIGRATION:
            found.append(())
        elif each.task.task.name in processes:
            found.append(processes[each.task.task.name].states)
        else:
            found.append(places.place(folder.state_shapes(each.task.task.run)))
    return found


def _meters(
    tasks: tuple[PlannedTask, ...], folder: FolderTasks, modules: list[str], program: Program
) -> Iterator[MeterPlan]:
    """What is counted in the variables of ``modules``, and in the tasks' states."""
    yield from meters_of_modules(modules, program.symbols)
    for task in tasks:
        if task.is_guest or task.moves_others:
            continue
        if task.process is not None:
            for meter in task.process.meters:
                yield meter.model_copy(update={"name": f"{task.name}.{meter.name}"})
        types = {} if task.is_bottom_half else folder.states(task.bound.task.run)
        for state in task.states:
            yield from meters_in(types[state.name], f"{task.name}.{state.name}", state.address)


def _stack_findings(description: Description, sandbox: TaskSandbox) -> list[Diagnostic]:
    findings = []
    for task in sandbox.tasks:
        given, needed = task.stack_size, task.stack_needed
        if task.process is not None:
            given, needed = task.process.stack_size, task.process.stack_needed
        if needed > given and not task.is_guest:
            index = sandbox.model.tasks.index(task.bound.task)
            path = ("sandbox", sandbox.index, "task", index)
            fitting = page_up(needed) // 1024
            findings.append(
                Diagnostic(
                    description.document.value(*path, "stack"),
                    f'task "{task.bound.task.name}" needs up to {needed} bytes of '
                    f"stack and has {given}",
                    f'give it stack = "{fitting} KiB"',
                    "task-stack-small",
                )
            )
    return findings


def _room_findings(description: Description, sandbox: TaskSandbox) -> Iterator[Diagnostic]:
    """What is larger than the part of virtual memory that it has its place in."""
    place = description.document.value("sandbox", sandbox.index, "memory")
    last = sandbox.program.segments[-1]
    size, room = last.address + last.size - addresses.KERNEL_PROGRAM, _PROGRAM_ROOM
    if size > room:
        yield Diagnostic(
            place,
            f'the program of "{sandbox.name}" {_would_take(size, room)}',
            "let its modules have smaller variables, or move tasks to another sandbox",
            "program-too-large",
        )
    size, room = sandbox.stacks.all[-1].top - addresses.KERNEL_STACKS, _STACKS_ROOM
    if size > room:
        yield Diagnostic(
            place,
            f'the stacks of "{sandbox.name}" {_would_take(size, room)}',
            "give its tasks smaller stacks, or move some to another sandbox",
            "stacks-too-large",
        )
    states = [state for task in sandbox.tasks if not task.process for state in task.states]
    ends = [
        max(state.address + state.size, state.kept.slots + state.kept.size if state.kept else 0)
        for state in states
    ]
    size = max(ends, default=0) - addresses.KERNEL_STATES
    if size > _STATES_ROOM:
        yield Diagnostic(
            place,
            f'the states of the tasks of "{sandbox.name}" {_would_take(size, _STATES_ROOM)}',
            "let them keep less, or move some to another sandbox",
            "states-too-large",
        )
    kept = sum(state.kept is not None for state in states)
    if kept > MAX_KEPT:
        yield Diagnostic(
            place,
            f'{kept} states of tasks of "{sandbox.name}" have a version, and a kernel keeps '
            f"at most {MAX_KEPT}",
            "put what some tasks keep into one state, or move tasks to another sandbox",
            "states-too-many",
        )


def _stand_in_findings(
    description: Description, planned: list[PlannedSandbox]
) -> Iterator[Diagnostic]:
    """States of stand-ins that should survive, where those that they replace have no such."""
    kept = {
        (sandbox.name, task.name, state.name): (state.kept.version, state.size)
        for sandbox in planned
        if isinstance(sandbox, TaskSandbox)
        for task in sandbox.tasks
        for state in task.states
        if state.kept is not None
    }
    for sandbox in planned:
        for task in sandbox.tasks if isinstance(sandbox, TaskSandbox) else ():
            home, _, original = (task.stands_in_for or "").partition(".")
            for state in task.states if home else ():
                own = kept.get((sandbox.name, task.name, state.name))
                if own is None or kept.get((home, original, state.name)) == own:
                    continue
                table = description.system.sandboxes[sandbox.index].tasks.index(task.bound.task)
                path = ("sandbox", sandbox.index, "task", table, "stands_in_for")
                yield Diagnostic(
                    description.document.value(*path),
                    f'task "{task.name}" keeps {own[1]} bytes of version {own[0]} as '
                    f'"{state.name}", and "{home}.{original}" has no such state to leave',
                    "give both functions a parameter of this name and the same type",
                    "stand-in-state",
                )


def _would_take(size: int, room: int) -> str:
    return (
        f"would take {format_size(page_up(size))} of its virtual memory, where "
        f"{format_size(room)} are kept for that"
    )
