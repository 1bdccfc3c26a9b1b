from __future__ import annotations

from questv.metal.lang import local, metal


@metal
def make() -> None:
    buffer = local()
