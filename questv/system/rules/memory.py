"""Rules on memory: whole pages, and no more of them than there are."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic, Place
from questv.system.draft import Draft, inputs, tasks
from questv.system.findings import too_many
from questv.system.model import Channel, RingChannel
from questv.system.units import PAGE_SIZE, format_size, pages

FOUR_SLOTS = 4
INPUTS_MAXIMUM = 16
MIB = 1 << 20

_SANDBOX = 512 << 10  # bytes that a kernel with some small tasks has enough of
_MACHINE = 16 * MIB  # and a machine with a few of them
_STACK = 8 << 10  # and a task with few locals
_BOOT = 4 * MIB  # bytes that a machine needs beyond what it gives out, at most
_EACH = MIB  # and those for each sandbox's monitor and tables


def machine_memory_pages(draft: Draft) -> Iterator[Diagnostic]:
    """Memory is given out in pages of 4 KiB, the smallest unit that nested paging protects."""
    machine = draft.machine
    yield from _whole_pages(
        machine.value("memory"),
        "memory",
        machine.item.memory,
        "machine-memory-pages",
        least=_MACHINE,
    )


def sandbox_memory_pages(draft: Draft) -> Iterator[Diagnostic]:
    """A page belongs to one sandbox: of a part of one, nobody could own the rest."""
    for sandbox in draft.sandboxes:
        yield from _whole_pages(
            sandbox.value("memory"),
            "memory",
            sandbox.item.memory,
            "sandbox-memory-pages",
            least=_SANDBOX,
        )


def task_stack_pages(draft: Draft) -> Iterator[Diagnostic]:
    """A stack is whole pages, so that the page below can be left out and catch an overflow."""
    for sandbox in draft.sandboxes:
        for task in tasks(sandbox):
            yield from _whole_pages(
                task.value("stack"), "stack", task.item.stack, "task-stack-pages", least=_STACK
            )


def input_size_pages(draft: Draft) -> Iterator[Diagnostic]:
    """An input is mapped read-only, and rights are given page by page."""
    for each in draft.inputs:
        yield from _whole_pages(each.value("size"), "size", each.item.size, "input-size-pages")


def inputs_too_many(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel has a fixed number of places where it sees inputs."""
    for sandbox in draft.sandboxes:
        own = inputs(sandbox)
        fix = "join files into one, or give some to another sandbox"
        what = f"{len(own)} inputs"
        yield from too_many(sandbox, own, INPUTS_MAXIMUM, what, fix, "inputs-too-many")


def _whole_pages(
    place: Place, key: str, size: int, rule: str, *, least: int = PAGE_SIZE
) -> Iterator[Diagnostic]:
    """Refuse what is not whole pages; what has less than ``least`` would not do for much."""
    if size == 0 or size % PAGE_SIZE:
        fitting = format_size(max(least, pages(size)))
        usual = pages(size) < least != PAGE_SIZE
        why = "which is enough for a small one" if usual else "the next size that fits"
        yield Diagnostic(
            place,
            f'"{key}" is {format_size(size)}, which is not one or more whole pages '
            f"of {format_size(PAGE_SIZE)}",
            f'write {key} = "{fitting}", {why}',
            rule,
        )


def stacks_exceed_memory(draft: Draft) -> Iterator[Diagnostic]:
    """The stacks are part of a sandbox's memory and must leave room for the kernel itself."""
    for sandbox in draft.sandboxes:
        stacks = sum(task.stack for task in sandbox.item.tasks)
        if sandbox.item.memory % PAGE_SIZE:
            continue  # that is a finding of sandbox_memory_pages
        if stacks and stacks >= sandbox.item.memory:
            yield Diagnostic(
                sandbox.value("memory"),
                f'the stacks of the tasks of "{sandbox.item.name}" take {format_size(stacks)}, '
                f"and the sandbox has {format_size(sandbox.item.memory)} for them and its kernel",
                "give the sandbox more memory, or its tasks smaller stacks",
                "stacks-exceed-memory",
            )


def machine_memory_exceeded(draft: Draft) -> Iterator[Diagnostic]:
    """What is given out must exist; monitors and nested tables come on top of this sum."""
    shares = [
        *((s.item.memory, f'sandbox "{s.item.name}"', s.line) for s in draft.sandboxes),
        *((i.item.size, f'input "{i.item.name}"', i.line) for i in draft.inputs),
        *((channel_memory(c.item), f'channel "{c.item.name}"', c.line) for c in draft.channels),
    ]
    total = sum(size for size, _, _ in shares)
    machine = draft.machine
    if total > machine.item.memory:
        size, what, line = max(shares)
        yield Diagnostic(
            machine.value("memory"),
            f"sandboxes, inputs and channels take {format_size(total)}, but the machine has "
            f"{format_size(machine.item.memory)}; most goes to {what} "
            f"(line {line}), {format_size(size)}",
            f'write memory = "{_with_boot(total, len(draft.sandboxes))}" in [machine], which has '
            "room for the boot and the monitors too, or give out less",
            "machine-memory-exceeded",
        )


def _with_boot(given_out: int, sandboxes: int) -> str:
    """A size for a machine that gives out so much, in whole MiB."""
    needed = given_out + _BOOT + sandboxes * _EACH
    return f"{-(-needed // MIB)} MiB"


def channel_memory(channel: Channel) -> int:
    """The bytes that the messages of ``channel`` take, in whole pages."""
    if isinstance(channel, RingChannel):
        return pages(channel.size)
    return pages(FOUR_SLOTS * channel.message)


RULES = (
    machine_memory_pages,
    sandbox_memory_pages,
    task_stack_pages,
    input_size_pages,
    inputs_too_many,
    stacks_exceed_memory,
    machine_memory_exceeded,
)
