from __future__ import annotations

from questv.metal.lang import metal


@metal
def hello() -> None:
    print("hello")
