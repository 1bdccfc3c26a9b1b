"""Plans to look at."""

from __future__ import annotations

from pathlib import Path

from questv.plan.build import build
from questv.plan.model import Plan
from tests.inspect.machines import HELLO, plan_of

__all__ = ["DEMO", "HELLO", "many", "plan_of"]

DEMO = HELLO.parent / "demo"

_SANDBOX = """
[[sandbox]]
name = "number-{index}"
memory = "512 KiB"
  [[sandbox.task]]
  name = "work"
  run = "tasks:work"
  priority = 10
"""

_TASKS = """
from questv.api import log, task

@task
def work() -> None:
    log("done")
"""


def many(folder: Path, count: int) -> Plan:
    """A plan with that many sandboxes."""
    sandboxes = "".join(_SANDBOX.format(index=index) for index in range(count))
    (folder / "system.toml").write_text(f'version = 1\nname = "many"\n{sandboxes}')
    (folder / "tasks.py").write_text(_TASKS)
    return build(folder).plan
