"""Each sandbox's program and stacks: what is known before any memory is given out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.kernel.floats import FloatState
from questv.metal.check.signatures import signature
from questv.metal.structs import sizeof
from questv.plan import addresses, virtual
from questv.plan.addresses import page_up
from questv.plan.devices import drivers
from questv.plan.objects import TABLES
from questv.plan.programs import KERNEL_MODULES, Program, Programs
from questv.plan.stacks import kernel_stacks
from questv.plan.tasks import FolderTasks
from questv.plan.virtual import Stacks
from questv.system.description import BoundTask, Description
from questv.system.model import Sandbox
from questv.system.units import format_size

_PROGRAM_ROOM = addresses.KERNEL_INFO - addresses.KERNEL_PROGRAM
_STACKS_ROOM = addresses.KERNEL_CHANNELS - addresses.KERNEL_STACKS


@dataclass(frozen=True)
class PlannedTask:
    """A task, with the symbol of its function and the stack that it needs at most.

    The state of its floating-point registers, if it uses any, lies at the top of its stack.
    """

    bound: BoundTask
    symbol: str
    stack_needed: int
    float_state_size: int


@dataclass(frozen=True)
class PlannedSandbox:
    """A sandbox, its tasks with the most urgent first, and its linked program."""

    index: int
    model: Sandbox
    core: int
    tasks: tuple[PlannedTask, ...]
    stacks: Stacks
    program: Program

    @property
    def name(self) -> str:
        """The sandbox's name."""
        return self.model.name


def plan_sandboxes(
    description: Description, folder: FolderTasks, programs: Programs
) -> list[PlannedSandbox]:
    """Link every sandbox's program and measure its stacks.

    Raises DiagnosticsError if a task needs more stack than it has, or a kernel's virtual memory has
    no room for all of them or for the program.
    """
    planned = []
    findings: list[Diagnostic] = []
    for index, sandbox in enumerate(description.system.sandboxes):
        bound = sorted(description.tasks[sandbox.name], key=lambda task: -task.task.priority)
        functions = [folder.function(task.task.run) for task in bound]
        needed = drivers(bound)
        modules = sorted({function.module for function in functions})
        modules += [driver.module for driver in needed]
        types = {function.symbol: str(signature(function).type) for function in functions}
        depths = programs.depths([*KERNEL_MODULES, *modules], types)
        needs = kernel_stacks(depths)
        tasks = tuple(
            _planned(task, function.symbol, needs.task(depths.depth(function.symbol)))
            for task, function in zip(bound, functions, strict=True)
        )
        stacks = virtual.place_stacks([task.bound.task.stack for task in tasks])
        kinds = {kind for task in bound for kind in task.signature.parameters.values()}
        objects = [TABLES[kind].symbol for kind in kinds if kind in TABLES]
        for driver in needed:
            objects += [driver.symbol, driver.devices.symbol]
        program = programs.kernel(
            sandbox.name,
            modules,
            [*objects, *(task.symbol for task in tasks)],
            stacks.exception.top,
        )
        core = description.cores[sandbox.name]
        made = PlannedSandbox(index, sandbox, core, tasks, stacks, program)
        findings += _stack_findings(description, made)
        findings += _room_findings(description, made)
        planned.append(made)
    if findings:
        raise DiagnosticsError(findings)
    return planned


def _planned(task: BoundTask, symbol: str, needed: int) -> PlannedTask:
    floats = sizeof(FloatState) if task.signature.floats else 0
    return PlannedTask(task, symbol, needed + floats, floats)


def _stack_findings(description: Description, sandbox: PlannedSandbox) -> list[Diagnostic]:
    findings = []
    for task in sandbox.tasks:
        given = task.bound.task.stack
        if task.stack_needed > given:
            index = sandbox.model.tasks.index(task.bound.task)
            path = ("sandbox", sandbox.index, "task", index)
            fitting = page_up(task.stack_needed) // 1024
            findings.append(
                Diagnostic(
                    description.document.value(*path, "stack"),
                    f'task "{task.bound.task.name}" needs up to {task.stack_needed} bytes of '
                    f"stack and has {given}",
                    f'give it stack = "{fitting} KiB"',
                    "task-stack-small",
                )
            )
    return findings


def _room_findings(description: Description, sandbox: PlannedSandbox) -> Iterator[Diagnostic]:
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
