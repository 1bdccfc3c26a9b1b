from __future__ import annotations

from enum import IntFlag

from questv.metal.lang import metal, u8
from questv.metal.structs import width


@width(u8)
class Rights(IntFlag):
    READ = 1
    WRITE = 2


@metal
def both(rights: Rights) -> bool:
    return Rights.READ in rights == Rights.WRITE
