"""Who had the core and for how long, who was late, and what tasks count, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from questv.inspect.model import SandboxReport, TaskReport, VcpuReport
from questv.kernel.status import RESPONSES_IN_TIME
from questv.system.timing import WHOLE_CORE
from questv.system.units import format_duration
from questv.view.terminal import heading, indented, sandbox_name, table
from questv.view.units import count, duration

_BARS = "▁▂▃▄▅▆▇█"
_BAD = "bold red"

Sandboxes = Sequence[SandboxReport]


def timing_sections(sandboxes: Sandboxes) -> Iterator[RenderableType]:
    """The tables of which there is something to show, each with its heading and a line before."""
    if any(sandbox.idle is not None for sandbox in sandboxes):
        yield from _section("Time (shares of the core since the kernel's start)", _time(sandboxes))
        yield from map(indented, _modes(sandboxes))
    if any(task.deadline is not None for sandbox in sandboxes for task in sandbox.tasks):
        yield from _section(
            "Periodic tasks (responses: how many took each eighth of the deadline)",
            _periodic(sandboxes),
        )
    if any(sandbox.mutexes for sandbox in sandboxes):
        yield from _section("Mutexes", _mutexes(sandboxes))
    if any(sandbox.counters for sandbox in sandboxes):
        yield from _section("Counters", _counters(sandboxes))
    if any(sandbox.histograms for sandbox in sandboxes):
        yield from _section(
            "Histograms (half, and 99 of 100 values, are at most)", _histograms(sandboxes)
        )


def _section(title: str, content: Table) -> Iterator[RenderableType]:
    yield ""
    yield heading(title)
    yield indented(content)


def late_lines(sandboxes: Sandboxes) -> Iterator[Text]:
    """What came too late or took too long, a line for each."""
    for sandbox in sandboxes:
        for line in _late(sandbox):
            yield Text(line, "bold yellow", overflow="fold")


def _late(sandbox: SandboxReport) -> Iterator[str]:
    for task in sandbox.tasks:
        if task.misses or task.dropped:
            yield (
                f"{sandbox.name}/{task.name} missed {count(task.misses, 'deadline')} in "
                f"{count(task.releases, 'call')}, and left out {count(task.dropped, 'release')}"
            )
    for vcpu in sandbox.vcpus:
        if vcpu.overruns:
            yield f"{sandbox.name}: VCPU {vcpu.name} overran its budget {_times(vcpu.overruns)}"
    for mutex in sandbox.mutexes:
        if mutex.overruns:
            yield f"{sandbox.name}: mutex {mutex.name} was held too long {_times(mutex.overruns)}"
    if sandbox.unsent_lines:
        lines = count(sandbox.unsent_lines, "line")
        yield f"{sandbox.name}: {lines} of its console were not sent to the serial port in time"


def _times(number: int) -> str:
    return count(number, "time")


# ---- tables ----------------------------------------------------------------------------------


def _time(sandboxes: Sandboxes) -> Table:
    numbers = ("budget", "period", "share", "used", "depleted", "overran")
    made = table("sandbox", "VCPU", "kind", *numbers, numbers=numbers, keys=2)
    for sandbox in sandboxes:
        if sandbox.idle is None:
            continue
        whole = sandbox.idle + sum(vcpu.used or 0 for vcpu in sandbox.vcpus)
        name = sandbox_name(sandboxes, sandbox.name)
        for vcpu in sandbox.vcpus:
            used = _share(vcpu.used or 0, whole)
            made.add_row(name, vcpu.name, vcpu.kind, *_guarantee(vcpu), used, *_exhaustion(vcpu))
        made.add_row(name, "", "idle", "", "", "", _share(sandbox.idle, whole), "", "")
    return made


def _guarantee(vcpu: VcpuReport) -> tuple[str, str, str]:
    match vcpu.kind:
        case "main":
            times = format_duration(vcpu.budget), format_duration(vcpu.period)
            return *times, _share(vcpu.budget, vcpu.period)
        case "io":
            return "", "", _share(vcpu.utilization, WHOLE_CORE)
        case _:
            return "", "", ""


def _exhaustion(vcpu: VcpuReport) -> tuple[str, Text | str]:
    if vcpu.kind == "best effort":
        return "", ""
    return f"{vcpu.depletions:,}", _bad(vcpu.overruns)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _bad(number: int) -> Text:
    return Text(f"{number:,}", _BAD if number else "")


def _modes(sandboxes: Sandboxes) -> Iterator[Text]:
    for sandbox in sandboxes:
        if sandbox.mode_changes:
            changes = count(sandbox.mode_changes, "change")
            yield Text(f"{sandbox.name} is in mode {sandbox.mode}, after {changes}", "yellow")


def _periodic(sandboxes: Sandboxes) -> Table:
    numbers = ("calls", "missed", "dropped", "worst", "deadline")
    made = table("sandbox", "name", *numbers, "responses", numbers=numbers, keys=2)
    for sandbox in sandboxes:
        for task in sandbox.tasks:
            if task.deadline is not None:
                made.add_row(
                    sandbox_name(sandboxes, sandbox.name),
                    task.name,
                    f"{task.releases:,}",
                    _bad(task.misses),
                    _bad(task.dropped),
                    "" if task.worst is None else duration(task.worst),
                    format_duration(task.deadline),
                    _responses(task),
                )
    return made


def _responses(task: TaskReport) -> Text:
    """A bar for each part of the deadline, and behind it for what came later."""
    most = max(task.responses, default=0)
    bars = [
        _BARS[(number * len(_BARS) - 1) // most] if number else " " for number in task.responses
    ]
    in_time, late = bars[:RESPONSES_IN_TIME], bars[RESPONSES_IN_TIME:]
    return Text.assemble("".join(in_time), "|", ("".join(late).rstrip(), _BAD), no_wrap=True)


def _mutexes(sandboxes: Sandboxes) -> Table:
    numbers = ("times", "longest", "may be", "too long")
    made = table("sandbox", "name", *numbers, numbers=numbers, keys=2)
    for sandbox in sandboxes:
        for mutex in sandbox.mutexes:
            made.add_row(
                sandbox_name(sandboxes, sandbox.name),
                mutex.name,
                f"{mutex.times:,}",
                duration(mutex.longest),
                format_duration(mutex.hold),
                _bad(mutex.overruns),
            )
    return made


def _counters(sandboxes: Sandboxes) -> Table:
    made = table("sandbox", "name", "total", numbers=("total",), keys=2)
    for sandbox in sandboxes:
        for counter in sandbox.counters:
            name = sandbox_name(sandboxes, sandbox.name)
            made.add_row(name, counter.name, f"{counter.total:,}")
    return made


def _histograms(sandboxes: Sandboxes) -> Table:
    numbers = ("values", "least", "average", "half", "99 %", "most")
    made = table("sandbox", "name", *numbers, numbers=numbers, keys=2)
    for sandbox in sandboxes:
        for each in sandbox.histograms:
            average = each.sum // each.count if each.count else None
            values = (each.least, average, each.most_of(0.5), each.most_of(0.99), each.most)
            made.add_row(
                sandbox_name(sandboxes, sandbox.name),
                each.name,
                f"{each.count:,}",
                *("" if value is None else f"{value:,}" for value in values),
            )
    return made
