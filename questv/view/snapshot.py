"""A system at one moment, or at the end of its run, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from questv.inspect.model import (
    ChannelReport,
    ConsoleReport,
    EndReport,
    MachineReport,
    SandboxReport,
    Snapshot,
)
from questv.view.crash import crash_view, fault_view
from questv.view.lines import LineView
from questv.view.terminal import add_column, heading, indented, sandbox_name, table
from questv.view.timing import timing_sections
from questv.view.units import count, duration, frequency, moment, size
from questv.view.vcpus import share

_SHOWN_LINES = 20
_CLOCK_ERROR = 20_000_000  # nanoseconds; more is worth a word, even on a host that is busy
_STATE_STYLES = {"crashed": "bold red", "monitor fault": "bold red"}


def snapshot_view(snapshot: Snapshot) -> RenderableType:
    """Sandboxes, tasks, channels and streams with all their counters."""
    return Group(*_sections(snapshot))


def inspection_view(snapshot: Snapshot, console: Sequence[ConsoleReport]) -> RenderableType:
    """A system from outside: the machine, the counters, the last lines, and what has crashed."""
    parts: list[RenderableType] = [
        machine_view(snapshot.machine),
        interrupts_view(snapshot.machine),
        "",
        snapshot_view(snapshot),
    ]
    lines = [line for each in console for line in each.lines]
    lines.sort(key=lambda line: line.time or 0)
    if lines:
        view = LineView(
            {each.name: [task.name for task in each.tasks] for each in snapshot.sandboxes}
        )
        parts += ["", heading("Last lines"), *map(view.line, lines[-_SHOWN_LINES:])]
    for sandbox in snapshot.sandboxes:
        for crash in sandbox.crashes:
            parts += ["", crash_view(sandbox.name, crash)]
    return Group(*parts)


def machine_view(machine: MachineReport) -> Text:
    """What machine was asked for, what it turned out to be, and how it was to run."""
    asked, found = machine.asked, machine.found
    parts = [asked.kind, count(asked.cores, "core"), size(asked.memory)]
    if found is not None:
        parts.append(f"TSC {frequency(found.tsc_frequency)}")
        parts.append(f"APIC timer {frequency(found.apic_frequency)}")
    lines = [f"machine: {', '.join(parts)}"]
    limits = ["deterministic"] if asked.deterministic else []
    limits += [f"for {asked.run_for / 1e9:g} s"] if asked.run_for is not None else []
    if limits:
        lines.append(f"run: {', '.join(limits)}")
    return Text("\n".join(lines))


def interrupts_view(machine: MachineReport) -> Text:
    """How the sandboxes get their interrupts."""
    modes = machine.asked.interrupts
    if len(set(modes.values())) == 1:
        line = Text(f"interrupts: {next(iter(modes.values()))}")
    else:
        line = Text(f"interrupts: {', '.join(f'{name} {mode}' for name, mode in modes.items())}")
    if machine.found is not None and machine.found.x2apic:
        line.append(", through an x2APIC")
    elif machine.found is not None and "guarded" in modes.values():
        line.append(
            "; this machine has no x2APIC: the timer and the end of each interrupt"
            " cost guarded kernels an exit",
            "yellow",
        )
    return line


def _sections(snapshot: Snapshot) -> Iterator[RenderableType]:
    yield heading("Sandboxes (seconds since the machine's start; exits since the kernel's)")
    yield indented(_sandboxes(snapshot))
    yield from _clocks(snapshot.sandboxes)
    yield ""
    yield heading("Tasks")
    yield indented(_tasks(snapshot))
    for sandbox in snapshot.sandboxes:
        for fault in sandbox.faults:
            yield ""
            yield fault_view(sandbox.name, fault)
    yield from timing_sections(snapshot.sandboxes)
    if snapshot.channels:
        yield ""
        yield heading("Channels (as each end counts; doorbells it rang, was woken by, got late)")
        yield indented(_channels(snapshot))
    if snapshot.streams:
        yield ""
        yield heading("Streams (bytes; times that the port had to drop what came)")
        yield indented(_streams(snapshot))


def _clocks(sandboxes: Iterable[SandboxReport]) -> Iterator[Text]:
    """What there is to say of the clocks of cores: those that had to be set right, or can't be."""
    for sandbox in sandboxes:
        offset, error = sandbox.clock_offset or 0, sandbox.clock_error or 0
        if offset:
            way = "ahead" if offset > 0 else "behind"
            line = f"core {sandbox.core}'s was {duration(abs(offset))} {way}, and was set right"
            yield Text(f"  clocks: {line} to within {duration(error)}")
        elif error > _CLOCK_ERROR:
            line = f"core {sandbox.core}'s is known to within {duration(error)} only"
            yield Text(f"  clocks: {line}", "yellow")


def _sandboxes(snapshot: Snapshot) -> Table:
    restarts = ("restarts",) if any(each.incarnation for each in snapshot.sandboxes) else ()
    made = table(
        *("name", "core", "state", *restarts, "started", "ended", "timer", "doorbells", "exits"),
        numbers=("core", *restarts, "started", "ended", "timer", "doorbells"),
    )
    for sandbox in snapshot.sandboxes:
        made.add_row(
            sandbox_name(snapshot.sandboxes, sandbox.name),
            str(sandbox.core),
            Text(sandbox.state, _STATE_STYLES.get(sandbox.state, "")),
            *([_counted(sandbox.incarnation)] if restarts else []),
            moment(sandbox.started),
            moment(sandbox.ended),
            _counted(sandbox.timer_interrupts),
            _counted(sandbox.doorbells),
            _exits(sandbox.exits.before if sandbox.started is None else sandbox.exits.after),
        )
    return made


def _counted(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _exits(by_reason: dict[str, int]) -> str:
    counts = [f"{number:,} {reason}" for reason, number in by_reason.items() if number]
    return ", ".join(counts) or "none"


def _tasks(snapshot: Snapshot) -> Table:
    made = table(
        "sandbox",
        "name",
        "function",
        "time, priority",
        "state",
        "switches",
        numbers=("switches",),
        keys=2,
    )
    restored = any(task.restored for sandbox in snapshot.sandboxes for task in sandbox.tasks)
    if restored:
        add_column(made, "restored")
    for sandbox in snapshot.sandboxes:
        known = {vcpu.name: vcpu for vcpu in sandbox.vcpus}
        for task in sandbox.tasks:
            state = f"waiting for {task.waits_for}" if task.waits_for else task.state
            made.add_row(
                sandbox_name(snapshot.sandboxes, sandbox.name),
                task.name,
                task.function,
                share(known[task.vcpu], task.name, task.priority),
                state,
                f"{task.switches:,}",
                *([", ".join(task.restored)] if restored else []),
            )
    return made


def _channels(snapshot: Snapshot) -> Table:
    numbers = ("messages", "bytes", "waits", "rung", "woken", "late")
    made = table("name", "end", *numbers, numbers=numbers, keys=2)
    broken = any(end.violations for each in snapshot.channels for end in _ends(each))
    if broken:
        add_column(made, "broken rules", number=True, style="bold red")
    restarted = any(end.resets for each in snapshot.channels for end in _ends(each))
    if restarted:
        add_column(made, "resets", number=True)
    for channel in snapshot.channels:
        for end, title in zip(_ends(channel), (channel.name, f"  {channel.kind}"), strict=True):
            counts = [end.messages, end.bytes, end.waits, end.rung, end.woken, end.late]
            counts += [end.violations] if broken else []
            counts += [end.resets] if restarted else []
            name = sandbox_name(snapshot.sandboxes, end.sandbox)
            made.add_row(title, name, *(f"{number:,}" for number in counts))
    return made


def _streams(snapshot: Snapshot) -> Table:
    numbers = ("received", "sent", "interrupts", "overruns")
    made = table("name", "sandbox", "task", *numbers, numbers=numbers)
    for stream in snapshot.streams:
        counts = [stream.received, stream.sent, stream.interrupts, stream.overruns]
        name = sandbox_name(snapshot.sandboxes, stream.sandbox)
        made.add_row(stream.name, name, stream.task, *(f"{number:,}" for number in counts))
    return made


def _ends(channel: ChannelReport) -> tuple[EndReport, EndReport]:
    return channel.sender, channel.receiver
