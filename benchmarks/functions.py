"""Functions that exist in C too, for a comparison of the compilers (``c/functions.c``)."""

from __future__ import annotations

from questv.metal.lang import Array, Ptr, constant, metal, u8, u32, u64


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (0xEDB8_8320 if state & 1 else 0)
        table.append(state)
    return table


CRC_TABLE: Array[u32, 256] = constant(_crc_table())


@metal
def crc32(data: Ptr[u8], length: u64) -> u32:
    """CRC-32 (IEEE 802.3), a byte at a time."""
    state: u32 = 0xFFFF_FFFF
    for i in range(length):
        state = state >> 8 ^ CRC_TABLE[state & 0xFF ^ u32(data[i])]
    return ~state


@metal
def heap_sort(values: Ptr[u32], count: u64) -> None:
    """Sort ascending, in place."""
    start = count // 2
    end = count
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            last = values[end]
            values[end] = values[0]
            values[0] = last
        root = start
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and values[child] < values[child + 1]:
                child += 1
            if values[root] >= values[child]:
                break
            larger = values[child]
            values[child] = values[root]
            values[root] = larger
            root = child
