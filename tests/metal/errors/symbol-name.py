from __future__ import annotations

from questv.metal.lang import metal


@metal(export="start here")
def start() -> None:
    pass
