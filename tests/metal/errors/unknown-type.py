from __future__ import annotations

from questv.metal.lang import metal


@metal
def show(values: list[str]) -> None:
    pass
