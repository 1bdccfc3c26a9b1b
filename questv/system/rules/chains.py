"""Rules on chains: tasks that exist and have guarantees, each joined to the next by a channel."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.bindings import CHANNEL_KINDS, SENDING_KINDS, parameters
from questv.system.draft import Draft, Located, repeated, tasks
from questv.system.findings import names_taken
from questv.system.model import Chain
from questv.system.tasks import TaskSignature
from questv.system.timing import Share, timed_tasks
from questv.system.wording import suggest


def chain_name_taken(draft: Draft) -> Iterator[Diagnostic]:
    """Reports refer to a chain by its name alone."""
    yield from names_taken(draft.chains, "chain", "chain-name-taken")


def chain_too_short(draft: Draft) -> Iterator[Diagnostic]:
    """A chain leads from one task to another: what one task promises is its deadline."""
    for chain in draft.chains:
        if len(chain.item.tasks) < 2:
            yield Diagnostic(
                chain.value("tasks"),
                f'chain "{chain.item.name}" leads from no task to another',
                'name two or more, e.g. tasks = ["sensor.sample", "controller.step"]',
                "chain-too-short",
            )


def chain_task_repeated(draft: Draft) -> Iterator[Diagnostic]:
    """Data that comes back to a task has no end that could be waited for."""
    for chain in draft.chains:
        steps = enumerate(chain.item.tasks)
        for (first, _), (again, name) in repeated(steps, lambda step: step[1]):
            yield Diagnostic(
                chain.value("tasks", again),
                f'"{name}" is in chain "{chain.item.name}" twice: as number {first + 1} and as '
                f"number {again + 1}",
                "end the chain before it comes back, or begin it after",
                "chain-task-repeated",
            )


def chain_task_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A chain is made of tasks that the description has."""
    known = _tasks(draft)
    for chain, index, name in _steps(draft):
        if name not in known:
            yield Diagnostic(
                chain.value("tasks", index),
                f'chain "{chain.item.name}": there is no task "{name}"',
                suggest(name, known, "add a [[sandbox.task]] of this name"),
                "chain-task-unknown",
            )


def chain_task_best_effort(draft: Draft) -> Iterator[Diagnostic]:
    """A task that gets what is left may get nothing, so that nothing can be promised."""
    without = {
        f"{each.sandbox.item.name}.{each.name}": each
        for each in timed_tasks(draft)
        if each.timing.share is Share.REST
    }
    for chain, index, name in _steps(draft):
        if name in without:
            yield Diagnostic(
                chain.value("tasks", index),
                f'chain "{chain.item.name}": task "{name}" (line {without[name].task.line}) has '
                "neither period nor budget",
                "give it a period and a budget, or a VCPU to share",
                "chain-task-best-effort",
            )


def chain_unconnected(draft: Draft) -> Iterator[Diagnostic]:
    """Data goes from a task to the next one in a channel, and there is no other way."""
    joined = _joined(draft)
    known = _tasks(draft)
    for chain, index, name in _steps(draft):
        if index == 0:
            continue
        before = chain.item.tasks[index - 1]
        usable = all(isinstance(known.get(each), TaskSignature) for each in (before, name))
        if usable and before != name and (before, name) not in joined:
            fix = "describe a channel from the one to the other, and give both an end of it"
            if (name, before) in joined:
                fix = "swap the two, or leave one out: a channel leads the other way"
            yield Diagnostic(
                chain.value("tasks", index),
                f'chain "{chain.item.name}": no channel leads from "{before}" to "{name}"',
                fix,
                "chain-unconnected",
            )


def _steps(draft: Draft) -> Iterator[tuple[Located[Chain], int, str]]:
    """Each task of each chain, with its place there."""
    for chain in draft.chains:
        for index, name in enumerate(chain.item.tasks):
            yield chain, index, name


def _tasks(draft: Draft) -> dict[str, object]:
    """What is known of each task's function, by the task's name in chains."""
    return {
        f"{sandbox.item.name}.{task.item.name}": draft.functions[task.item.run]
        for sandbox in draft.sandboxes
        for task in tasks(sandbox)
    }


def _joined(draft: Draft) -> set[tuple[str, str]]:
    """The pairs of tasks of which the first sends to the second."""
    ends: dict[str, tuple[set[str], set[str]]] = {}
    for each in parameters(draft):
        if each.kind in CHANNEL_KINDS and each.channel:
            senders, receivers = ends.setdefault(each.channel.item.name, (set(), set()))
            task = f"{each.sandbox.item.name}.{each.task.item.name}"
            (senders if each.kind in SENDING_KINDS else receivers).add(task)
    return {pair for both in ends.values() for pair in itertools.product(*both)}


RULES = (
    chain_name_taken,
    chain_too_short,
    chain_task_repeated,
    chain_task_unknown,
    chain_task_best_effort,
    chain_unconnected,
)
