"""Rules on tasks: functions that exist, and an order in which they run."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, Located, repeated, tasks
from questv.system.model import Isolation, Task
from questv.system.tasks import FunctionMissing, ModuleMissing, TaskInvalid, TaskSignature
from questv.system.wording import source_position, suggest

PRIORITY_MAXIMUM = 255
TASKS_MAXIMUM = 32


def task_missing(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel without a task would hold a core and memory, and never end."""
    for sandbox in draft.sandboxes:
        if not sandbox.item.tasks and not sandbox.item.kernel:
            yield Diagnostic(
                sandbox.value("name"),
                f'sandbox "{sandbox.item.name}" has no task',
                "add a [[sandbox.task]] or a [sandbox.kernel] below it, or remove the sandbox",
                "task-missing",
            )


def tasks_too_many(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel keeps sets of its tasks in one word, and a table of them that never grows."""
    for sandbox in draft.sandboxes:
        count = len(sandbox.item.tasks)
        if count > TASKS_MAXIMUM:
            yield Diagnostic(
                tasks(sandbox)[TASKS_MAXIMUM].key(),
                f'sandbox "{sandbox.item.name}" has {count} tasks, and a kernel has room for '
                f"{TASKS_MAXIMUM}",
                "let one task do the work of several, or move some to another sandbox",
                "tasks-too-many",
            )


def task_priority_range(draft: Draft) -> Iterator[Diagnostic]:
    """Priorities are small whole numbers, so that a kernel can keep each in a byte."""
    for task in _all_tasks(draft):
        if not 0 <= task.item.priority <= PRIORITY_MAXIMUM:
            yield Diagnostic(
                task.value("priority"),
                f"there is no priority {task.item.priority}: "
                f"priorities are 0 to {PRIORITY_MAXIMUM}",
                "choose one of these; tasks with a higher one run first",
                "task-priority-range",
            )


def task_priority_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Of two tasks that can run it must be plain which one does, in every run."""
    for sandbox in draft.sandboxes:
        for first, again in repeated(tasks(sandbox), lambda task: task.item.priority):
            yield Diagnostic(
                again.value("priority"),
                f'priority {again.item.priority} of task "{again.item.name}" is that of '
                f'"{first.item.name}" (line {first.line}) too, in the same sandbox',
                "give the task that may wait a lower one",
                "task-priority-taken",
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
                fix = (
                    f"{function} is there: write @task {how} ({source_position(problem.unmarked)})"
                )
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
    """A function is compiled for a kernel or for a process, by what it imports."""
    for task in _all_tasks(draft):
        function = draft.functions[task.item.run]
        if isinstance(function, TaskSignature) and function.isolation != task.item.isolation:
            module = task.item.run.partition(":")[0]
            if function.isolation is Isolation.PROCESS:
                what, fix = "is a process's", 'write isolation = "process" for the task'
            else:
                what, fix = "is a kernel's", "leave isolation out"
            other = _IMPORTS[task.item.isolation]
            yield Diagnostic(
                task.value("run"),
                f"{function.function} {what}: {module}.py has its @task from "
                f"{_IMPORTS[function.isolation]}",
                f"{fix}, or import from {other}",
                "task-isolation",
            )


_IMPORTS = {Isolation.KERNEL: "questv.api", Isolation.PROCESS: "questv.process"}


def _all_tasks(draft: Draft) -> Iterator[Located[Task]]:
    for sandbox in draft.sandboxes:
        yield from tasks(sandbox)


RULES = (
    task_missing,
    tasks_too_many,
    task_priority_range,
    task_priority_taken,
    task_module_missing,
    task_function_missing,
    task_invalid,
    task_isolation,
)
