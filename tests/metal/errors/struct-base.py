from __future__ import annotations

from questv.metal.lang import u32
from questv.metal.structs import Struct


class Header(Struct):
    length: u32


class Message(Header):
    sender: u32
