"""The largest systems that can be described can be built."""

from __future__ import annotations

from pathlib import Path

from questv.arch.x86.machine import MAX_CORES
from questv.kernel.info import MAX_INPUTS
from questv.plan.build import build
from questv.system.rules.cores import CORES
from tests.running import sandbox_text, system_text, task_text, write_system

TASKS = """
@task
def look(file: Input) -> None:
    log(f"{file.length}")
"""


def test_cores() -> None:
    assert CORES == MAX_CORES


def test_a_sandbox_on_every_core(tmp_path: Path) -> None:
    """Each with so many inputs that no image has more parts."""
    inputs = range(MAX_INPUTS)
    sandboxes = [
        sandbox_text(
            f"s{core}",
            *(task_text("look", i, name=f"t{i}", file=f"i{core}-{i}") for i in inputs),
            *(f'[[sandbox.input]]\nname = "i{core}-{i}"\nsize = "4 KiB"' for i in inputs),
        )
        for core in range(MAX_CORES)
    ]
    plan = build(
        write_system(tmp_path, system_text(*sandboxes, machine='memory = "3 GiB"\n'), TASKS)
    ).plan
    assert plan.cores == MAX_CORES
