"""What the kernels of the demo tell each other."""

from __future__ import annotations

from questv.metal.lang import Array, u8, u32, u64
from questv.metal.structs import Struct

CHUNK = 16 << 10
"""The longest piece of the file in one message; an empty message is the file's end."""

TOP = 5
SHOWN = 32


class Digest(Struct):
    """From the digest kernel."""

    bytes: u64
    value: Array[u8, 32]


class TopWord(Struct):
    """A frequent word; of a long one only the beginning is kept."""

    count: u64
    length: u32
    shown: u32  # bytes of ``text``
    text: Array[u8, SHOWN]


class Counts(Struct):
    """From the words kernel."""

    bytes: u64
    lines: u64
    words: u64
    distinct: u64  # different words that were counted each for itself
    uncounted: u64  # occurrences of further words, for which there was no room
    top: Array[TopWord, TOP]


class Ticks(Struct):
    """From the control task: how late it was woken, in nanoseconds."""

    count: u64
    last: u64  # 1 if no more will come
    least: u64
    most: u64
    total: u64
