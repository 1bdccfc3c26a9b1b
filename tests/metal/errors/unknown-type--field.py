from __future__ import annotations

from questv.metal.lang import Ptr, u32
from questv.metal.structs import Struct


class Request(Struct):
    length: u32
    device: Ptr[Device]
