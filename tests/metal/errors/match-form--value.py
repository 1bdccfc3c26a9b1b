from __future__ import annotations

from questv.metal.lang import metal, u8


@metal
def name(key: u8, other: u8) -> u8:
    match key:
        case [1, 2]:
            return 1
        case _:
            return 0
