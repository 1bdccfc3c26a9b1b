"""Rules on fail-overs: a standby that is there, and tasks in it that can take the service over."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.bindings import CHANNEL_KINDS, at_end, parameters
from questv.system.draft import Draft, Located, migration, repeated, tasks
from questv.system.model import Channel, Isolation, OnFault, Sandbox, Task
from questv.system.standby import fail_overs, failing, stand_ins
from questv.system.wording import suggest


def fail_over_to(draft: Draft) -> Iterator[Diagnostic]:
    """A service goes to one other kernel of ours, which keeps a place for it from the beginning."""
    ours = [each.item.name for each in draft.sandboxes if each.item.kernel is None]
    for sandbox, own in failing(draft):
        to, name = own.item.to, sandbox.item.name
        others = sorted(set(ours) - {name})
        if to is None:
            what, fix = ", and does not say where to", 'add to = "..." with the name of a sandbox'
        elif to not in draft.sandbox_names:
            what = f' to "{to}", and there is no such sandbox'
            fix = suggest(to, others, "add a [[sandbox]] of this name")
        elif to == name:
            what, fix = " to itself", 'name another one, or write on_fault = "restart"'
        elif to not in ours:
            what = f' to "{to}", which has a foreign kernel'
            fix = "name a sandbox with a kernel of ours"
        else:
            continue
        yield Diagnostic(
            own.value("on_fault" if to is None else "to"),
            f'"{name}" fails over{what}',
            fix,
            "fail-over-to",
        )


def fail_over_again(draft: Draft) -> Iterator[Diagnostic]:
    """A service that was taken over ends with the kernel that has it: it is not handed on."""
    for each in fail_overs(draft):
        own = each.standby.item.recovery
        if own is not None and own.on_fault is OnFault.FAIL_OVER:
            yield Diagnostic(
                each.recovery.value("to"),
                f'"{each.sandbox.item.name}" fails over to "{each.standby.item.name}", which '
                "fails over itself",
                'name another sandbox, or let that one have on_fault = "restart"',
                "fail-over-again",
            )


def fail_over_shared(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel has one view more, for the one sandbox whose service it can take over."""
    for first, again in repeated(fail_overs(draft), lambda each: each.standby.item.name):
        yield Diagnostic(
            again.recovery.value("to"),
            f'"{again.sandbox.item.name}" and "{first.sandbox.item.name}" '
            f'(line {first.sandbox.line}) both fail over to "{again.standby.item.name}"',
            "name another sandbox for one of the two",
            "fail-over-shared",
        )


def fail_over_device(draft: Draft) -> Iterator[Diagnostic]:
    """A device goes on with what it was told, and its interrupts go where they were led."""
    for sandbox, own in failing(draft):
        for device in draft.devices:
            if device.item.owner == sandbox.item.name:
                yield Diagnostic(
                    own.value("on_fault"),
                    f'"{sandbox.item.name}" drives device "{device.item.name}" '
                    f"(line {device.line}), which can't be handed over",
                    "let another sandbox drive it, and join the two by channels",
                    "fail-over-device",
                )


def fail_over_migration(draft: Draft) -> Iterator[Diagnostic]:
    """Who has a task that moves is settled between kernels, and nobody else can tell."""
    for each in fail_overs(draft):
        moving = migration(each.standby)
        if moving is not None:
            yield Diagnostic(
                each.recovery.value("to"),
                f'"{each.sandbox.item.name}" fails over to "{each.standby.item.name}", which takes '
                "part in migration",
                "name another sandbox, or remove its [sandbox.migration]",
                "fail-over-migration",
            )


def fail_over_unused(draft: Draft) -> Iterator[Diagnostic]:
    """Without a task that stands in for one of its own, nobody goes on with anything."""
    named = {task.item.stands_in_for for _, task in _stand_ins(draft)}
    for each in fail_overs(draft):
        name = each.sandbox.item.name
        if each.sandbox.item.kernel is None and not any(
            f"{name}.{task.item.name}" in named for task in tasks(each.sandbox)
        ):
            yield Diagnostic(
                each.recovery.value("to"),
                f'"{name}" fails over to "{each.standby.item.name}", where no task stands in for '
                "one of its own",
                f'write stands_in_for = "{name}.<task>" for a task there, or on_fault = "stop"',
                "fail-over-unused",
            )


def stand_in_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A stand-in takes the place of a task whose sandbox fails over to its own."""
    known = {each.task.path for each in stand_ins(draft)}
    unsettled = {
        sandbox.item.name
        for sandbox, _ in failing(draft)
        if sandbox.path not in {each.sandbox.path for each in fail_overs(draft)}
    }
    paths = [f"{s.item.name}.{task.item.name}" for s in draft.sandboxes for task in tasks(s)]
    for sandbox, task in _stand_ins(draft):
        wanted = task.item.stands_in_for or ""
        home = wanted.partition(".")[0]
        if task.path in known or home in unsettled:
            continue
        if wanted not in paths:
            what, fix = f'there is no task "{wanted}"', suggest(wanted, paths, "name another task")
        else:
            what = f'"{home}" does not fail over to "{sandbox.item.name}"'
            fix = f'give "{home}" on_fault = "fail-over" and to = "{sandbox.item.name}"'
        yield Diagnostic(
            task.value("stands_in_for"),
            f'task "{task.item.name}" can\'t stand in: {what}',
            fix,
            "stand-in-unknown",
        )


def _stand_ins(draft: Draft) -> Iterator[tuple[Located[Sandbox], Located[Task]]]:
    """All that say so."""
    for sandbox in draft.sandboxes:
        for task in tasks(sandbox):
            if task.item.stands_in_for is not None:
                yield sandbox, task


def stand_in_taken(draft: Draft) -> Iterator[Diagnostic]:
    """A task's place is for one."""
    for first, again in repeated(stand_ins(draft), lambda each: each.task.item.stands_in_for):
        yield Diagnostic(
            again.task.value("stands_in_for"),
            f'task "{again.task.item.name}" would stand in for "{again.task.item.stands_in_for}", '
            f'as "{first.task.item.name}" (line {first.task.line}) does',
            "let one of the two do it",
            "stand-in-taken",
        )


def stand_in_isolation(draft: Draft) -> Iterator[Diagnostic]:
    """What is handed over is shown to kernels; a process has page tables and states of its own."""
    for each in stand_ins(draft):
        for task, whose in ((each.task, "it"), (each.original, f'"{each.original.item.name}"')):
            if task.item.isolation is not Isolation.KERNEL:
                yield Diagnostic(
                    each.task.value("stands_in_for"),
                    f'task "{each.task.item.name}" can\'t stand in: {whose} is a process',
                    "let both be a part of their kernels",
                    "stand-in-isolation",
                )


def stand_in_channel(draft: Draft) -> Iterator[Diagnostic]:
    """Who shares a channel's memory stands in the description; and its two ends stay apart."""
    uses = [each for each in parameters(draft) if each.kind in CHANNEL_KINDS and each.channel]
    for each in stand_ins(draft):
        own = {
            (use.channel.item.name, use.end): use
            for use in uses
            if use.task.path == each.task.path and use.channel
        }
        theirs = {
            (use.channel.item.name, use.end): use.channel.item
            for use in uses
            if use.task.path == each.original.path and use.channel
        }
        name, original = each.task.item.name, each.task.item.stands_in_for
        for (channel, end), item in theirs.items():
            other = at_end(item, "to" if end == "from" else "from")
            use = own.get((channel, end))
            if other == each.sandbox.item.name:
                yield Diagnostic(
                    each.task.value("stands_in_for"),
                    f'task "{name}" can\'t stand in for "{original}": the other party of channel '
                    f'"{channel}" is in "{other}", too',
                    "let another sandbox stand by, or join them otherwise",
                    "stand-in-channel",
                )
            elif use is None or use.written is None:
                yield Diagnostic(
                    each.task.value("stands_in_for"),
                    f'task "{name}" stands in for "{original}", and does not name channel '
                    f'"{channel}", of which that has the "{end}" end',
                    f'give it a parameter for that, and bind = {{ ... = "{channel}" }}',
                    "stand-in-channel",
                )
        for (channel, end), use in own.items():
            if (channel, end) not in theirs and _is_at(use.channel, end, each.home):
                yield Diagnostic(
                    use.place,
                    f'task "{name}" stands in for "{original}", which does not have the "{end}" '
                    f'end of channel "{channel}"',
                    "bind what that task has, and nothing else",
                    "stand-in-channel",
                )


def _is_at(channel: Located[Channel] | None, end: str, sandbox: Located[Sandbox]) -> bool:
    """Whether that end of a channel is the sandbox's; of others a rule on bindings tells."""
    return channel is not None and at_end(channel.item, end) == sandbox.item.name


def stand_in_chain(draft: Draft) -> Iterator[Diagnostic]:
    """What a chain promises holds while everything is at its own place."""
    names = {f"{sandbox.item.name}.{task.item.name}" for sandbox, task in _stand_ins(draft)}
    for chain in draft.chains:
        for index, name in enumerate(chain.item.tasks):
            if name in names:
                yield Diagnostic(
                    chain.value("tasks", index),
                    f'chain "{chain.item.name}" leads through "{name}", which stands in for '
                    "another task",
                    "let it lead through that task",
                    "stand-in-chain",
                )


RULES = (
    fail_over_to,
    fail_over_again,
    fail_over_shared,
    fail_over_device,
    fail_over_migration,
    fail_over_unused,
    stand_in_unknown,
    stand_in_taken,
    stand_in_isolation,
    stand_in_channel,
    stand_in_chain,
)
