from __future__ import annotations

from questv.metal.lang import metal, u8

LIMIT = 5


@metal
def name(key: u8) -> u8:
    match key:
        case LIMIT:
            return 1
    return 0
