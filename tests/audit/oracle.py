"""What page tables let through, by brute force: page by page, and right by right.

Written from the manual (AMD64 APM vol. 2, 5.3 to 5.6, 15.25.5) for the tests of the audit, which it
shares nothing with. Where the processor would refuse an entry for a bit that is reserved, it takes
the entry for good, and where tables lie in memory of which nothing is known, for anything: so it
finds every flip a widening that could be one on any machine.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

Read = Callable[[int], bytes | None]
"""The page at a physical address; None if nothing is known of it."""

Shown = tuple[int, int, str]
"""An address, the physical page there, and one right to it: r, w, x, or u for user mode."""


def shown(
    read: Read, value: int, level: int, address: int, above: str, *, nested: bool
) -> Iterator[Shown]:
    """What an entry lets through; ``above`` are the rights that the way to it leaves: w, x, u."""
    if not value & 1:
        return
    left = "".join(
        right
        for right, given in (("w", value >> 1 & 1), ("u", value >> 2 & 1), ("x", not value >> 63))
        if given and right in above
    )
    target = value & 0x000F_FFFF_FFFF_F000
    if level == 1 or (level in (2, 3) and value >> 7 & 1):
        size = 4096 << 9 * (level - 1)
        if nested and "u" not in left:
            return
        start = target - target % size
        for offset in range(0, size, 4096):
            for right in "r" + left:
                yield address + offset, start + offset, right
        return
    table = read(target)
    if table is None:
        yield address, target, "unknown"
        return
    for index, below in enumerate(struct.unpack("<512Q", table)):
        at = address + (index << 12 + 9 * (level - 2))
        yield from shown(read, below, level - 1, at, left, nested=nested)


# ---- control blocks (APM vol. 2, appendix B, table B-1) ------------------------------------------

_INTERCEPTS = (0x008, 0x00C, 0x010)
_WIDENING = {
    **dict.fromkeys((0x040, 0x048, 0x0B0), range(64)),  # addresses: both maps, nested tables
    0x058: range(32),  # ASID
    0x060: range(8, 64),  # virtual interrupts, GIF and APIC
    0x090: range(64),  # nested paging, encryption
    **dict.fromkeys((0x098, 0x0A0, 0x0E0, 0x0F0, 0x0F8, 0x108), range(64)),  # virtual APIC, GHCB
    0x0A8: range(31, 32),  # an event to inject, if it is valid
    0x0B8: range(64),  # virtualized branch records, VMLOAD and VMSAVE
    0x0C0: range(32),  # clean bits: the processor may go by an older state
}


def control_widens(bit: int, before: int) -> bool:
    """Whether a flip of this bit of the control area, which was ``before``, can widen a right."""
    byte = bit // 8
    if any(start <= byte < start + 4 for start in _INTERCEPTS):
        return before == 1
    start = next((start for start in _WIDENING if start <= byte < start + 8), None)
    return start is not None and bit - 8 * start in _WIDENING[start]
