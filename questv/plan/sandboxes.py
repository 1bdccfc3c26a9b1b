"""Each sandbox's program and stacks: what is known before any memory is given out."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from questv.arch.x86.paging import LARGE_PAGE_SIZE, PAGE_SIZE
from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.kernel.console import Console
from questv.kernel.floats import FloatState
from questv.kernel.info import SandboxInfo
from questv.metal.check.signatures import signature
from questv.metal.stack import StackDepths
from questv.metal.structs import offsetof, sizeof
from questv.plan import addresses, virtual
from questv.plan.addresses import page_up
from questv.plan.devices import drivers
from questv.plan.foreign import LINUX_PARAMETERS, ForeignKernel, read_kernel
from questv.plan.foreign_page import ForeignPage
from questv.plan.model import Region, StartPlan, Window
from questv.plan.objects import TABLES
from questv.plan.page_tables import Mapping, PageTables
from questv.plan.processes import PlannedProcess, plan_processes
from questv.plan.programs import KERNEL_MODULES, Program, Programs
from questv.plan.stacks import KernelStacks, kernel_stacks
from questv.plan.tasks import FolderTasks
from questv.plan.virtual import Stacks
from questv.plan.windows import make_window, mappings
from questv.system.description import BoundTask, Description
from questv.system.model import Sandbox
from questv.system.units import format_size

_PROGRAM_ROOM = addresses.KERNEL_INFO - addresses.KERNEL_PROGRAM
_STACKS_ROOM = addresses.KERNEL_CHANNELS - addresses.KERNEL_STACKS


@dataclass(frozen=True)
class PlannedTask:
    """A task, with the symbol of its function and the stack that it needs at most.

    The state of its floating-point registers, if it uses any, lies at the top of its stack. If the
    task is a ``process``, the stack is what the kernel uses on its behalf.
    """

    bound: BoundTask
    symbol: str
    stack_size: int
    stack_needed: int
    float_state_size: int
    process: PlannedProcess | None = None


@dataclass(frozen=True)
class Begin:
    """What a kernel's plan says of its beginning; see ``SandboxPlan``."""

    start: StartPlan
    entry: int
    stack_top: int
    tables: int
    status: int | None
    console: int


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
    """A kernel of ours with its tasks, the most urgent first, and its linked program."""

    tasks: tuple[PlannedTask, ...]
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
    def processes(self) -> list[PlannedProcess]:
        """Those of its tasks that are processes, in their order."""
        return [task.process for task in self.tasks if task.process is not None]

    def parts(self) -> list[Window]:
        """The program, its information and its stacks."""
        parts = [
            make_window(segment.name, segment.address, segment.size, segment.rights)
            for segment in self.program.segments
        ]
        parts.append(make_window("info", addresses.KERNEL_INFO, sizeof(SandboxInfo), "r"))
        names = ["start", "exception", *(task.bound.task.name for task in self.tasks)]
        for name, stack in zip(names, self.stacks.all, strict=True):
            parts.append(make_window(f"stack {name}", stack.bottom, stack.size, "rw"))
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
        for window in [*view, make_window("", block.end, 0, "r", block.end)]:
            if block.start <= window.physical <= block.end:
                size = window.physical - free
                rest.append(make_window("page tables and free memory", free, size, "rw", free))
                free = window.physical + window.size
        view = sorted([*view, *rest], key=lambda window: window.physical)
        return [window for window in view if window.size]

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
    return PageTables([Mapping(0, 0, size, "rwx")], user=False)


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
    for index, sandbox in enumerate(description.system.sandboxes):
        if sandbox.kernel is not None:
            kernel = read_kernel(description, index)
            planned.append(ForeignSandbox(index, sandbox, description.cores[sandbox.name], kernel))
            continue
        bound = sorted(description.tasks[sandbox.name], key=lambda task: -task.task.priority)
        processes = plan_processes(description, index, bound, folder, programs, numbers)
        own = [task for place, task in enumerate(bound) if place not in processes]
        functions = [folder.function(task.task.run) for task in own]
        needed = drivers(own)
        modules = sorted({function.module for function in functions})
        modules += [driver.module for driver in needed]
        types = {function.symbol: str(signature(function).type) for function in functions}
        depths = programs.depths([*KERNEL_MODULES, *modules], types)
        needs = kernel_stacks(depths)
        tasks = tuple(
            _process_task(task, folder, processes[place], needs.for_process)
            if place in processes
            else _kernel_task(task, folder, needs, depths)
            for place, task in enumerate(bound)
        )
        stacks = virtual.place_stacks([task.stack_size for task in tasks])
        kinds = {kind for task in own for kind in task.signature.parameters.values()}
        objects = [TABLES[kind].symbol for kind in kinds if kind in TABLES]
        for driver in needed:
            objects += [driver.symbol, driver.devices.symbol]
        program = programs.kernel(
            sandbox.name,
            modules,
            ["kernel_run_process", *objects, *(function.symbol for function in functions)],
            stacks.exception.top,
        )
        core = description.cores[sandbox.name]
        made = TaskSandbox(index, sandbox, core, tasks, stacks, program)
        findings += _stack_findings(description, made)
        findings += _room_findings(description, made)
        planned.append(made)
    if findings:
        raise DiagnosticsError(findings)
    return planned


def _kernel_task(
    task: BoundTask, folder: FolderTasks, needs: KernelStacks, depths: StackDepths
) -> PlannedTask:
    symbol = folder.function(task.task.run).symbol
    floats = sizeof(FloatState) if task.signature.floats else 0
    needed = needs.task(depths.depth(symbol)) + floats
    return PlannedTask(task, symbol, task.task.stack, needed, floats)


def _process_task(
    task: BoundTask, folder: FolderTasks, process: PlannedProcess, needed: int
) -> PlannedTask:
    symbol = folder.function(task.task.run).symbol
    return PlannedTask(task, symbol, page_up(needed), needed, 0, process)


def _stack_findings(description: Description, sandbox: TaskSandbox) -> list[Diagnostic]:
    findings = []
    for task in sandbox.tasks:
        given, needed = task.stack_size, task.stack_needed
        if task.process is not None:
            given, needed = task.process.stack_size, task.process.stack_needed
        if needed > given:
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


def _would_take(size: int, room: int) -> str:
    return (
        f"would take {format_size(page_up(size))} of its virtual memory, where "
        f"{format_size(room)} are kept for that"
    )
