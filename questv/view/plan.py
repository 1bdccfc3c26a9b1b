"""The plan of a system, as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from questv.plan.model import Plan, SandboxPlan
from questv.view.memory_map import MemoryMap
from questv.view.rights import RightsTable
from questv.view.terminal import heading, indented, printable, sandbox_name, table
from questv.view.units import count, size
from questv.view.vcpus import share


def plan_view(plan: Plan) -> RenderableType:
    """All of a plan: sandboxes, tasks, channels, the memory map, and who sees what."""
    return Group(*_sections(plan))


def _sections(plan: Plan) -> Iterator[RenderableType]:
    yield title(plan)
    yield ""
    yield heading("Sandboxes")
    yield indented(_sandboxes(plan))
    yield ""
    yield heading("Tasks, the most urgent first")
    yield indented(_tasks(plan))
    if any(sandbox.foreign for sandbox in plan.sandboxes):
        yield ""
        yield heading("Foreign kernels")
        yield indented(_foreign(plan))
    if plan.channels:
        yield ""
        yield heading("Channels")
        yield indented(_channels(plan))
    if any(True for sandbox in plan.sandboxes for _ in _granted(sandbox)):
        yield ""
        yield heading("Inputs, devices, ports and MSRs")
        yield indented(_access(plan))
    yield ""
    yield MemoryMap(plan)
    yield ""
    yield RightsTable(plan)


def title(plan: Plan) -> Text:
    """The system in one line, and one more for each sandbox that is trusted with all memory."""
    parts = [
        count(len(plan.sandboxes), "sandbox", "sandboxes"),
        count(plan.cores, "core"),
        count(len(plan.channels), "channel"),
        f"{size(plan.memory)} of memory",
    ]
    checks = ", with checks" if plan.checks else ""
    made = Text.assemble((plan.name, "bold"), f": {', '.join(parts)}{checks}")
    for sandbox in plan.sandboxes:
        names = [device.name for device in sandbox.devices if device.reaches_all_memory]
        if names:
            made.append(
                f"\n{sandbox.name} is trusted with all memory: no IOMMU limits the DMA of "
                f"{', '.join(names)}",
                "yellow",
            )
    return made


def _sandboxes(plan: Plan) -> Table:
    made = table("name", "core", "interrupts", "memory", "used", numbers=("core", "memory", "used"))
    for sandbox in plan.sandboxes:
        made.add_row(
            sandbox_name(plan.sandboxes, sandbox.name),
            str(sandbox.core),
            sandbox.apic,
            size(sandbox.memory),
            f"{sandbox.memory_used / sandbox.memory:.0%}",
        )
    return made


def _tasks(plan: Plan) -> Table:
    made = table(
        *("sandbox", "name", "function", "time, priority", "stack", "needs at most"),
        numbers=("stack", "needs at most"),
    )
    for sandbox in plan.sandboxes:
        for task in sandbox.tasks:
            made.add_row(
                sandbox_name(plan.sandboxes, sandbox.name),
                task.name,
                task.function,
                share(sandbox.vcpus[task.vcpu], task.name, task.priority),
                size(task.stack_size),
                size(task.stack_needed),
            )
    return made


def _foreign(plan: Plan) -> Table:
    made = table("sandbox", "file", "what it is", "begins at", "what is not its own")
    for sandbox in plan.sandboxes:
        if sandbox.foreign is not None:
            made.add_row(
                sandbox_name(plan.sandboxes, sandbox.name),
                printable(sandbox.foreign.file),
                sandbox.foreign.format,
                f"{sandbox.entry:#x}, {sandbox.start.mode}",
                sandbox.foreign.undeclared,
            )
    return made


def _channels(plan: Plan) -> Table:
    made = table("name", "kind", "from", "to", "size", "doorbells", numbers=("size",))
    for channel in plan.channels:
        made.add_row(
            channel.name,
            channel.kind,
            sandbox_name(plan.sandboxes, channel.sender),
            sandbox_name(plan.sandboxes, channel.receiver),
            size(channel.size),
            " ".join(_doorbells(plan.sandbox(channel.sender), channel.name)),
        )
    return made


def _doorbells(sender: SandboxPlan, channel: str) -> Iterator[str]:
    """The vectors by which each side of a channel wakes the other."""
    for end in sender.ends:
        if end.channel == channel:
            yield f"{end.peer_vector:#x} there, {end.bell_vector:#x} back"


def _access(plan: Plan) -> Table:
    made = table("sandbox", "what")
    for sandbox in plan.sandboxes:
        for what in _granted(sandbox):
            made.add_row(sandbox_name(plan.sandboxes, sandbox.name), what)
    return made


def _granted(sandbox: SandboxPlan) -> Iterator[str]:
    for each in sandbox.inputs:
        yield f"input {each.name}, up to {size(each.capacity)}"
    for device in sandbox.devices:
        where = "" if device.slot is None else f", virtio slot {device.slot}"
        yield f"device {device.name} ({device.kind}{where})"
    for first, last in sandbox.ports:
        yield f"ports {first:#x} to {last:#x}"
    for number, rights in sandbox.msrs:
        yield f"MSR {number:#x}, {rights}"
