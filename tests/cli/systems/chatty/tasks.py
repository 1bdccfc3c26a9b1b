from __future__ import annotations

from questv.api import log, task
from questv.metal.lang import u64


@task
def talk(lines: u64) -> None:
    for number in range(lines):
        log(f"line {number + 1}")
