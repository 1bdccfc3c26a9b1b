"""Why a sandbox was stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from questv.inspect.model import (
    RESTART,
    STOP_ALONE,
    STOP_STORM,
    CrashReport,
    FailOverReport,
    FaultReport,
    Frame,
)
from questv.view.terminal import indented, printable, table
from questv.view.units import duration, moment


def crash_view(sandbox: str, crash: CrashReport) -> RenderableType:
    """A crash record: the reason, the calls that led to it, and the registers."""
    return Group(*_sections(sandbox, crash))


def repair_text(crash: CrashReport) -> str:
    """A fault after which the kernel was restarted, in brief: what it did, and what that took."""
    took = ""
    if crash.time is not None and crash.started is not None:
        took = f" in {duration(crash.started - crash.time)}"
    return f"{crash.reason}; restarted{took} as incarnation {crash.incarnation + 1}"


def fault_view(sandbox: str, fault: FaultReport) -> RenderableType:
    """Why a task was ended that is a process, and the calls that led to it."""
    who = f"task {fault.task} of {sandbox} was ended: {printable(fault.reason)}"
    when = f"at {moment(fault.time)} s; " if fault.time is not None else ""
    return Group(
        Text(who, "bold red", overflow="fold"),
        indented(Text(f"{when}innermost call first:")),
        indented(_calls(fault.trace) if fault.trace else Text("(no call is known)")),
    )


def _sections(sandbox: str, crash: CrashReport) -> Iterator[RenderableType]:
    yield Text.assemble((f"{sandbox} {printable(crash.reason)}", "bold red"), overflow="fold")
    where = f"in task {crash.task}" if crash.task else "in the kernel itself"
    when = f", at {moment(crash.time)} s" if crash.time is not None else ""
    yield indented(Text(f"{where}{when}; innermost call first:"))
    calls = crash.panic.trace if crash.panic else crash.trace
    yield indented(_calls(calls) if calls else Text("(no call is known)"))
    if crash.action == RESTART:
        yield indented(Text(_restarted(crash), "yellow"))
    elif crash.action == STOP_STORM:
        yield indented(Text("stopped: it was restarted too often", "red"))
    elif crash.action == STOP_ALONE:
        yield indented(Text("stopped: its standby has ended", "red"))
    elif crash.fail_over is not None:
        yield indented(Text(_failed_over(crash, crash.fail_over), "yellow"))
    if crash.panic is None:  # else they are those of a kernel that reports, long after its fault
        yield indented(_registers(crash.registers))


def _restarted(crash: CrashReport) -> str:
    """That it was, and how long the parts of that took."""
    done = f"restarted as incarnation {crash.incarnation + 1}"
    phases = ("decided", "waited", "restored", "entered", "started")
    moments = (
        crash.time,
        crash.decided,
        crash.waited,
        crash.restored,
        crash.entered,
        crash.started,
    )
    took = _phases(phases, moments)
    return f"{done}: {took}" if took else done


def _failed_over(crash: CrashReport, report: FailOverReport) -> str:
    """To whom, and how long the parts of that took."""
    done = f"failed over to {report.to}"
    if report.taken_over is None:
        done += ", which has not taken over yet"
    moments = (crash.time, crash.decided, report.released, report.taken_over, report.served)
    took = _phases(("decided", "released", "taken over", "first call"), moments)
    return f"{done}: {took}" if took else done


def _phases(phases: Sequence[str], moments: Sequence[int | None]) -> str:
    """How long each phase took, as far as it is known."""
    return ", ".join(
        f"{phase} {duration(later - earlier)}"
        for phase, (earlier, later) in zip(phases, pairwise(moments), strict=True)
        if earlier is not None and later is not None
    )


def _calls(frames: Sequence[Frame]) -> Table:
    made = table("address", "function", "where", header=False)
    for frame in frames:
        where = f"{frame.file}:{frame.line}" if frame.line else ""
        made.add_row(Text(f"{frame.address:#x}", "dim"), printable(frame.function), where)
    return made


def _registers(registers: dict[str, int]) -> Columns:
    """As many beside each other as there is room for."""
    cells = [Text(f"{name:<6} {value:016x}", "dim") for name, value in registers.items()]
    return Columns(cells, padding=(0, 2))
