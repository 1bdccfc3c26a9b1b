from __future__ import annotations

from questv.api import log, task
from questv.metal.lang import u8, u32


@task
def add() -> None:
    small: u8 = 300
    large: u32 = 4
    log(f"{large + small}")
    missing()  # noqa: F821
