"""Sandboxes that fail over, and the tasks that stand in for theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from questv.system.draft import Draft, Located, recovery, tasks
from questv.system.model import OnFault, Recovery, Sandbox, Task


@dataclass(frozen=True)
class FailOver:
    """A sandbox that fails over, the table that says so, and the sandbox that stands by for it."""

    sandbox: Located[Sandbox]
    recovery: Located[Recovery]
    standby: Located[Sandbox]


@dataclass(frozen=True)
class StandIn:
    """A task, its sandbox, and the task whose place it takes when that one's sandbox fails over."""

    sandbox: Located[Sandbox]
    task: Located[Task]
    home: Located[Sandbox]
    original: Located[Task]


def failing(draft: Draft) -> Iterator[tuple[Located[Sandbox], Located[Recovery]]]:
    """The sandboxes that fail over, wherever to."""
    for sandbox in draft.sandboxes:
        own = recovery(sandbox)
        if own is not None and own.item.on_fault is OnFault.FAIL_OVER:
            yield sandbox, own


def fail_overs(draft: Draft) -> Iterator[FailOver]:
    """Those of them whose standby is another sandbox with a kernel of ours."""
    there = {each.item.name: each for each in reversed(draft.sandboxes)}
    for sandbox, own in failing(draft):
        standby = there.get(own.item.to or "")
        if standby is not None and standby.path != sandbox.path and standby.item.kernel is None:
            yield FailOver(sandbox, own, standby)


def stand_ins(draft: Draft) -> Iterator[StandIn]:
    """The tasks that stand in for one that there is, in a sandbox that fails over to theirs."""
    for each in fail_overs(draft):
        originals = {task.item.name: task for task in reversed(tasks(each.sandbox))}
        for task in tasks(each.standby):
            home, _, name = (task.item.stands_in_for or "").partition(".")
            if home == each.sandbox.item.name and name in originals:
                yield StandIn(each.standby, task, each.sandbox, originals[name])
