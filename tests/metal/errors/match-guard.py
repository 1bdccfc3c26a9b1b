from __future__ import annotations

from questv.metal.lang import metal, u8


@metal
def name(key: u8) -> u8:
    match key:
        case 1 if key > 0:
            return 1
    return 0
