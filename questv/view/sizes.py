"""How big a built system is."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from questv.inspect.sizes import BuildReport, MonitorSize
from questv.view.terminal import heading, indented, table
from questv.view.units import count, size


def build_view(report: BuildReport) -> RenderableType:
    """What was built, in numbers."""
    return Group(*_sections(report))


def _sections(report: BuildReport) -> Iterator[RenderableType]:
    yield heading("Monitor, all that is to be trusted at run time")
    yield indented(_monitor(report.monitor))
    yield ""
    yield heading("Programs, in bytes")
    yield indented(_programs(report))
    yield ""
    yield heading("Memory")
    yield indented(_memory(report))
    yield ""
    steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in report.seconds.items())
    yield Text(f"built in {sum(report.seconds.values()):.2f} s: {steps}")
    compiled = count(len(report.compiled), "module") if report.compiled else "nothing"
    yield Text(f"compiled anew: {compiled}")
    yield Text(f"image: {size(report.image_size)}")
    yield Text(f"SHA-256: {report.image_hash}", overflow="fold")


def _monitor(monitor: MonitorSize) -> Table:
    made = table("what", "is", "may be", "", numbers=("is", "may be"))
    for what, found, target in (
        ("lines of code", monitor.lines, monitor.lines_target),
        ("bytes of machine code", monitor.code, monitor.code_target),
    ):
        verdict = Text("ok", "green") if found <= target else Text("TOO BIG", "bold red")
        made.add_row(what, f"{found:,}", f"{target:,}", verdict)
    return made


def _programs(report: BuildReport) -> Table:
    parts = ("text", "rodata", "data", "bss")
    made = table("program", *parts, numbers=parts)
    for program in report.programs:
        sizes = (program.text, program.rodata, program.data, program.bss)
        made.add_row(program.name, *(f"{each:,}" for each in sizes))
    return made


def _memory(report: BuildReport) -> Table:
    memory, tables = report.memory, report.tables
    made = table("size", "what", numbers=("size",), header=False)
    for number, what in (
        (memory.sandboxes, "the sandboxes' own, of which"),
        (tables.kernel_tables, "  their page tables"),
        (memory.channels, "channels"),
        (memory.inputs, "inputs"),
        (memory.tasks, "tasks that move"),
        (memory.beyond, "beyond the sandboxes' own: monitors, and what the processor reads:"),
        (tables.nested_tables, "  nested page tables"),
        (tables.monitor_tables, "  the monitors' page tables"),
        (tables.permission_maps, "  permission maps of MSRs and ports"),
        (tables.guards, "  guards behind those of MSRs"),
        (memory.boot, "the boot, of no use after it"),
    ):
        if number:
            made.add_row(size(number), what)
    return made
