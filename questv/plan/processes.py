"""Processes: tasks with a program and an address space of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from questv.arch.x86.paging import PAGE_SIZE
from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.kernel.doorbells import Wait
from questv.kernel.info import EndInfo, EndKind
from questv.kernel.process_info import ProcessInfo
from questv.kernel.processes import Process
from questv.metal.check.signatures import signature
from questv.metal.definitions import MetalFunction
from questv.metal.structs import offsetof, sizeof
from questv.metal.symbols import Symbols
from questv.plan import addresses
from questv.plan.model import EndPlan, ProcessPlan, SandboxPlan, Window
from questv.plan.objects import PROCESS_TABLES
from questv.plan.page_tables import PageTables
from questv.plan.programs import PROCESS_MODULES, Program, Programs
from questv.plan.stacks import process_stack
from questv.plan.tasks import FolderTasks
from questv.plan.virtual import Stack
from questv.plan.windows import make_window, mappings
from questv.system.description import BoundTask, Description
from questv.system.model import Isolation

RECORD_SIZE = sizeof(ProcessInfo) + sizeof(Process)
"""Bytes that a kernel keeps of each process: what it tells it, and what it knows of it."""

_PROGRAM = addresses.PROCESS_INFO  # bytes from its base on in which its program lies


@dataclass(frozen=True)
class PlannedProcess:
    """A process before it is known where it lies in physical memory.

    ``index`` is its place in its kernel, ``number`` that in the system.
    """

    task: int
    index: int
    number: int
    name: str
    program: Program
    stack_size: int
    stack_needed: int

    @property
    def base(self) -> int:
        """Where its part of the address space begins."""
        return base_of(self.number)

    @property
    def stack(self) -> Stack:
        """Its own stack; nothing is mapped on either side."""
        return Stack(self.base + addresses.PROCESS_STACK, self.stack_size)

    @property
    def info(self) -> int:
        """Where its kernel sees what it tells the process."""
        return addresses.KERNEL_PROCESSES + self.index * RECORD_SIZE

    @property
    def object(self) -> int:
        """Where its kernel keeps what it knows of it."""
        return self.info + sizeof(ProcessInfo)

    def wait(self, end: int) -> int:
        """Where its kernel keeps how it waits for its end number ``end``."""
        return self.object + offsetof(Process, "waits") + end * sizeof(Wait)

    def input_address(self, index: int) -> int:
        """Where it sees its input number ``index``."""
        return self.base + addresses.PROCESS_INPUTS + index * addresses.KERNEL_INPUT_STRIDE


def plan_processes(
    description: Description,
    sandbox: int,
    tasks: Sequence[BoundTask],
    folder: FolderTasks,
    programs: Programs,
    numbers: Iterator[int],
) -> dict[int, PlannedProcess]:
    """Link the programs of those of a sandbox's tasks that are processes; by index of the task.

    ``numbers`` gives each its number in the system. Raises DiagnosticsError if one calls what only
    kernels have.
    """
    found: dict[int, PlannedProcess] = {}
    for index, task in enumerate(tasks):
        if task.task.isolation is not Isolation.PROCESS:
            continue
        function = folder.function(task.task.run)
        modules = [*PROCESS_MODULES, function.module]
        _refuse_kernel_functions(task, function, programs.reached(modules, function.symbol))
        number = next(numbers)
        kinds = set(task.signature.parameters.values())
        objects = [PROCESS_TABLES[kind].symbol for kind in kinds if kind in PROCESS_TABLES]
        name = f"{description.system.sandboxes[sandbox].name}.{task.task.name}"
        program = programs.process(
            name, [function.module], [function.symbol, *objects], base_of(number)
        )
        types = {function.symbol: str(signature(function).type)}
        depths = programs.depths(modules, types)
        found[index] = PlannedProcess(
            task=index,
            index=len(found),
            number=number,
            name=task.task.name,
            program=program,
            stack_size=task.task.stack,
            stack_needed=process_stack(depths, function.symbol),
        )
    return found


def _refuse_kernel_functions(task: BoundTask, function: MetalFunction, modules: set[str]) -> None:
    """What belongs to kernels does not work in a process."""
    kernels = sorted(module for module in modules if module.startswith("questv.kernel."))
    if kernels:
        raise DiagnosticsError(
            [
                Diagnostic(
                    task.signature.place,
                    f"{function.name} is to be a process, and calls functions of {kernels[0]}",
                    "import from questv.process what it, and what it calls, has from questv.api",
                    "process-calls-kernel",
                )
            ]
        )


def base_of(number: int) -> int:
    """Where the part of the address space begins that the system's process ``number`` has."""
    return addresses.PROCESSES + number * addresses.PROCESS_STRIDE


@dataclass(frozen=True)
class PlacedProcess:
    """A process in physical memory: see ``ProcessPlan``."""

    process: PlannedProcess
    start: int
    size: int
    lower_tables: int
    windows: tuple[Window, ...]
    kernel_window: Window

    @property
    def end(self) -> int:
        """The first address after its stretch."""
        return self.start + self.size


def place(process: PlannedProcess, start: int, shared: Sequence[Window]) -> PlacedProcess:
    """Put a process at a physical address; ``shared`` is what it sees besides its own memory.

    All that is its own lies in one stretch: its program and stack, what its kernel keeps of it, and
    its page tables but for the top one, which shows its kernel too.
    """
    windows = []
    at = start
    for segment in process.program.segments:
        windows.append(make_window(segment.name, segment.address, segment.size, segment.rights, at))
        at += windows[-1].size
    windows.append(make_window("stack", process.stack.bottom, process.stack.size, "rw", at))
    at += windows[-1].size
    told = process.base + addresses.PROCESS_INFO
    windows.append(make_window("info", told, sizeof(ProcessInfo), "r", at))
    record = make_window(f"process {process.name}", process.info, RECORD_SIZE, "rw", at)
    at += record.size
    windows += shared
    lower = _tables(windows).size - PAGE_SIZE
    return PlacedProcess(process, start, at + lower - start, at, tuple(windows), record)


def lower_tables(process: ProcessPlan) -> bytes:
    """All page tables of a process but the top one, which has one entry that leads to them."""
    return _tables(process.windows).contents(process.lower_tables - PAGE_SIZE)[PAGE_SIZE:]


def top_table(kernel: bytes, process: ProcessPlan) -> bytes:
    """The top table of a process: its kernel's, given as bytes, and the entry that is its own."""
    own = _tables(process.windows).contents(process.lower_tables - PAGE_SIZE)[:PAGE_SIZE]
    return bytes(one | other for one, other in zip(kernel, own, strict=True))


def _tables(windows: Sequence[Window]) -> PageTables:
    """Tables that show ``windows`` to user mode."""
    return PageTables(mappings(windows), user=True)


def record(sandbox: SandboxPlan, process: ProcessPlan, symbols: Symbols) -> bytes:
    """What a kernel keeps of a process, as it begins; ``symbols`` are the process's program's."""
    kept = Process(info=process.info)
    kept.space.tables = process.tables
    return bytes(process_info(sandbox, process, symbols)) + bytes(kept)


def process_info(sandbox: SandboxPlan, process: ProcessPlan, symbols: Symbols) -> ProcessInfo:
    """What a process is told."""
    task = sandbox.tasks[process.task]
    program = [window for window in process.windows if window.address < process.base + _PROGRAM]
    made = ProcessInfo(
        entry=symbols.address("process_entry"),
        start=symbols.address("process_start"),
        function=symbols.address(task.symbol),
        arguments=task.arguments,
        stack_top=process.stack_top,
        program=process.base,
        program_size=sum(window.size for window in program),
    )
    ends = [end for end in sandbox.ends if end.task == process.task]
    made.end_count, made.input_count = len(ends), len(process.inputs)
    for index, end in enumerate(ends):
        fill_end(made.ends[index], end, index)
    for index, each in enumerate(process.inputs):
        made.inputs[index].object = each.object
        made.inputs[index].header = each.address
    return made


def fill_end(info: EndInfo, end: EndPlan, index: int) -> None:
    """Write down what a kernel or a process is told of an end."""
    info.kind = EndKind[end.role.upper()]
    info.task, info.index, info.object = end.task, index, end.object
    info.own, info.peer, info.size = end.own, end.peer, end.size
    info.bell_vector, info.peer_vector = end.bell_vector, end.peer_vector
    info.peer_core = end.peer_core
