from __future__ import annotations

from questv.metal.lang import metal


@metal
def spin() -> None:
    while True:
        pass
    return
