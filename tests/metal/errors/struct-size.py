from __future__ import annotations

from questv.metal.lang import u32
from questv.metal.structs import Struct


class Header(Struct, size=6):
    length: u32
    sender: u32
