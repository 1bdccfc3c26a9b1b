"""What time each task gets, by what the description and the task's decorator say together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from questv.diagnostics import Place
from questv.system.draft import Draft, Located, migration, tasks, vcpus
from questv.system.model import IoVcpu, MainVcpu, Migration, Sandbox, Task
from questv.system.movers import as_guest, migration_signature, migration_task
from questv.system.tasks import TaskSignature

BEST_EFFORT = "best-effort"
"""The name of the VCPU that has what is left; no other may be called so."""

WHOLE_CORE = 1 << 32
"""All of a core's time, where a share of it is an integer."""


class Share(Enum):
    """Where a task has its time from."""

    OWN = "a VCPU of its own"
    SHARED = "a VCPU that it shares"
    REST = "what is left"


@dataclass(frozen=True)
class Timing:
    """The time of one task, in nanoseconds; the rules see to what may be None.

    ``period`` and ``budget`` are those of a VCPU of its own. ``release`` is the time between two
    calls of a periodic function and ``deadline`` when each has to be done; both are None for a
    function that is called once.
    """

    share: Share
    period: int | None
    budget: int | None
    release: int | None
    deadline: int | None


def timing(task: Task, signature: TaskSignature) -> Timing:
    """What time ``task`` gets; the description's keys come before the decorator's."""
    periodic = signature.periodic
    period, budget = task.period, task.budget
    if periodic is not None:
        period = periodic.period if period is None else period
        budget = periodic.budget if budget is None else budget
    release = period if periodic is not None else None
    deadline = release if task.deadline is None else task.deadline
    if task.vcpu is not None:
        return Timing(Share.SHARED, None, None, release, deadline)
    is_own = period is not None or budget is not None or periodic is not None
    return Timing(Share.OWN if is_own else Share.REST, period, budget, release, deadline)


def vcpu_name(task: Task, timing: Timing) -> str:
    """The name of the VCPU that ``task``, which keeps all rules, gets its time from."""
    if timing.share is Share.REST:
        return BEST_EFFORT
    return task.vcpu or task.name


@dataclass(frozen=True)
class Bandwidth:
    """What a main VCPU has: its budget each period, in nanoseconds, and its level.

    ``second`` is its budget in raised modes, which is its budget if it has no other.
    """

    name: str
    level: int
    period: int
    budget: int
    second: int


def bandwidth(sandbox: Sandbox, task: Task, timing: Timing) -> Bandwidth:
    """That of the VCPU of ``task``, its own or the one that it shares; all rules are kept."""
    table: Task | MainVcpu = task
    period, budget = timing.period, timing.budget
    if timing.share is Share.SHARED:
        shared = next(each for each in sandbox.vcpus if each.name == task.vcpu)
        assert isinstance(shared, MainVcpu), "the rules refuse another kind"
        table, period, budget = shared, shared.period, shared.budget
    assert period is not None and budget is not None, "the rules see to that"
    return Bandwidth(table.name, table.level or 0, period, budget, table.overrun_budget or budget)


def share_of_core(vcpu: IoVcpu) -> int:
    """The share of an I/O VCPU, in parts of ``WHOLE_CORE``."""
    return round(vcpu.utilization * WHOLE_CORE)


@dataclass(frozen=True)
class TimedTask:
    """A task whose function is usable, with its time."""

    sandbox: Located[Sandbox]
    task: Located[Task]
    signature: TaskSignature
    timing: Timing

    @property
    def name(self) -> str:
        """The task's name, in the kernel that is meant."""
        return self.task.item.name

    @property
    def described(self) -> str:
        """The name that the description gives it."""
        return self.name.rpartition(".")[2]

    def place(self, *keys: str) -> Place:
        """Where the first of ``keys`` that is written stands, or else where the function is named.

        What no key says the function's decorator does.
        """
        return _first_written(self.task, keys) or self.task.value("run")


def timed_guests(draft: Draft) -> Iterator[tuple[Located[Sandbox], TimedTask]]:
    """What a kernel runs besides its own tasks: those that can come, and what moves them."""
    own = list(timed_tasks(draft))
    for sandbox in draft.sandboxes:
        for each in own:
            if sandbox.item.name in each.task.item.migrates_to:
                task = replace(each.task, item=as_guest(each.sandbox.item.name, each.task.item))
                yield sandbox, replace(each, task=task)
        time = migration(sandbox)
        if time is not None:
            signature = migration_signature(time.key())
            moving = Located(migration_task(time.item), time.path, time.document)
            yield (
                sandbox,
                TimedTask(sandbox, moving, signature, timing(moving.item, signature)),
            )


def timed_tasks(draft: Draft) -> Iterator[TimedTask]:
    """All tasks whose functions are usable, in file order."""
    for sandbox in draft.sandboxes:
        for task in tasks(sandbox):
            signature = draft.functions[task.item.run]
            if isinstance(signature, TaskSignature):
                yield TimedTask(sandbox, task, signature, timing(task.item, signature))


@dataclass(frozen=True)
class Server:
    """What has a budget each period: a task with a VCPU of its own, or a VCPU to be shared.

    ``table`` is the description's table for it, and ``period`` and ``budget`` are None if they are
    missing.
    """

    sandbox: Located[Sandbox]
    table: Located[Task] | Located[MainVcpu] | Located[Migration]
    what: str
    period: int | None
    budget: int | None

    @property
    def level(self) -> int | None:
        """How critical it is, as far as that is written."""
        return None if isinstance(self.table.item, Migration) else self.table.item.level

    @property
    def second(self) -> int | None:
        """Its second budget, if it has one."""
        return None if isinstance(self.table.item, Migration) else self.table.item.overrun_budget

    def place(self, *keys: str) -> Place:
        """Where the first of ``keys`` that is written stands, or else the table's first line."""
        return _first_written(self.table, keys) or self.table.key()


def servers(draft: Draft) -> Iterator[Server]:
    """All of them, those of tasks whose functions are not usable left out."""
    for each in timed_tasks(draft):
        if each.timing.share is Share.OWN:
            what = f'task "{each.name}"'
            yield Server(each.sandbox, each.task, what, each.timing.period, each.timing.budget)
    for sandbox in draft.sandboxes:
        for vcpu in vcpus(sandbox):
            if isinstance(vcpu.item, MainVcpu):
                table = Located(vcpu.item, vcpu.path, vcpu.document)
                what = f'VCPU "{vcpu.item.name}"'
                yield Server(sandbox, table, what, vcpu.item.period, vcpu.item.budget)
        moving = migration(sandbox)
        if moving is not None:
            what = f'the migration of "{sandbox.item.name}"'
            yield Server(sandbox, moving, what, moving.item.period, moving.item.budget)


def _first_written(
    table: Located[Task] | Located[MainVcpu] | Located[Migration], keys: tuple[str, ...]
) -> Place | None:
    written = (key for key in keys if getattr(table.item, key, None) is not None)
    return next(map(table.value, written), None)
