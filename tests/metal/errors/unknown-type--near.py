from __future__ import annotations

from questv.metal.lang import metal, u32
from questv.metal.structs import Struct


class Request(Struct):
    length: u32


@metal
def length(request: Requst) -> u32:
    return request.length
