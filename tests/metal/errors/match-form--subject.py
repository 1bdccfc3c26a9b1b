from __future__ import annotations

from questv.metal.lang import metal


@metal
def name(key: str) -> None:
    match key:
        case "a":
            pass
