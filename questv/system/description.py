"""A description that has been read and checked: what a plan is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from questv.diagnostics import DiagnosticsError, Place
from questv.system.bindings import Parameter, parameters
from questv.system.document import Document, DocumentPath, read_document
from questv.system.draft import Draft, tasks
from questv.system.model import Channel, Device, Input, Migration, Mutex, System, Task
from questv.system.movers import as_guest, migration_signature, migration_task
from questv.system.rules import check
from questv.system.shape import parse_system
from questv.system.tasks import ParameterKind, TaskSignature, TaskSource
from questv.system.timing import Timing, timing


@dataclass(frozen=True)
class OwnState:
    """What a parameter of kind STATE stands for: an object that its task alone has."""


Argument = Channel | Input | Device | Mutex | OwnState | int | float


@dataclass(frozen=True)
class BoundTask:
    """A task, its function, and what each of the function's parameters stands for, in order.

    A parameter of kind INPUT stands for an Input, one of kind STREAM for a Device, one of kind
    MUTEX for a Mutex, one of kind STATE for OwnState, one of kind INTEGER or FLOAT for a value of
    that type which it can hold, and the others for the channel whose fitting end the task's sandbox
    has.
    """

    task: Task
    signature: TaskSignature
    arguments: Mapping[str, Argument]
    home: str | None = None
    """Where the task belongs, if this is the place that another sandbox keeps for it."""

    @property
    def timing(self) -> Timing:
        """What time it gets."""
        return timing(self.task, self.signature)


@dataclass(frozen=True)
class Description:
    """A system that keeps all rules.

    ``cores`` has the core of each sandbox and ``tasks`` its tasks in file order, by its name.
    """

    system: System
    document: Document
    cores: Mapping[str, int]
    tasks: Mapping[str, tuple[BoundTask, ...]]

    @property
    def until(self) -> tuple[str, ...]:
        """The sandboxes whose end is the end of the run."""
        return self.system.run.until or tuple(self.tasks)

    def places(self, sandbox: str, task: Task) -> tuple[str, ...]:
        """Where a task of ``sandbox`` can be, its own sandbox first; empty if it does not move."""
        return (sandbox, *task.migrates_to) if task.migrates_to else ()

    def standby(self, sandbox: str) -> str | None:
        """The sandbox to which another one fails over, if it does."""
        return next((to for home, to in self._fail_overs() if home == sandbox), None)

    def stands_by_for(self, sandbox: str) -> str | None:
        """The sandbox that fails over to this one, if there is one."""
        return next((home for home, to in self._fail_overs() if to == sandbox), None)

    def _fail_overs(self) -> Iterator[tuple[str, str]]:
        for sandbox in self.system.sandboxes:
            own = sandbox.recovery
            if own is not None and own.to is not None:
                yield sandbox.name, own.to

    def guests(self, sandbox: str) -> tuple[BoundTask, ...]:
        """The tasks of others that can come to a sandbox, under names that none of its own has."""
        return tuple(
            replace(bound, task=as_guest(home, bound.task), home=home)
            for home, tasks in self.tasks.items()
            for bound in tasks
            if sandbox in bound.task.migrates_to
        )

    def residents(self, sandbox: str) -> tuple[BoundTask, ...]:
        """All that a kernel runs: its own tasks, those that can come, and what moves them."""
        own = next(each for each in self.system.sandboxes if each.name == sandbox)
        moving = [] if own.migration is None else [self._mover(own.migration)]
        return (*self.tasks[sandbox], *self.guests(sandbox), *moving)

    def _mover(self, time: Migration) -> BoundTask:
        place = Place(self.document.file)
        return BoundTask(migration_task(time), migration_signature(place), {})


def load(path: Path, task_source: TaskSource) -> Description:
    """The system that the folder, or the file, at ``path`` describes.

    ``task_source`` knows the Python functions beside it. Raises DiagnosticsError with all that is
    wrong; what is wrong with reading hides what is wrong with shape, and that hides the rules.
    """
    draft = read_draft(path, task_source)
    findings = check(draft)
    if findings:
        raise DiagnosticsError(findings)
    cores = dict(zip(draft.sandbox_names, draft.system.cores(), strict=True))
    return Description(draft.system, draft.document, cores, _bound_tasks(draft))


def read_draft(path: Path, task_source: TaskSource) -> Draft:
    """What ``load`` checks. Raises DiagnosticsError if it can't be read or has a wrong shape."""
    document = read_document(path)
    system = parse_system(document)
    runs = {task.run for sandbox in system.sandboxes for task in sandbox.tasks}
    return Draft(system, document, {run: task_source.find(run) for run in sorted(runs)})


def _bound_tasks(draft: Draft) -> dict[str, tuple[BoundTask, ...]]:
    """The tasks of each sandbox of ``draft``, which keeps all rules."""
    arguments: dict[DocumentPath, dict[str, Argument]] = {}
    for parameter in parameters(draft):
        arguments.setdefault(parameter.task.path, {})[parameter.name] = _argument(parameter)
    return {
        sandbox.item.name: tuple(
            BoundTask(task.item, _signature(draft, task.item), arguments.get(task.path, {}))
            for task in tasks(sandbox)
        )
        for sandbox in draft.sandboxes
    }


def _argument(parameter: Parameter) -> Argument:
    if parameter.target is not None:
        return parameter.target.item
    if parameter.kind is ParameterKind.STATE:
        return OwnState()
    assert isinstance(parameter.written, int | float), "the rules refuse anything else"
    is_float = parameter.kind is ParameterKind.FLOAT
    return float(parameter.written) if is_float else parameter.written


def _signature(draft: Draft, task: Task) -> TaskSignature:
    function = draft.functions[task.run]
    assert isinstance(function, TaskSignature), "the rules on tasks refuse anything else"
    return function
