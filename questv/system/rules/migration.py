"""Rules on tasks that move: each can, to kernels that are there and have time for it."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.bindings import CHANNEL_KINDS, parameters
from questv.system.draft import Draft, Located, migration, tasks
from questv.system.model import Isolation, Sandbox
from questv.system.tasks import ParameterKind
from questv.system.timing import Share, TimedTask, timed_tasks
from questv.system.wording import suggest

PLACES_MAXIMUM = 4
"""So many sandboxes a task can be in, its own among them."""


def _movers(draft: Draft) -> Iterator[TimedTask]:
    """The tasks that can be moved, whose functions are usable."""
    return (each for each in timed_tasks(draft) if each.task.item.migrates_to)


def migration_task(draft: Draft) -> Iterator[Diagnostic]:
    """What moves is an address space with a budget, which both kernels keep for it alone."""
    for each in _movers(draft):
        task = each.task.item
        if task.isolation is not Isolation.PROCESS:
            what, fix = "is a part of its kernel", 'write isolation = "process" for it'
        elif each.timing.share is not Share.OWN:
            what, fix = "has no budget of its own", "give it a period and a budget"
        elif task.overrun_budget is not None:
            what = "has a second budget, which is a matter of one kernel's mode"
            fix = "remove overrun_budget"
        else:
            continue
        yield Diagnostic(
            each.place("migrates_to"),
            f'task "{each.name}" can\'t move: it {what}',
            f"{fix}, or remove migrates_to",
            "migration-task",
        )


def migration_target(draft: Draft) -> Iterator[Diagnostic]:
    """A task can be in a few sandboxes of ours besides its own, each of them named once."""
    ours = {each.item.name for each in draft.sandboxes if each.item.kernel is None}
    for sandbox in draft.sandboxes:
        for task in tasks(sandbox):
            targets = task.item.migrates_to
            for index, name in enumerate(targets):
                if name not in draft.sandbox_names:
                    what = f'there is no sandbox "{name}"'
                    fix = suggest(name, sorted(ours), "add a [[sandbox]] of this name")
                elif name == sandbox.item.name:
                    what, fix = f'"{name}" is its own sandbox', "remove the name"
                elif name not in ours:
                    what = f'"{name}" has a foreign kernel, which takes no tasks'
                    fix = "name a sandbox with a kernel of ours"
                elif name in targets[:index]:
                    what, fix = f'"{name}" is named twice', "remove one of the two"
                elif index + 1 >= PLACES_MAXIMUM:
                    what = f"it can be in {PLACES_MAXIMUM} sandboxes at most, its own among them"
                    fix = "remove names"
                else:
                    continue
                yield Diagnostic(
                    task.value("migrates_to", index),
                    f'task "{task.item.name}" can\'t move there: {what}',
                    fix,
                    "migration-target",
                )


def migration_channel(draft: Draft) -> Iterator[Diagnostic]:
    """A channel joins two sandboxes, wherever its tasks are: in one, nothing keeps its sides apart.

    So a task does not go where somebody is, or could come, to whom it is joined.
    """
    places = {
        (sandbox.item.name, task.item.name): {sandbox.item.name, *task.item.migrates_to}
        for sandbox in draft.sandboxes
        for task in tasks(sandbox)
    }
    ends = [each for each in parameters(draft) if each.kind in CHANNEL_KINDS and each.channel]
    for each in ends:
        for other in ends:
            if other.channel != each.channel or other.task.path == each.task.path:
                continue
            theirs = places[other.sandbox.item.name, other.task.item.name]
            for index, name in enumerate(each.task.item.migrates_to):
                if name in theirs and each.channel is not None:
                    yield Diagnostic(
                        each.task.value("migrates_to", index),
                        f'task "{each.task.item.name}" can\'t move to "{name}": there is, or can '
                        f'be, task "{other.task.item.name}", the other party of channel '
                        f'"{each.channel.item.name}"',
                        "let one of them stay away, or join them otherwise",
                        "migration-channel",
                    )


def migration_bind(draft: Draft) -> Iterator[Diagnostic]:
    """Who shares a channel's memory stands in the description, not in a function's parameters."""
    for each in parameters(draft):
        is_unnamed = each.kind in CHANNEL_KINDS and each.written is None
        if each.task.item.migrates_to and is_unnamed and each.channel:
            name = each.channel.item.name
            yield Diagnostic(
                each.task.value("migrates_to"),
                f'task "{each.task.item.name}" can move, and does not name channel "{name}", '
                f"which is {each.described}",
                f'write bind = {{ {each.name} = "{name}" }} for it',
                "migration-bind",
            )


def migration_input(draft: Draft) -> Iterator[Diagnostic]:
    """An input is one sandbox's, and nobody else sees it."""
    for each in parameters(draft):
        if each.kind is ParameterKind.INPUT and each.task.item.migrates_to:
            yield Diagnostic(
                each.task.value("migrates_to"),
                f'task "{each.task.item.name}" can\'t move: {each.described} is an input of its '
                "sandbox",
                "let a task that stays read the input and send it over a channel",
                "migration-input",
            )


def migration_chain(draft: Draft) -> Iterator[Diagnostic]:
    """What a chain promises holds for tasks that stay: a move has a time of its own."""
    moving = {f"{each.sandbox.item.name}.{each.name}" for each in _movers(draft)}
    for chain in draft.chains:
        for index, name in enumerate(chain.item.tasks):
            if name in moving:
                yield Diagnostic(
                    chain.value("tasks", index),
                    f'chain "{chain.item.name}" leads through "{name}", which can be moved',
                    "remove migrates_to from the task, or the task from the chain",
                    "migration-chain",
                )


def migration_missing(draft: Draft) -> Iterator[Diagnostic]:
    """To move a task takes time at both kernels, which is taken from nobody if it is a budget."""
    for sandbox in _hosts(draft):
        if sandbox.item.migration is None and sandbox.item.kernel is None:
            yield Diagnostic(
                sandbox.value("name"),
                f'tasks move from or to sandbox "{sandbox.item.name}", which has no time for that',
                'add [sandbox.migration] below it, with period = "1 ms" and budget = "50 us"',
                "migration-missing",
            )


def migration_unused(draft: Draft) -> Iterator[Diagnostic]:
    """Time that nobody uses is kept from others for nothing."""
    hosts = {each.item.name for each in _hosts(draft)}
    for sandbox in draft.sandboxes:
        own = migration(sandbox)
        # Of a sandbox without tasks task_missing tells.
        if own is not None and sandbox.item.tasks and sandbox.item.name not in hosts:
            yield Diagnostic(
                own.key(),
                f'no task moves from or to sandbox "{sandbox.item.name}"',
                "remove the [sandbox.migration], or let a task name the sandbox in migrates_to",
                "migration-unused",
            )


def _hosts(draft: Draft) -> list[Located[Sandbox]]:
    """The sandboxes between which tasks move."""
    named = {
        name
        for sandbox in draft.sandboxes
        for task in tasks(sandbox)
        if task.item.migrates_to
        for name in (sandbox.item.name, *task.item.migrates_to)
    }
    return [sandbox for sandbox in draft.sandboxes if sandbox.item.name in named]


RULES = (
    migration_task,
    migration_target,
    migration_channel,
    migration_bind,
    migration_input,
    migration_chain,
    migration_missing,
    migration_unused,
)
