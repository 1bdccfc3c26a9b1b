from __future__ import annotations

from questv.metal.lang import Array, u32
from questv.metal.structs import Struct


class Node(Struct):
    value: u32
    children: Array[Node, 2]
