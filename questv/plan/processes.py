"""Processes: tasks with a program and an address space of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from questv.arch.x86.paging import PAGE_SIZE
from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.kernel.doorbells import Wait
from questv.kernel.info import Call, EndInfo, EndKind
from questv.kernel.moves import Mover
from questv.kernel.process_info import ProcessInfo
from questv.kernel.processes import Process
from questv.kernel.states import KeptState, KeptStates
from questv.metal.check.signatures import signature
from questv.metal.definitions import MetalFunction
from questv.metal.structs import offsetof, sizeof
from questv.metal.symbols import Symbols
from questv.plan import addresses, virtual
from questv.plan.addresses import page_up
from questv.plan.meters import meters_of_modules
from questv.plan.model import (
    CallPlan,
    EndPlan,
    MeterPlan,
    MovePlan,
    ProcessPlan,
    SandboxPlan,
    StatePlan,
    TaskPlan,
    Window,
)
from questv.plan.objects import PROCESS_TABLES
from questv.plan.page_tables import PageTables
from questv.plan.programs import PROCESS_MODULES, Program, Programs
from questv.plan.stacks import process_stack
from questv.plan.tasks import FolderTasks
from questv.plan.virtual import Stack
from questv.plan.windows import make_window, mappings, state_windows
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

    index: int
    number: int
    name: str
    program: Program
    stack_size: int
    stack_needed: int
    states: tuple[StatePlan, ...]
    meters: tuple[MeterPlan, ...]
    places: tuple[str, ...]
    """The sandboxes that it can be in, its own first; empty if it does not move."""

    @property
    def own_size(self) -> int:
        """Bytes of its program, its stack, its states and what survives of those."""
        program = sum(page_up(segment.size) for segment in self.program.segments)
        states = sum(
            page_up(state.size) + (page_up(state.kept.size) if state.kept else 0)
            for state in self.states
        )
        return program + page_up(self.stack_size) + states

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
    def moves(self) -> int:
        """Where its kernel sees the page that its kernels share, if it moves."""
        return addresses.KERNEL_MOVES + self.index * PAGE_SIZE

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
    folder: FolderTasks,
    programs: Programs,
    numbers: Iterator[int],
) -> dict[str, PlannedProcess]:
    """Link the programs of those of a sandbox's tasks that are processes; by the task's name.

    ``numbers`` gives each its number in the system. Raises DiagnosticsError if a task calls what is
    not there where it runs.
    """
    found: dict[str, PlannedProcess] = {}
    home = description.system.sandboxes[sandbox]
    for task in description.tasks[home.name]:
        functions = folder.functions(task.task.run)
        modules = sorted({function.module for function in functions})
        _check_calls(description, sandbox, task, programs, functions)
        if task.task.isolation is not Isolation.PROCESS:
            continue
        name, number = task.task.name, next(numbers)
        if number >= addresses.MAX_PROCESSES:
            raise _too_many(description, sandbox, task)
        kinds = set(task.signature.parameters.values())
        objects = [PROCESS_TABLES[kind].symbol for kind in kinds if kind in PROCESS_TABLES]
        symbols = [function.symbol for function in functions]
        program = programs.process(
            f"{home.name}.{name}", modules, [*symbols, *objects], base_of(number)
        )
        types = {function.symbol: str(signature(function).type) for function in functions}
        depths = programs.depths([*PROCESS_MODULES, *modules], types)
        found[name] = PlannedProcess(
            index=len(found),
            number=number,
            name=name,
            program=program,
            stack_size=task.task.stack,
            stack_needed=process_stack(depths, symbols),
            states=virtual.StatePlaces(base_of(number) + addresses.PROCESS_STATES).place(
                folder.state_shapes(task.task.run)
            ),
            meters=tuple(meters_of_modules(programs.closure(modules), program.symbols)),
            places=description.places(home.name, task.task),
        )
    return found


_ANYWHERE = {"questv.kernel.counters", "questv.kernel.states"}
"""Of a kernel's modules those that know nothing of kernels."""

_ELSEWHERE = {
    Isolation.KERNEL: ("questv.process", "questv.api", "a part of its kernel"),
    Isolation.PROCESS: ("questv.kernel", "questv.process", "a process"),
}
"""For tasks of each kind: what they can't call, what they import from, and what they are."""


def _check_calls(
    description: Description,
    sandbox: int,
    task: BoundTask,
    programs: Programs,
    functions: Sequence[MetalFunction],
) -> None:
    """A process has no kernel's functions, and a kernel has no process's."""
    package, right, what = _ELSEWHERE[task.task.isolation]
    for function in functions:
        reached = programs.reached([function.module], function.symbol)
        wrong = sorted(m for m in reached - _ANYWHERE if m.startswith(f"{package}."))
        if wrong:
            index = description.system.sandboxes[sandbox].tasks.index(task.task)
            place = description.document.value("sandbox", sandbox, "task", index, "run")
            raise DiagnosticsError(
                [
                    Diagnostic(
                        place,
                        f'task "{task.task.name}" is {what}, and {function.name} calls {wrong[0]}',
                        f"let it, and what it calls, import from {right}",
                        "task-calls",
                    )
                ]
            )


def _too_many(description: Description, sandbox: int, task: BoundTask) -> DiagnosticsError:
    """Each process of a system has a part of the address space to itself."""
    index = description.system.sandboxes[sandbox].tasks.index(task.task)
    return DiagnosticsError(
        [
            Diagnostic(
                description.document.value("sandbox", sandbox, "task", index, "isolation"),
                f'"{task.task.name}" is one process too many: a system has at most '
                f"{addresses.MAX_PROCESSES}",
                "make it a part of its kernel, or let one process do the work of several",
                "processes-too-many",
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
    end: int
    """The first address after what lies in the sandbox's memory."""
    lower_tables: int
    windows: tuple[Window, ...]
    kernel_windows: tuple[Window, ...]

    def in_sandbox(self) -> list[Window]:
        """What it sees, by what these are in its sandbox."""
        own = range(self.start, self.start + self.size)
        return [
            window.model_copy(update={"name": f"process {self.process.name}: {window.name}"})
            if window.physical in own
            else window
            for window in self.windows
        ]


def place(
    process: PlannedProcess, start: int, shared: Sequence[Window], moves_at: int | None
) -> PlacedProcess:
    """Put a process at a physical address; ``shared`` is what it sees besides its own memory.

    All that is its own lies in one stretch: its program and stack, what its kernel keeps of it, and
    its page tables but for the top one, which shows its kernel too. If it moves, its program, stack
    and states lie in memory of their own, from ``moves_at`` on, behind the page that its kernels
    share: page tables that another kernel could write would be no wall.
    """
    windows = []
    at = start if moves_at is None else moves_at + PAGE_SIZE
    for segment in process.program.segments:
        windows.append(make_window(segment.name, segment.address, segment.size, segment.rights, at))
        at += windows[-1].size
    stack = process.stack
    windows.append(make_window("stack", stack.bottom, stack.size, "rw", at, kept=True))
    at += windows[-1].size
    for state in process.states:
        for window in state_windows(state, state.name):
            windows.append(window.model_copy(update={"physical": at}))
            at += window.size
    own_end = at
    if moves_at is not None:
        at = start
    told = process.base + addresses.PROCESS_INFO
    windows.append(make_window("info", told, sizeof(ProcessInfo), "r", at))
    kept = [make_window(f"process {process.name}", process.info, RECORD_SIZE, "rw", at)]
    at += kept[0].size
    windows += shared
    lower = _tables(windows).size - PAGE_SIZE
    end = at + lower
    first, last = start, end
    if moves_at is not None:
        name = f"moves of {process.name}"
        kept.append(make_window(name, process.moves, PAGE_SIZE, "rw", moves_at))
        first, last = moves_at + PAGE_SIZE, own_end
    return PlacedProcess(process, first, last - first, end, at, tuple(windows), tuple(kept))


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
    if process.move is not None:
        kept.mover = mover(process.move, sandbox.tasks[process.task])
    return bytes(process_info(sandbox, process, symbols)) + bytes(kept)


def mover(move: MovePlan, task: TaskPlan) -> Mover:
    """What a kernel knows, as it begins, of a task that moves."""
    made = Mover(
        move=move.address,
        own=move.own,
        count=len(move.places),
        period=task.period,
        deadline=task.deadline,
    )
    for index, each in enumerate(move.places):
        place = made.places[index]
        place.core, place.vector, place.bell = each.core, each.vector, each.bell
        place.response, place.service = each.response, each.service
    return made


def process_info(sandbox: SandboxPlan, process: ProcessPlan, symbols: Symbols) -> ProcessInfo:
    """What a process is told."""
    task = sandbox.tasks[process.task]
    program = [window for window in process.windows if window.address < process.base + _PROGRAM]
    made = ProcessInfo(
        place=process.base + addresses.PROCESS_INFO,
        entry=symbols.address("process_entry"),
        start=Call(function=symbols.address("process_start")),
        body=call_info(task.body, symbols),
        initialize=call_info(task.initialize, symbols) if task.initialize else Call(),
        stack_top=process.stack_top,
        program=process.base,
        program_size=sum(window.size for window in program),
    )
    fill_kept(made.kept, task.states)
    ends = [end for end in sandbox.ends if end.task == process.task]
    made.end_count, made.input_count = len(ends), len(process.inputs)
    for index, end in enumerate(ends):
        fill_end(made.ends[index], end, index)
    for index, each in enumerate(process.inputs):
        made.inputs[index].object = each.object
        made.inputs[index].header = each.address
    return made


def call_info(call: CallPlan, symbols: Symbols) -> Call:
    """What a kernel or a process is told of a call of one of its functions."""
    return Call(function=symbols.address(call.symbol), arguments=call.arguments, floats=call.floats)


def fill_kept(info: KeptStates, states: Iterable[StatePlan], stand_in: int = 0) -> None:
    """Write down what a kernel or a process is told of a task's states that survive.

    For a stand-in's, ``stand_in`` is 1 + the task's index.
    """
    for state in states:
        if state.kept is None:
            continue
        info.states[state.kept.index] = KeptState(
            state=state.address,
            slots=state.kept.slots,
            size=state.size,
            version=state.kept.version,
            stand_in=stand_in,
        )
        info.count += 1


def fill_end(info: EndInfo, end: EndPlan, index: int) -> None:
    """Write down what a kernel or a process is told of an end."""
    info.kind = EndKind[end.role.upper()]
    info.task, info.index, info.object = end.task, index, end.object
    info.own, info.peer, info.size = end.own, end.peer, end.size
    info.bell_vector, info.peer_vector = end.bell_vector, end.peer_vector
    info.peer_core = end.peer_core
    info.place, info.roams = end.place, int(end.roams)
    info.elsewhere_count = len(end.peers) - 1
    for place, peer in enumerate(end.peers[1:]):
        other = info.elsewhere[place]
        other.core, other.vector, other.bell = peer.core, peer.vector, peer.bell
