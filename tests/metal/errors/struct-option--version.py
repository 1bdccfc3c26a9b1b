from __future__ import annotations

from questv.metal.lang import u32
from questv.metal.structs import Struct


class Message(Struct, version=2):
    length: u32
