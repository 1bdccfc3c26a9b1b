"""Dependencies point downwards only: each part imports parts that stand above it in this list."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import questv

ROOT = Path(questv.__file__).parent

PARTS = (
    "diagnostics",  # how people are told what is wrong
    "interrupted",  # that somebody wants this process to end
    "metal",  # the language: knows nothing of kernels
    "math",  # of floats, for tasks
    "voting",  # of three, for tasks
    "arch",  # the processor
    "text",
    "monitor",  # below every kernel, and knows of none
    "channel",
    "kernel",
    "api",  # what tasks see
    "process",  # what those see that are processes
    "api_reference",
    "boot",
    "admission",  # whether promises about time can be kept: knows nothing but numbers
    "system",  # the description: knows nothing of machine code
    "plan",
    "machine",  # where images run: knows nothing of what is in them
    "counter",  # instructions by core: a program for the emulator, and who reads it
    "probes",  # the machines' self-test: a program, and who runs it
    "inspect",
    "expect",
    "faults",  # on purpose, and what comes of them
    "audit",  # shares nothing with what builds what it audits
    "view",
    "cli",
    "attacks",
)

BESIDES = {  # what must not be used though it stands above
    "admission": set(PARTS) - {"admission"},
    "system": {"metal", "arch", "text", "monitor", "channel", "kernel", "process", "api", "boot"},
    "machine": set(PARTS) - {"machine", "diagnostics"},
    "attacks": {"plan", "machine", "inspect", "expect", "faults", "audit", "view", "cli"},
    "audit": {
        "arch",
        "text",
        "channel",
        "process",
        "api",
        "api_reference",
        "inspect",
        "expect",
        "faults",
    },
}

AUDIT_USES = {  # of the part that builds what it audits
    "questv.plan.model",
    "questv.monitor.interface",
    "questv.monitor.plan",
    "questv.kernel.info",
    "questv.kernel.processes",
    "questv.boot.plan",
}


def part_of(file: Path) -> str:
    first = file.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


FILES = [file for file in sorted(ROOT.rglob("*.py")) if file != ROOT / "__init__.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_dependencies_point_downwards(file: Path) -> None:
    own = part_of(file)
    below = set(PARTS[: PARTS.index(own) + 1]) - BESIDES.get(own, set())
    for name in imports(file):
        if name.startswith("questv."):
            assert name.split(".")[1] in below, f"{file} imports {name}"


def test_the_audit_shares_nothing_with_what_it_audits() -> None:
    """No builder, no constant of a builder: only the plan's claims and the structures of memory."""
    used = {
        name.rpartition(".")[0]
        for file in (ROOT / "audit").rglob("*.py")
        for name in imports(file)
        if name.startswith(("questv.plan", "questv.monitor", "questv.kernel", "questv.boot"))
    }
    assert used == AUDIT_USES
