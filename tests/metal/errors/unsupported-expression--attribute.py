from __future__ import annotations

from questv.metal.lang import metal

NAME = "core"


@metal
def name() -> str:
    return NAME.upper()
