from __future__ import annotations

from questv.metal.lang import metal

CORES = 5


@metal
def start() -> None:
    assert CORES <= 4
