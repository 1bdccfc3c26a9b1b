from __future__ import annotations

from questv.metal.lang import metal, u32
from questv.metal.structs import Struct


class Request(Struct):
    lengths: Array[u32, 4]
