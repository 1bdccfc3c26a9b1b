"""How big a built system is, and what of it must be trusted."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import questv.arch.x86
import questv.monitor
from questv.arch.x86.svm import IO_MAP_SIZE, MSR_MAP_SIZE
from questv.inspect.model import Found
from questv.plan.build import BuiltSystem
from questv.plan.layout import tables
from questv.plan.model import Owner, Plan
from questv.plan.programs import Program

LINES_TARGET = 1800
"""Lines of code that a monitor may have."""
CODE_TARGET = 12 << 10
"""Bytes of machine code that a monitor may have."""


class MonitorSize(Found):
    """The monitor: lines of its source without comments and docstrings, bytes of machine code."""

    lines: int
    lines_target: int
    code: int
    code_target: int


class ProgramSize(Found):
    """A program's parts in bytes."""

    name: str
    text: int
    rodata: int
    data: int
    bss: int


class TableSizes(Found):
    """What the processor reads, in bytes, of all sandboxes together."""

    nested_tables: int
    kernel_tables: int
    monitor_tables: int
    permission_maps: int
    guards: int


class MemorySizes(Found):
    """Physical memory in bytes, by its purpose; ``beyond`` is what isolation itself takes.

    That is the memory of monitors and what the processor reads for them. ``tasks`` is of tasks that
    move, and ``boot`` of no use after the boot.
    """

    machine: int
    sandboxes: int
    channels: int
    inputs: int
    tasks: int
    boot: int
    beyond: int


class BuildReport(Found):
    """A built system. ``seconds`` has how long each step took, ``compiled`` what was not cached."""

    system: str
    checks: bool
    image_size: int
    image_hash: str
    monitor: MonitorSize
    programs: tuple[ProgramSize, ...]
    tables: TableSizes
    memory: MemorySizes
    compiled: tuple[str, ...]
    seconds: dict[str, float]


def build_report(built: BuiltSystem) -> BuildReport:
    """Measure a built system."""
    programs = [built.boot, built.monitor, *built.kernels.values()]
    return BuildReport(
        system=built.plan.name,
        checks=built.plan.checks,
        image_size=len(built.image),
        image_hash=built.hash,
        monitor=monitor_size(built.monitor),
        programs=tuple(_program(program) for program in programs),
        tables=_tables(built.plan),
        memory=_memory(built.plan),
        compiled=tuple(built.compiled),
        seconds=built.seconds,
    )


def monitor_size(monitor: Program) -> MonitorSize:
    """Measure the monitor."""
    return MonitorSize(
        lines=sum(code_lines(path.read_text(encoding="utf-8")) for path in monitor_sources()),
        lines_target=LINES_TARGET,
        code=monitor.segment_size("text"),
        code_target=CODE_TARGET,
    )


def monitor_sources() -> list[Path]:
    """The files that a monitor is made of: its package, and the backend for the processor."""
    package, arch = (Path(module.__path__[0]) for module in (questv.monitor, questv.arch.x86))
    return sorted([*package.glob("*.py"), *arch.glob("svm*.py")])


_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """The lines of Python ``source`` that are not empty, comment or docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and _is_text(node.value):
            lines.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(lines)


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _program(program: Program) -> ProgramSize:
    sizes = {name: program.segment_size(name) for name in ("text", "rodata", "data", "bss")}
    return ProgramSize(name=program.name, **sizes)


def _tables(plan: Plan) -> TableSizes:
    sandboxes = plan.sandboxes
    return TableSizes(
        nested_tables=sum(tables(each.view, user=True).size for each in sandboxes),
        kernel_tables=sum(tables(each.kernel_windows, user=False).size for each in sandboxes),
        monitor_tables=sum(tables(each.monitor_windows, user=False).size for each in sandboxes),
        permission_maps=len(sandboxes) * (MSR_MAP_SIZE + IO_MAP_SIZE),
        guards=sum(region.size for region in plan.regions if region.owner is Owner.GUARD),
    )


def _memory(plan: Plan) -> MemorySizes:
    of = dict.fromkeys(Owner, 0)
    for region in plan.regions:
        of[region.owner] += region.size
    return MemorySizes(
        machine=plan.memory,
        sandboxes=of[Owner.SANDBOX],
        channels=of[Owner.CHANNEL] + of[Owner.HEARTBEAT],
        inputs=of[Owner.INPUT],
        tasks=of[Owner.TASK],
        boot=of[Owner.BOOT],
        beyond=of[Owner.MONITOR] + of[Owner.HARDWARE] + of[Owner.GUARD],
    )
