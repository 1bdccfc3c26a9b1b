from __future__ import annotations

from questv.metal.lang import metal


@metal
def nothing() -> None:
    pass


__file__ = ""
