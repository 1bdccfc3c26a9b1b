"""Rules on tasks: functions that exist, and no more of them than a kernel takes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, Located, tasks
from questv.system.model import Isolation, Task
from questv.system.tasks import FunctionMissing, ModuleMissing, TaskInvalid, TaskSignature
from questv.system.wording import source_position, suggest

TASKS_MAXIMUM = 128


def task_missing(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel to which no task ever comes would hold a core and memory for nothing."""
    awaited = {
        name
        for sandbox in draft.sandboxes
        for task in tasks(sandbox)
        for name in task.item.migrates_to
    }
    for sandbox in draft.sandboxes:
        is_empty = not sandbox.item.tasks and not sandbox.item.kernel
        if is_empty and sandbox.item.name not in awaited:
            yield Diagnostic(
                sandbox.value("name"),
                f'sandbox "{sandbox.item.name}" has no task',
                "add a [[sandbox.task]] or a [sandbox.kernel] below it, or remove the sandbox",
                "task-missing",
            )


def tasks_too_many(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel has a table of its tasks, devices' bottom halves among them, which never grows.

    It has as much room for VCPUs, of which each has one of them at least.
    """
    for sandbox in draft.sandboxes:
        devices = [
            device
            for device in draft.devices
            if device.item.owner == sandbox.item.name and device.item.vcpu is not None
        ]
        places = [task.key() for task in tasks(sandbox)] + [each.key() for each in devices]
        if len(places) > TASKS_MAXIMUM:
            besides = f" and {len(devices)} devices with a VCPU" if devices else ""
            yield Diagnostic(
                places[TASKS_MAXIMUM],
                f'sandbox "{sandbox.item.name}" has {len(tasks(sandbox))} tasks{besides}, and a '
                f"kernel has room for {TASKS_MAXIMUM}",
                "let one task do the work of several, or move some to another sandbox",
                "tasks-too-many",
            )


def task_module_missing(draft: Draft) -> Iterator[Diagnostic]:
    """A task is a function of a Python module that stands beside the description."""
    folder = draft.document.file.parent
    for task in _all_tasks(draft):
        if isinstance(draft.functions[task.item.run], ModuleMissing):
            module, _, function = task.item.run.partition(":")
            yield Diagnostic(
                task.value("run"),
                f"there is no file {folder / module}.py",
                _module_fix(folder, module, function),
                "task-module-missing",
            )


def _module_fix(folder: Path, module: str, function: str) -> str:
    close = difflib.get_close_matches(module, [file.stem for file in folder.glob("*.py")], n=1)
    if close:
        return f'did you mean run = "{close[0]}:{function}"?'
    return f"write it, with a function {function}, or name another module"


def task_function_missing(draft: Draft) -> Iterator[Diagnostic]:
    """The module that a task names must have the function that it names, marked as a task."""
    for task in _all_tasks(draft):
        problem = draft.functions[task.item.run]
        if isinstance(problem, FunctionMissing):
            module, _, function = task.item.run.partition(":")
            fix = suggest(function, problem.functions, f"write one: @task def {function}() -> None")
            if problem.unmarked is not None:
                how = "in the place of its decorator" if problem.compiled else "above it"
                mark = "@task" if task.item.deadline is None else "@periodic"
                where = source_position(problem.unmarked)
                fix = f"{function} is there: write {mark} {how} ({where})"
            yield Diagnostic(
                task.value("run"),
                f"{module}.py has no task function {function}",
                fix,
                "task-function-missing",
            )


def task_invalid(draft: Draft) -> Iterator[Diagnostic]:
    """A task must compile; the findings are the compiler's own, in the Python source."""
    for task in _all_tasks(draft):
        problem = draft.functions[task.item.run]
        if isinstance(problem, TaskInvalid):
            yield from problem.findings


def task_isolation(draft: Draft) -> Iterator[Diagnostic]:
    """What a kernel gives its own tasks is not what it gives a process."""
    for task in _all_tasks(draft):
        function = draft.functions[task.item.run]
        if not isinstance(function, TaskSignature):
            continue
        if function.isolation is not None and function.isolation is not task.item.isolation:
            if function.isolation is Isolation.PROCESS:
                what, fix = "is a process's", 'write isolation = "process" for the task'
            else:
                what, fix = "is a kernel's", "leave isolation out"
            yield Diagnostic(
                task.value("run"),
                f"{function.function} {what}: the types of its parameters are from "
                f"{_IMPORTS[function.isolation]}",
                f"{fix}, or import them from {_IMPORTS[task.item.isolation]}",
                "task-isolation",
            )


_IMPORTS = {Isolation.KERNEL: "questv.api", Isolation.PROCESS: "questv.process"}


def _all_tasks(draft: Draft) -> Iterator[Located[Task]]:
    for sandbox in draft.sandboxes:
        yield from tasks(sandbox)


RULES = (
    task_missing,
    tasks_too_many,
    task_module_missing,
    task_function_missing,
    task_invalid,
    task_isolation,
)
